{{/* The Job that takes our addresses out of the status of Ingresses before a release is deleted. */}}

{{/*
Whether there is something to take away, and a way: addresses are written, they are not to stay, and a Lease keeps replicas
from writing them again.
*/}}
{{- define "nginx-ts.withdrawsStatus" -}}
{{- $flags := include "nginx-ts.controller.flags" . | fromYaml -}}
{{- $stays := or (eq (toString (get $flags "update-status")) "false") (eq (toString (get $flags "update-status-on-shutdown")) "false") -}}
{{- /* A switch that is given without a value is on. */ -}}
{{- $hasLease := or (not (hasKey $flags "disable-leader-election")) (eq (get $flags "disable-leader-election") "false") -}}
{{- if and .Values.controller.withdrawStatusJob.enabled $hasLease (not $stays) -}}
true
{{- end -}}
{{- end -}}

{{/*
Labels of its Pod, by which nothing of the controller selects it: neither a Service nor a budget, and no rule that keeps the
controller's Pods apart.
*/}}
{{- define "nginx-ts.withdrawStatus.podLabels" -}}
{{- $own := dict "app.kubernetes.io/name" (printf "%s-withdraw-status" (include "nginx-ts.name" . | trunc 47 | trimSuffix "-")) -}}
{{- $labels := include "nginx-ts.podLabels" (list . "withdraw-status" .Values.controller.withdrawStatusJob.podLabels) | fromYaml -}}
{{- include "nginx-ts.union" (list $labels $own) -}}
{{- end -}}

{{/* The flags that it shares with the controller; that Helm has made the Lease tells a release from what is only rendered. */}}
{{- define "nginx-ts.withdrawStatus.arguments" -}}
- withdraw-status
- {{ printf "--helm-release=%s" .Release.Name | quote }}
{{- $flags := include "nginx-ts.controller.flags" . | fromYaml }}
{{- range $name := list "apiserver-host" "election-id" "election-ttl" "kubeconfig" "watch-namespace" }}
{{- with get $flags $name }}
- {{ printf "--%s=%s" $name . | quote }}
{{- end }}
{{- end }}
- --timeout={{ include "nginx-ts.withdrawStatus.timeout" . }}s
{{- end -}}

{{/* The former leader may write for as long as its Lease lasts; then there are thousands of Ingresses, or a slow server. */}}
{{- define "nginx-ts.withdrawStatus.timeout" -}}
{{- $ttl := get (include "nginx-ts.controller.flags" . | fromYaml) "election-ttl" | default "30s" -}}
{{- add (include "nginx-ts.seconds" $ttl) 120 -}}
{{- end -}}
