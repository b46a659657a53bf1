{{/* What goes with the number of Pods, the same of both workloads. Each takes a list: the root, the component, its values, and its full name. */}}

{{/* Whether there are two Pods at least: a budget for one would keep its node from ever being drained. */}}
{{- define "nginx-ts.isReplicated" -}}
{{- $replicas := ternary .autoscaling.minReplicas .replicaCount (.autoscaling.enabled | default false) -}}
{{- if gt (int $replicas) 1 -}}true{{- end -}}
{{- end -}}

{{- define "nginx-ts.podDisruptionBudget" -}}
{{- $root := index . 0 -}}
{{- $values := index . 2 -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "nginx-ts.metadata" (list $root (index . 3) (index . 1) $values.labels) | nindent 2 }}
spec:
  selector:
    matchLabels:
      {{- include "nginx-ts.selectorLabels" (list $root (index . 1)) | nindent 6 }}
  {{- if ne (toString $values.maxUnavailable) "" }}
  maxUnavailable: {{ $values.maxUnavailable }}
  {{- else }}
  minAvailable: {{ $values.minAvailable }}
  {{- end }}
  {{- with $values.unhealthyPodEvictionPolicy }}
  unhealthyPodEvictionPolicy: {{ . }}
  {{- end }}
{{- end -}}

{{- define "nginx-ts.horizontalPodAutoscaler" -}}
{{- $root := index . 0 -}}
{{- $values := index . 2 -}}
{{- $scaling := $values.autoscaling -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "nginx-ts.metadata" (list $root (index . 3) (index . 1) $values.labels) | nindent 2 }}
  {{- with $scaling.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ index . 3 }}
  minReplicas: {{ $scaling.minReplicas }}
  maxReplicas: {{ $scaling.maxReplicas }}
  metrics:
    {{- range $resource, $target := dict "cpu" $scaling.targetCPUUtilizationPercentage "memory" $scaling.targetMemoryUtilizationPercentage }}
    {{- if $target }}
    - type: Resource
      resource:
        name: {{ $resource }}
        target:
          type: Utilization
          averageUtilization: {{ $target }}
    {{- end }}
    {{- end }}
    {{- with $values.autoscalingTemplate }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $scaling.behavior }}
  behavior:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
