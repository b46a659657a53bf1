{{/*
`spec` of a Service, but for selector and ports. Takes the values of one. The API server refuses fields that do not belong
to the type, so each is printed where it does.
*/}}
{{- define "nginx-ts.serviceSpec" -}}
type: {{ .type }}
{{- with .clusterIP }}
clusterIP: {{ . }}
{{- end }}
{{- with .clusterIPs }}
clusterIPs:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .externalIPs }}
externalIPs:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .ipFamilyPolicy }}
ipFamilyPolicy: {{ . }}
{{- end }}
{{- with .ipFamilies }}
ipFamilies:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .sessionAffinity }}
sessionAffinity: {{ . }}
{{- end }}
{{- with .trafficDistribution }}
trafficDistribution: {{ . }}
{{- end }}
{{- if ne .type "ClusterIP" }}
{{- with .externalTrafficPolicy }}
externalTrafficPolicy: {{ . }}
{{- end }}
{{- end }}
{{- if eq .type "LoadBalancer" }}
{{- with .loadBalancerIP }}
loadBalancerIP: {{ . }}
{{- end }}
{{- with .loadBalancerSourceRanges }}
loadBalancerSourceRanges:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .loadBalancerClass }}
loadBalancerClass: {{ . }}
{{- end }}
{{- if eq (toString .allocateLoadBalancerNodePorts) "false" }}
allocateLoadBalancerNodePorts: false
{{- end }}
{{- if eq (toString .externalTrafficPolicy) "Local" }}
{{- with .healthCheckNodePort }}
healthCheckNodePort: {{ . }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Ports of a Service for http and https. Takes a list: the root, and the values of the Service. */}}
{{- define "nginx-ts.httpPorts" -}}
{{- $service := index . 1 -}}
{{- $external := (index . 0).Values.controller.service -}}
{{- range $name := list "http" "https" }}
{{- if get $external (printf "enable%s" (title $name)) }}
- name: {{ $name }}
  port: {{ default (get $external.ports $name) (get $service.ports $name) }}
  targetPort: {{ default (get $external.targetPorts $name) (get $service.targetPorts $name) }}
  protocol: TCP
  {{- if $service.appProtocol }}
  appProtocol: {{ $name }}
  {{- end }}
  {{- if ne $service.type "ClusterIP" }}
  {{- with get $service.nodePorts $name }}
  nodePort: {{ . }}
  {{- end }}
  {{- end }}
{{- end }}
{{- end }}
{{- end -}}
