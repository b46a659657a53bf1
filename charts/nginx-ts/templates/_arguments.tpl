{{/*
Flags of the controller as a map of texts: what values ask for, and over it what extraArgs says, but for ingress-nginx's
flags that are not ours.
*/}}
{{- define "nginx-ts.controller.flags" -}}
{{- $controller := .Values.controller -}}
{{- $flags := dict
  "configmap" (printf "%s/%s" (include "nginx-ts.configMapNamespace" .) (include "nginx-ts.controller.fullname" .))
  "ingress-class" (default $controller.ingressClassResource.name $controller.ingressClass)
  "controller-class" (include "nginx-ts.controllerValue" .)
  "election-id" (include "nginx-ts.electionID" .)
  "election-ttl" $controller.electionTTL
  "disable-leader-election" $controller.disableLeaderElection
  "ingress-class-by-name" $controller.ingressClassByName
  "watch-ingress-without-class" $controller.watchIngressWithoutClass
  "watch-namespace" (include "nginx-ts.watchedNamespace" .)
  "watch-namespace-selector" (ternary "" $controller.scope.namespaceSelector ($controller.scope.enabled | default false))
  "publish-service" (include "nginx-ts.publishedService" .)
  "report-node-internal-ip-address" $controller.reportNodeInternalIp
  "default-backend-service" (ternary (printf "%s/%s" (include "nginx-ts.namespace" .) (include "nginx-ts.defaultBackend.fullname" .)) "" (.Values.defaultBackend.enabled | default false))
  "http-port" $controller.containerPort.http
  "https-port" $controller.containerPort.https
  "public-http-port" (include "nginx-ts.publicPort" (list . "http"))
  "public-https-port" (include "nginx-ts.publicPort" (list . "https"))
  "healthz-port" $controller.metrics.port
  "tcp-services-configmap" (include "nginx-ts.streams.reference" (list . "tcp"))
  "udp-services-configmap" (include "nginx-ts.streams.reference" (list . "udp"))
  "shutdown-grace-period" (toString $controller.shutdownGracePeriodSeconds) -}}
{{- range $name, $value := $flags -}}
{{- if not $value -}}{{- $_ := unset $flags $name -}}{{- end -}}
{{- end -}}
{{- $foreign := (.Files.Get "files/ingress-nginx.yaml" | fromYaml).flags -}}
{{- range $name, $value := $controller.extraArgs -}}
{{- if not (hasKey $foreign $name) -}}{{- $_ := set $flags $name $value -}}{{- end -}}
{{- end -}}
{{- range $name, $value := $flags }}
{{ $name }}: {{ tpl (include "nginx-ts.text" $value) $ | quote }}
{{- end }}
{{- end -}}

{{/* Where clients reach http or https, for redirects and backends; empty when nothing tells. Takes a list: the root, and which. */}}
{{- define "nginx-ts.publicPort" -}}
{{- $root := index . 0 -}}
{{- $name := index . 1 -}}
{{- with $root.Values.controller -}}
{{- if include "nginx-ts.hasExternalService" $root -}}
{{- get .service.ports $name -}}
{{- else if include "nginx-ts.hasInternalService" $root -}}
{{- default (get .service.ports $name) (get .service.internal.ports $name) -}}
{{- else if and .hostPort.enabled (not .hostNetwork) -}}
{{- get .hostPort.ports $name -}}
{{- else if .service.enabled -}}
{{- get .service.ports $name -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The flags as arguments. A switch is given or not; those two are on unless they are told otherwise. */}}
{{- define "nginx-ts.controller.arguments" -}}
- controller
{{- range $name, $value := include "nginx-ts.controller.flags" . | fromYaml }}
{{- if or (eq $value "true") (eq $value "") }}
- --{{ $name }}
{{- else if or (ne $value "false") (hasPrefix "update-status" $name) }}
- {{ printf "--%s=%s" $name $value | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* A duration in whole seconds, as the agent takes it; the controller takes a unit, too. */}}
{{- define "nginx-ts.seconds" -}}
{{- $seconds := regexFind "^[0-9]+" . | int -}}
{{- if hasSuffix "m" . -}}{{- $seconds = mul $seconds 60 -}}{{- end -}}
{{- if hasSuffix "h" . -}}{{- $seconds = mul $seconds 3600 -}}{{- end -}}
{{- $seconds -}}
{{- end -}}

{{- define "nginx-ts.agent.arguments" -}}
- agent
- --socket-group=10000
- --shutdown-grace-period={{ include "nginx-ts.seconds" (get (include "nginx-ts.controller.flags" . | fromYaml) "shutdown-grace-period") }}
- --status-port={{ .Values.controller.agentStatusPort }}
{{- end -}}
