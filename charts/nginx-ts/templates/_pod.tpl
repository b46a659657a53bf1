{{/*
The Pod of a Deployment or a DaemonSet: two containers of one image. `controller` has the token and writes the
configuration; `nginx` has neither token nor a way to write it. Users differ, so that a taken-over NGINX cannot act as the
controller; the group they share lets NGINX read certificates and the controller ask the agent.
*/}}
{{- define "nginx-ts.controller.pod" -}}
{{- $controller := .Values.controller -}}
{{- $flags := include "nginx-ts.controller.flags" . | fromYaml -}}
{{- $image := include "nginx-ts.controller.image" . -}}
{{- $hasHostPort := and $controller.hostPort.enabled (not $controller.hostNetwork) -}}
metadata:
  {{- with $controller.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  labels:
    {{- include "nginx-ts.podLabels" (list . "controller" $controller.labels $controller.podLabels) | nindent 4 }}
spec:
  serviceAccountName: {{ include "nginx-ts.controller.serviceAccountName" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $controller.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $controller.runtimeClassName }}
  runtimeClassName: {{ . }}
  {{- end }}
  securityContext:
    {{- include "nginx-ts.controller.podSecurityContext" . | nindent 4 }}
  terminationGracePeriodSeconds: {{ $controller.terminationGracePeriodSeconds }}
  dnsPolicy: {{ $controller.dnsPolicy }}
  {{- with $controller.dnsConfig }}
  dnsConfig:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $controller.hostAliases }}
  hostAliases:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if $controller.hostNetwork }}
  hostNetwork: true
  {{- end }}
  {{- with $controller.extraInitContainers }}
  initContainers:
    {{- tpl (toYaml .) $ | nindent 4 }}
  {{- end }}
  containers:
    - name: controller
      image: {{ $image }}
      imagePullPolicy: {{ $controller.image.pullPolicy }}
      command: [nginx-ts]
      args:
        {{- include "nginx-ts.controller.arguments" . | nindent 8 }}
      env:
        {{- include "nginx-ts.controller.environment" . | nindent 8 }}
      {{- if $controller.metrics.enabled }}
      ports:
        - name: {{ $controller.metrics.portName }}
          containerPort: {{ get $flags "healthz-port" }}
          protocol: TCP
      {{- end }}
      {{- include "nginx-ts.probes" (list . (get $flags "healthz-port")) | nindent 6 }}
      {{- with $controller.controlPlane.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- include "nginx-ts.containerSecurityContext" (list . 10001) | nindent 8 }}
      volumeMounts:
        - name: conf
          mountPath: /var/lib/nginx-ts/conf
        - name: run
          mountPath: /var/lib/nginx-ts/run
          readOnly: true
        {{- include "nginx-ts.apiAccess.mount" . | nindent 8 }}
        {{- with $controller.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    - name: nginx
      image: {{ $image }}
      imagePullPolicy: {{ $controller.image.pullPolicy }}
      command: [nginx-ts]
      args:
        {{- include "nginx-ts.agent.arguments" . | nindent 8 }}
      {{- with $controller.extraEnvs }}
      env:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        - name: http
          containerPort: {{ get $flags "http-port" }}
          protocol: TCP
          {{- if $hasHostPort }}
          hostPort: {{ $controller.hostPort.ports.http }}
          {{- end }}
        - name: https
          containerPort: {{ get $flags "https-port" }}
          protocol: TCP
          {{- if $hasHostPort }}
          hostPort: {{ $controller.hostPort.ports.https }}
          {{- end }}
        {{- include "nginx-ts.streams.containerPorts" . | trim | nindent 8 }}
      {{- include "nginx-ts.probes" (list . $controller.agentStatusPort) | nindent 6 }}
      lifecycle:
        {{- include "nginx-ts.lifecycle" . | nindent 8 }}
      {{- with $controller.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $controller.resizePolicy }}
      resizePolicy:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- include "nginx-ts.containerSecurityContext" (list . 10002) | nindent 8 }}
      volumeMounts:
        - name: conf
          mountPath: /var/lib/nginx-ts/conf
          readOnly: true
        - name: run
          mountPath: /var/lib/nginx-ts/run
        - name: temp
          mountPath: /var/lib/nginx-ts/temp
        - name: logs
          mountPath: /var/lib/nginx-ts/logs
        {{- with $controller.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    {{- with $controller.extraContainers }}
    {{- tpl (toYaml .) $ | nindent 4 }}
    {{- end }}
  volumes:
    # In memory: private keys do not reach a disk.
    - name: conf
      emptyDir:
        medium: Memory
        sizeLimit: {{ $controller.controlPlane.configurationSizeLimit }}
    - name: run
      emptyDir:
        medium: Memory
        sizeLimit: 16Mi
    - name: temp
      emptyDir: {}
    - name: logs
      emptyDir: {}
    # What automountServiceAccountToken would mount into both.
    {{- include "nginx-ts.apiAccess" . | nindent 4 }}
    {{- with $controller.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $controller.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $controller.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $controller.affinity }}
  affinity:
    {{- tpl (toYaml .) $ | nindent 4 }}
  {{- end }}
  {{- if $controller.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- tpl (toYaml $controller.topologySpreadConstraints) $ | nindent 4 }}
  {{- else if ne $controller.kind "DaemonSet" }}
  topologySpreadConstraints:
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - topologyKey: {{ . }}
      maxSkew: 1
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "nginx-ts.selectorLabels" (list $ "controller") | nindent 10 }}
    {{- end }}
  {{- end }}
{{- end -}}

