{{/* Names, labels and images: what several templates say. */}}

{{- define "nginx-ts.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "nginx-ts.fullname" -}}
{{- $name := include "nginx-ts.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "nginx-ts.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{/* The longest suffix that is added to these two has 9 characters; a name may have 63. */}}
{{- define "nginx-ts.controller.fullname" -}}
{{- printf "%s-%s" (include "nginx-ts.fullname" . | trunc 40 | trimSuffix "-") .Values.controller.name | trunc 54 | trimSuffix "-" -}}
{{- end -}}

{{- define "nginx-ts.defaultBackend.fullname" -}}
{{- printf "%s-%s" (include "nginx-ts.fullname" . | trunc 40 | trimSuffix "-") .Values.defaultBackend.name | trunc 54 | trimSuffix "-" -}}
{{- end -}}

{{- define "nginx-ts.controller.serviceAccountName" -}}
{{- default (ternary (include "nginx-ts.fullname" .) "default" (.Values.serviceAccount.create | default false)) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "nginx-ts.defaultBackend.serviceAccountName" -}}
{{- with .Values.defaultBackend.serviceAccount -}}
{{- default (ternary (printf "%s-backend" (include "nginx-ts.fullname" $)) "default" (.create | default false)) .name -}}
{{- end -}}
{{- end -}}

{{/* Labels that select, which may never change. Takes a list: the root, and the component. */}}
{{- define "nginx-ts.selectorLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "nginx-ts.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Maps made one, as YAML. What a later one says counts. Takes a list. */}}
{{- define "nginx-ts.union" -}}
{{- $union := dict -}}
{{- range . -}}
{{- range $key, $value := . -}}{{- $_ := set $union $key $value -}}{{- end -}}
{{- end -}}
{{- toYaml $union -}}
{{- end -}}

{{/* Labels of an object. Takes a list: the root, the component, and maps of further labels. */}}
{{- define "nginx-ts.labels" -}}
{{- $root := index . 0 -}}
{{- $ours := dict
  "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
  "app.kubernetes.io/version" $root.Chart.AppVersion
  "app.kubernetes.io/part-of" (include "nginx-ts.name" $root)
  "app.kubernetes.io/managed-by" $root.Release.Service -}}
{{- $selector := include "nginx-ts.selectorLabels" (list $root (index . 1)) | fromYaml -}}
{{- include "nginx-ts.union" (concat (list $ours $root.Values.commonLabels) (slice . 2) (list $selector)) -}}
{{- end -}}

{{/*
Labels of a Pod, which stay over an upgrade: replicas know each other by them. Takes a list: the root, the component, and
maps of further labels.
*/}}
{{- define "nginx-ts.podLabels" -}}
{{- $root := index . 0 -}}
{{- $selector := include "nginx-ts.selectorLabels" (list $root (index . 1)) | fromYaml -}}
{{- include "nginx-ts.union" (concat (list $root.Values.commonLabels) (slice . 2) (list $selector)) -}}
{{- end -}}

{{/* Name, namespace and labels of an object. Takes a list as nginx-ts.labels does, and the name behind the root. */}}
{{- define "nginx-ts.metadata" -}}
{{- $root := index . 0 -}}
name: {{ index . 1 }}
namespace: {{ include "nginx-ts.namespace" $root }}
labels:
  {{- include "nginx-ts.labels" (concat (list $root (index . 2)) (slice . 3)) | nindent 2 }}
{{- end -}}

{{/* A value as text. Numbers of a values file are floats, which print as 1e+06. */}}
{{- define "nginx-ts.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}
{{- int64 . -}}
{{- else -}}
{{- toString . -}}
{{- end -}}
{{- end -}}

{{/* Reference of an image. Takes its values, and the registry where they name none. */}}
{{- define "nginx-ts.image" -}}
{{- $image := index . 0 -}}
{{- $name := $image.repository | default (printf "%s/%s" ($image.registry | default (index . 1)) $image.image) -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $name $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name $image.tag -}}
{{- end -}}
{{- end -}}

{{- define "nginx-ts.globalRegistry" -}}
{{- ((.Values.global | default dict).image | default dict).registry | default "" -}}
{{- end -}}

{{/* Whether the values of the image are ingress-nginx's, with its image or the form of its tags: ours has no "v". */}}
{{- define "nginx-ts.isForeignImage" -}}
{{- with .Values.controller.image -}}
{{- if or (regexMatch "ingress-nginx/controller|nginx-ingress-controller" (printf "%s %s" .image .repository)) (regexMatch "^v[0-9]" (.tag | default "")) -}}
true
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
A released chart names its image by annotations of Chart.yaml, so that values say what they say in a checkout: a mirror has
the same image at another registry, and whoever names an image or a tag gets that.
*/}}
{{- define "nginx-ts.controller.image" -}}
{{- $unnamed := "nginx-ts/nginx-ts" -}}
{{- $released := .Chart.Annotations | default dict -}}
{{- $image := .Values.controller.image -}}
{{- if include "nginx-ts.isForeignImage" . -}}
{{- $image = dict -}}
{{- end -}}
{{- $registry := include "nginx-ts.globalRegistry" . -}}
{{- if or (not $registry) (eq $registry "registry.k8s.io") -}}
{{- $registry = "ghcr.io" -}}
{{- end -}}
{{- $name := $image.image | default $unnamed -}}
{{- $digest := $image.digest -}}
{{- if eq $name $unnamed -}}
{{- $name = index $released "nginx-ts.io/image" | default $unnamed -}}
{{- if not (or $digest $image.tag $image.repository) -}}
{{- $digest = index $released "nginx-ts.io/image-digest" -}}
{{- end -}}
{{- end -}}
{{- $found := dict "image" $name "tag" ($image.tag | default .Chart.AppVersion) "digest" $digest -}}
{{- include "nginx-ts.image" (list (merge $found $image) $registry) -}}
{{- end -}}

{{- define "nginx-ts.defaultBackend.image" -}}
{{- include "nginx-ts.image" (list .Values.defaultBackend.image (include "nginx-ts.globalRegistry" . | default "registry.k8s.io")) -}}
{{- end -}}

{{/* A class of another name has another controller, so that two releases do not claim each other's Ingresses. */}}
{{- define "nginx-ts.controllerValue" -}}
{{- with .Values.controller.ingressClassResource -}}
{{- $own := "nginx-ts.io/ingress-controller" -}}
{{- default (ternary $own (printf "%s/%s" $own .name) (eq .name "nginx-ts")) .controllerValue -}}
{{- end -}}
{{- end -}}

{{- define "nginx-ts.electionID" -}}
{{- default (printf "%s-leader" (include "nginx-ts.fullname" .)) .Values.controller.electionID -}}
{{- end -}}

{{/* The one namespace that is watched; empty when all are. */}}
{{- define "nginx-ts.watchedNamespace" -}}
{{- if .Values.controller.scope.enabled -}}
{{- default (include "nginx-ts.namespace" .) .Values.controller.scope.namespace -}}
{{- end -}}
{{- end -}}

{{/* The controller reads nothing outside of the one namespace that it watches, its own options included. */}}
{{- define "nginx-ts.configMapNamespace" -}}
{{- .Values.controller.configMapNamespace | default (include "nginx-ts.watchedNamespace" .) | default (include "nginx-ts.namespace" .) -}}
{{- end -}}

{{/* namespace/name of the Service whose addresses Ingresses get; empty when the addresses come from elsewhere. */}}
{{- define "nginx-ts.publishedService" -}}
{{- with .Values.controller -}}
{{- if and .publishService.enabled (not (hasKey (.extraArgs | default dict) "publish-status-address")) -}}
{{- $own := printf "%s/%s" (include "nginx-ts.namespace" $) (include "nginx-ts.controller.fullname" $) -}}
{{- if .publishService.pathOverride -}}
{{- .publishService.pathOverride -}}
{{- else if include "nginx-ts.hasExternalService" $ -}}
{{- $own -}}
{{- else if include "nginx-ts.hasInternalService" $ -}}
{{- printf "%s-internal" $own -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Whether the addresses of Ingresses are those of nodes, which takes the right to read Nodes and Pods. */}}
{{- define "nginx-ts.publishesNodes" -}}
{{- $args := .Values.controller.extraArgs | default dict -}}
{{- $elsewhere := or (include "nginx-ts.publishedService" .) (hasKey $args "publish-service") (hasKey $args "publish-status-address") -}}
{{- if not (or $elsewhere (eq (toString (index $args "update-status")) "false")) -}}
true
{{- end -}}
{{- end -}}

{{- define "nginx-ts.hasExternalService" -}}
{{- with .Values.controller.service -}}
{{- if and .enabled .external.enabled -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{- define "nginx-ts.hasInternalService" -}}
{{- with .Values.controller.service -}}
{{- if and .enabled .internal.enabled .internal.annotations -}}true{{- end -}}
{{- end -}}
{{- end -}}
