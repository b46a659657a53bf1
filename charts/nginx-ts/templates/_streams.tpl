{{/* TCP and UDP services: a ConfigMap of entries for each protocol, and their ports on Pods and Services. */}}

{{- define "nginx-ts.streams.configMapName" -}}
{{- printf "%s-%s" (include "nginx-ts.controller.fullname" (index . 0)) (index . 1) -}}
{{- end -}}

{{/* The controller reads nothing outside of the one namespace that it watches. Takes a list: the root, and the protocol. */}}
{{- define "nginx-ts.streams.configMapNamespace" -}}
{{- $root := index . 0 -}}
{{- default (include "nginx-ts.configMapNamespace" $root) (get $root.Values.controller (index . 1)).configMapNamespace -}}
{{- end -}}

{{/* namespace/name, for the flag; empty without entries. Takes a list: the root, and the protocol. */}}
{{- define "nginx-ts.streams.reference" -}}
{{- if get (index . 0).Values (index . 1) -}}
{{- printf "%s/%s" (include "nginx-ts.streams.configMapNamespace" .) (include "nginx-ts.streams.configMapName" .) -}}
{{- end -}}
{{- end -}}

{{/* Takes a list: the root, and the protocol. */}}
{{- define "nginx-ts.streams.configMap" -}}
{{- $root := index . 0 -}}
{{- $protocol := index . 1 -}}
{{- with get $root.Values $protocol }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "nginx-ts.streams.configMapName" (list $root $protocol) }}
  namespace: {{ include "nginx-ts.streams.configMapNamespace" (list $root $protocol) }}
  labels:
    {{- include "nginx-ts.labels" (list $root "controller" $root.Values.controller.labels) | nindent 4 }}
  {{- with (get $root.Values.controller $protocol).annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
data:
  {{- range $port, $entry := . }}
  {{ include "nginx-ts.text" $port | quote }}: {{ tpl $entry $root | quote }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* The name of a port, as ingress-nginx's chart has it. Takes a list: the root, the port, and the protocol. */}}
{{- define "nginx-ts.streams.portName" -}}
{{- with (index . 0).Values.portNamePrefix }}{{ . }}-{{ end -}}
{{- printf "%s-%s" (include "nginx-ts.text" (index . 1)) (index . 2) -}}
{{- end -}}

{{/* Ports of the container nginx. Takes the root. */}}
{{- define "nginx-ts.streams.containerPorts" -}}
{{- $root := . -}}
{{- range $protocol := list "tcp" "udp" }}
{{- range $port, $_ := get $root.Values $protocol | default dict }}
- name: {{ include "nginx-ts.streams.portName" (list $root $port $protocol) }}
  containerPort: {{ $port }}
  protocol: {{ upper $protocol }}
  {{- if $root.Values.controller.hostPort.enabled }}
  hostPort: {{ $port }}
  {{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Ports of a Service. Takes a list: the root, and the values of the Service. */}}
{{- define "nginx-ts.streams.servicePorts" -}}
{{- $root := index . 0 -}}
{{- $service := index . 1 -}}
{{- range $protocol := list "tcp" "udp" }}
{{- range $port, $_ := get $root.Values $protocol | default dict }}
- name: {{ include "nginx-ts.streams.portName" (list $root $port $protocol) }}
  port: {{ $port }}
  targetPort: {{ $port }}
  protocol: {{ upper $protocol }}
  {{- if ne $service.type "ClusterIP" }}
  {{- with get (get $service.nodePorts $protocol) (toString $port) }}
  nodePort: {{ . }}
  {{- end }}
  {{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Ports of a NetworkPolicy. Takes the root. */}}
{{- define "nginx-ts.streams.policyPorts" -}}
{{- $root := . -}}
{{- range $protocol := list "tcp" "udp" }}
{{- range $port, $_ := get $root.Values $protocol | default dict }}
- protocol: {{ upper $protocol }}
  port: {{ $port }}
{{- end }}
{{- end }}
{{- end -}}