{{/* Where a container with a token is. */}}
{{- define "nginx-ts.controller.environment" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- with .Values.controller.extraEnvs }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The volume with the token, which one group reads; and its mount, where the service account's would be. */}}
{{- define "nginx-ts.apiAccess" -}}
- name: api-access
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3607
      - configMap:
          name: kube-root-ca.crt
          items:
            - key: ca.crt
              path: ca.crt
      - downwardAPI:
          items:
            - path: namespace
              fieldRef:
                fieldPath: metadata.namespace
{{- end -}}

{{- define "nginx-ts.apiAccess.mount" -}}
- name: api-access
  mountPath: /var/run/secrets/kubernetes.io/serviceaccount
  readOnly: true
{{- end -}}

{{/*
Of the Pod. containerd 1.6 makes no sandbox of a group without a user: it is the controller's, and each container says its
own. Volumes belong to the group that both containers have. A low port is opened to other users than root. */}}
{{- define "nginx-ts.controller.podSecurityContext" -}}
{{- $controller := .Values.controller -}}
{{- $context := dict
  "runAsNonRoot" true
  "fsGroup" 10000
  "fsGroupChangePolicy" "OnRootMismatch"
  "seccompProfile" (dict "type" "RuntimeDefault") -}}
{{- $sysctls := $controller.sysctls -}}
{{- $lowest := min $controller.containerPort.http $controller.containerPort.https -}}
{{- range $port, $_ := merge (dict) (.Values.tcp | default dict) (.Values.udp | default dict) -}}
{{- $lowest = min $lowest $port -}}
{{- end -}}
{{- if and (lt $lowest 1024) (not $controller.hostNetwork) -}}
{{- $sysctls = include "nginx-ts.union" (list (dict "net.ipv4.ip_unprivileged_port_start" (toString $lowest)) $sysctls) | fromYaml -}}
{{- end -}}
{{- if $sysctls -}}
{{- $listed := list -}}
{{- range $name, $value := $sysctls -}}
{{- $listed = append $listed (dict "name" $name "value" (include "nginx-ts.text" $value)) -}}
{{- end -}}
{{- $_ := set $context "sysctls" $listed -}}
{{- end -}}
{{- include "nginx-ts.union" (list $context $controller.podSecurityContext) -}}
{{- end -}}

{{/* Of a container. Takes a list: the root, and the user. The group is here, for containerd takes none of the Pod without a user. */}}
{{- define "nginx-ts.containerSecurityContext" -}}
{{- $context := dict
  "runAsUser" (index . 1)
  "runAsGroup" 10000
  "allowPrivilegeEscalation" false
  "readOnlyRootFilesystem" true
  "capabilities" (dict "drop" (list "ALL")) -}}
{{- include "nginx-ts.union" (list $context (index . 0).Values.controller.containerSecurityContext) -}}
{{- end -}}

{{/* Takes a list: the root, and the port. */}}
{{- define "nginx-ts.probes" -}}
{{- $controller := (index . 0).Values.controller -}}
livenessProbe:
  httpGet:
    path: /healthz
    port: {{ index . 1 }}
  {{- omit $controller.livenessProbe "httpGet" "successThreshold" | toYaml | nindent 2 }}
readinessProbe:
  httpGet:
    path: /readyz
    port: {{ index . 1 }}
  {{- omit $controller.readinessProbe "httpGet" | toYaml | nindent 2 }}
{{- end -}}

{{/* ingress-nginx's hook is a program of its image. */}}
{{- define "nginx-ts.lifecycle" -}}
{{- $given := .Values.controller.lifecycle | default dict -}}
{{- if has "/wait-shutdown" (include "nginx-ts.preStopCommand" . | fromYamlArray) -}}
{{- $given = omit $given "preStop" -}}
{{- end -}}
{{- $ours := dict "preStop" (dict "exec" (dict "command" (list "nginx-ts" "wait-shutdown"))) -}}
{{- include "nginx-ts.union" (list $ours $given) -}}
{{- end -}}
