{{/* What a chart calls its objects by: the release, with the chart's name unless the release's holds it. */}}
{{- define "fullname" -}}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (.Values.nameOverride | default .Chart.Name) .Release.Name }}{{ .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name (.Values.nameOverride | default .Chart.Name) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "labels" -}}
app.kubernetes.io/name: {{ .app | default .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{/*
An object with pods. root: the chart's context; kind; name; app: the label, `name` if left out; replicas; at: the values
that hold nodeSelector, tolerations, affinity, ...; account: its service account; ports: name -> number; env; volumes;
mounts; hook: when Helm runs it as a Job; with: more of the pod's spec; also: more of the object's spec.
*/}}
{{- define "workload" }}
{{- $pods := ne .kind "Job" }}
{{- $root := .root }}
---
apiVersion: {{ ternary "apps/v1" "batch/v1" $pods }}
kind: {{ .kind }}
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "labels" . | nindent 4 }}
    app.kubernetes.io/managed-by: Helm
  {{- with .hook }}
  annotations: {helm.sh/hook: "{{ . }}", helm.sh/hook-delete-policy: "before-hook-creation,hook-succeeded"}
  {{- end }}
spec:
  {{- if $pods }}
  {{- if ne .kind "DaemonSet" }}
  replicas: {{ if kindIs "invalid" .replicas }}1{{ else }}{{ .replicas }}{{ end }}
  {{- end }}
  selector: {matchLabels: {{ include "labels" . | fromYaml | toJson }}}
  {{- if eq .kind "StatefulSet" }}
  serviceName: {{ .name }}
  {{- end }}
  {{- end }}
  {{- with .also }}{{ toYaml . | nindent 2 }}{{ end }}
  template:
    metadata: {labels: {{ merge (include "labels" . | fromYaml) (.at.podLabels | default dict) | toJson }}}
    spec: {{- include "pod" . | nindent 6 }}
{{- end }}

{{- define "pod" -}}
{{- $at := .at }}
serviceAccountName: {{ .account | default "default" }}
{{- if eq .kind "Job" }}
restartPolicy: OnFailure
{{- end }}
{{- range $key := list "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" "priorityClassName" }}
{{- with index $at $key }}
{{ dict $key . | toYaml }}
{{- end }}
{{- end }}
{{- with .with }}
{{ toYaml . }}
{{- end }}
containers:
  - name: {{ .container | default .name }}
    image: {{ .image | default (printf "registry.example/%s:%s" .name .root.Chart.AppVersion) }}
    {{- with .args }}
    args: {{ toJson . }}
    {{- end }}
    {{- with .env }}
    env: {{ toJson . }}
    {{- end }}
    {{- with .ports }}
    ports: {{- range $name, $number := . }}
      - {name: {{ $name }}, containerPort: {{ $number }}}
    {{- end }}
    {{- end }}
    {{- with (hasKey . "resources" | ternary .resources $at.resources) }}
    resources: {{ toJson . }}
    {{- end }}
    {{- with .mounts }}
    volumeMounts: {{ toJson . }}
    {{- end }}
{{- with .volumes }}
volumes: {{ toJson . }}
{{- end }}
{{- end }}

{{/* A Service of the pods of `app`, ports: name -> number, or number-target where they differ. */}}
{{- define "service" }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "labels" . | nindent 4 }}
spec:
  {{- with .headless }}
  clusterIP: None
  {{- end }}
  selector: {{- include "labels" . | nindent 4 }}
  ports: {{- range $name, $port := .ports }}
    {{- $pair := splitList "-" (toString $port) }}
    - {name: {{ $name }}, port: {{ first $pair }}, targetPort: {{ last $pair }}}
  {{- end }}
{{- end }}

{{- define "account" }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  annotations: {{ .at.annotations | default dict | toJson }}
{{- end }}

{{/* A ServiceMonitor of `app` on a port, where the cluster knows the kind; at: interval, additionalLabels, ... */}}
{{- define "monitor" }}
{{- if .root.Capabilities.APIVersions.Has "monitoring.coreos.com/v1" }}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: {{ .name }}
  namespace: {{ .namespace | default .root.Release.Namespace }}
  labels: {{ .at.additionalLabels | default dict | toJson }}
spec:
  selector: {matchLabels: {{ include "labels" . | fromYaml | toJson }}}
  namespaceSelector: {matchNames: [{{ .root.Release.Namespace }}]}
  endpoints:
    - {{- merge (dict "port" .port) (pick .at "interval" "honorLabels" "relabelings" "metricRelabelings" "scrapeTimeout") | toYaml | nindent 6 }}
{{- end }}
{{- end }}

{{- define "budget" }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
spec:
  selector: {matchLabels: {{ include "labels" . | fromYaml | toJson }}}
  {{- pick .at "minAvailable" "maxUnavailable" | toYaml | nindent 2 }}
{{- end }}
