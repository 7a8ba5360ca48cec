{{- define "stack" -}}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride | trunc 26 | trimSuffix "-" }}
{{- else if contains "kube-prometheus-stack" .Release.Name }}{{ .Release.Name | trunc 26 | trimSuffix "-" }}
{{- else }}{{ printf "%s-kube-prometheus-stack" .Release.Name | trunc 26 | trimSuffix "-" }}
{{- end }}
{{- end }}
