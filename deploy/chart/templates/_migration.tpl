{{/* Pod of the migration: (list $ name-of-the-ConfigMap name-of-the-Secret) */}}
{{- define "jubilee.migrationPod" -}}
{{- $root := index . 0 -}}
metadata:
  labels:
    {{- include "jubilee.labels" $root | nindent 4 }}
    app.kubernetes.io/component: migrate
    {{- if eq $root.Values.exposure.type "istio" }}
    sidecar.istio.io/inject: "false"
    {{- end }}
spec:
  {{- include "jubilee.pod" $root | nindent 2 }}
  restartPolicy: Never
  containers:
    - name: jubilee-migrate
      {{- include "jubilee.container" $root | nindent 6 }}
      args: [migrate]
      # Of the secrets those that it needs: before an upgrade the Secret has none that is new.
      {{- include "jubilee.environment" (list $root (index . 1) "^(DATABASE|POSTGRES|PG)_|^SECRET_KEY$") | nindent 6 }}
      {{- include "jubilee.mounts" $root | nindent 6 }}
      resources:
        {{- toYaml $root.Values.migration.resources | nindent 8 }}
  {{- include "jubilee.volumes" (list $root (index . 2)) | nindent 2 }}
{{- end -}}
