{{/*
What the controller may do, from files/*-rules.yaml: a test of the project holds that those are enough and each is used.
Three places have roles: the cluster, the namespace that is watched, and our own. Each define gives a list of rules as YAML.
*/}}

{{- define "nginx-ts.rules.cluster" -}}
{{- $rules := list -}}
{{- range .Files.Get "files/cluster-role-rules.yaml" | fromYamlArray -}}
{{- if or (not (include "nginx-ts.watchedNamespace" $)) (include "nginx-ts.isClusterWide" .) -}}
{{- $rules = append $rules . -}}
{{- end -}}
{{- end -}}
{{- if include "nginx-ts.publishesNodes" . -}}
{{- $rules = concat $rules (.Files.Get "files/node-rules.yaml" | fromYamlArray) -}}
{{- end -}}
{{- toYaml $rules -}}
{{- end -}}

{{- define "nginx-ts.rules.watchedNamespace" -}}
{{- $rules := list -}}
{{- range .Files.Get "files/cluster-role-rules.yaml" | fromYamlArray -}}
{{- if not (include "nginx-ts.isClusterWide" .) -}}
{{- $rules = append $rules . -}}
{{- end -}}
{{- end -}}
{{- toYaml $rules -}}
{{- end -}}

{{/* The Lease is made under any name, for the API server knows none then; read and written, under ours only. */}}
{{- define "nginx-ts.rules.ownNamespace" -}}
{{- $rules := list -}}
{{- range .Files.Get "files/role-rules.yaml" | fromYamlArray -}}
{{- $rules = append $rules (merge (dict "verbs" (list "create")) .) -}}
{{- $named := dict "resourceNames" (list (get (include "nginx-ts.controller.flags" $ | fromYaml) "election-id")) "verbs" (without .verbs "create") -}}
{{- $rules = append $rules (merge $named .) -}}
{{- end -}}
{{- if include "nginx-ts.publishesNodes" . -}}
{{- $rules = concat $rules (.Files.Get "files/pod-rules.yaml" | fromYamlArray) -}}
{{- end -}}
{{- $watched := include "nginx-ts.watchedNamespace" . -}}
{{- if and $watched (ne $watched (include "nginx-ts.namespace" .)) (include "nginx-ts.publishedService" .) -}}
{{- range .Files.Get "files/cluster-role-rules.yaml" | fromYamlArray -}}
{{- if or (has "services" .resources) (has "endpointslices" .resources) -}}
{{- $rules = append $rules . -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $rules -}}
{{- end -}}

{{- define "nginx-ts.isClusterWide" -}}
{{- if or (has "ingressclasses" .resources) (has "namespaces" .resources) -}}true{{- end -}}
{{- end -}}

{{/* roleRef and subjects of a binding. Takes a list: the root, the kind of the role, and its name. */}}
{{- define "nginx-ts.binding" -}}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ index . 1 }}
  name: {{ index . 2 }}
subjects:
  - kind: ServiceAccount
    name: {{ include "nginx-ts.controller.serviceAccountName" (index . 0) }}
    namespace: {{ include "nginx-ts.namespace" (index . 0) }}
{{- end -}}

{{/* The cluster may have a release of the same name in another namespace. */}}
{{- define "nginx-ts.clusterRoleName" -}}
{{- printf "%s:%s" (include "nginx-ts.namespace" .) (include "nginx-ts.fullname" .) -}}
{{- end -}}
