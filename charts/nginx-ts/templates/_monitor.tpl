{{/* How Prometheus scrapes, the same of a ServiceMonitor and of a PodMonitor. Takes a list: the root, and its values. */}}
{{- define "nginx-ts.endpoint" -}}
{{- $monitor := index . 1 -}}
- port: {{ (index . 0).Values.controller.metrics.portName }}
  interval: {{ $monitor.scrapeInterval }}
  {{- with $monitor.scrapeTimeout }}
  scrapeTimeout: {{ . }}
  {{- end }}
  honorLabels: {{ $monitor.honorLabels }}
  {{- with $monitor.relabelings }}
  relabelings:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $monitor.metricRelabelings }}
  metricRelabelings:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* The rest of their `spec`, which is the same as well. */}}
{{- define "nginx-ts.monitorSpec" -}}
{{- $monitor := index . 1 -}}
{{- with $monitor.jobLabel }}
jobLabel: {{ . }}
{{- end }}
{{- range list "labelLimit" "labelNameLengthLimit" "labelValueLengthLimit" "sampleLimit" "targetLimit" }}
{{- if get $monitor . }}
{{ . }}: {{ include "nginx-ts.text" (get $monitor .) }}
{{- end }}
{{- end }}
namespaceSelector:
  {{- with $monitor.namespaceSelector }}
  {{- toYaml . | nindent 2 }}
  {{- else }}
  matchNames:
    - {{ include "nginx-ts.namespace" (index . 0) }}
  {{- end }}
{{- end -}}

{{/* Takes a list: the root, and its values. */}}
{{- define "nginx-ts.monitorMetadata" -}}
{{- $root := index . 0 -}}
{{- $monitor := index . 1 -}}
name: {{ include "nginx-ts.controller.fullname" $root }}
namespace: {{ default (include "nginx-ts.namespace" $root) $monitor.namespace }}
labels:
  {{- include "nginx-ts.labels" (list $root "controller" $root.Values.controller.labels $monitor.additionalLabels) | nindent 2 }}
{{- with $monitor.annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
