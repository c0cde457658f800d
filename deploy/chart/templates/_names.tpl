{{- define "jubilee.name" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "jubilee.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "jubilee.labels" -}}
{{ include "jubilee.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "jubilee.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "jubilee.secretName" -}}
{{ .Values.secrets.name | default (include "jubilee.name" .) }}
{{- end -}}

{{/* Comma-separated, for templates return text alone. */}}
{{- define "jubilee.secretKeys" -}}
{{- if eq .Values.secrets.source "values" -}}
{{ keys .Values.secrets.values | sortAlpha | join "," }}
{{- else -}}
{{ .Values.secrets.keys | sortAlpha | join "," }}
{{- end -}}
{{- end -}}
