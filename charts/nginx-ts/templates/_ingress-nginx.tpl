{{/* Names of ingress-nginx's templates, which values such as an affinity may include. */}}

{{- define "ingress-nginx.name" -}}
{{- include "nginx-ts.name" . -}}
{{- end -}}

{{- define "ingress-nginx.fullname" -}}
{{- include "nginx-ts.fullname" . -}}
{{- end -}}

{{- define "ingress-nginx.controller.fullname" -}}
{{- include "nginx-ts.controller.fullname" . -}}
{{- end -}}

{{/*
What of ingress-nginx's values asks for something that is not here, a line each. A value that is false or empty asks for
nothing.
*/}}
{{- define "nginx-ts.unanswered" -}}
{{- $known := .Files.Get "files/ingress-nginx.yaml" | fromYaml -}}
{{- range $known.values -}}
{{- $given := $.Values -}}
{{- range splitList "." .path -}}
{{- $given = ternary (get (kindIs "map" $given | ternary $given dict) .) "" (kindIs "map" $given) -}}
{{- end -}}
{{- $asks := not (empty $given) -}}
{{- if and .asks (kindIs "map" $given) -}}
{{- $asks = false -}}
{{- range .asks -}}
{{- if not (empty (get $given .)) -}}{{- $asks = true -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- if $asks }}
- {{ .path }}: {{ .says }}
{{- end -}}
{{- end -}}
{{- range $flag, $given := .Values.controller.extraArgs -}}
{{- with get $known.flags $flag }}
- controller.extraArgs.{{ $flag }}: {{ . }}
{{- end -}}
{{- end -}}
{{- if include "nginx-ts.isForeignImage" . }}
- controller.image: no effect; it names ingress-nginx's image. {{ include "nginx-ts.controller.image" . }} runs in its place.
{{- end -}}
{{- if has "/wait-shutdown" (include "nginx-ts.preStopCommand" . | fromYamlArray) }}
- controller.lifecycle.preStop: no effect; a hook of our own lets requests finish.
{{- end -}}
{{- end -}}

{{- define "nginx-ts.preStopCommand" -}}
{{- (((.Values.controller.lifecycle | default dict).preStop | default dict).exec | default dict).command | default list | toYaml -}}
{{- end -}}
