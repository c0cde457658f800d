{{- define "jubilee.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1001
runAsGroup: 1001
fsGroup: 1001
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "jubilee.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* What every pod of the service has. */}}
{{- define "jubilee.pod" -}}
serviceAccountName: {{ include "jubilee.name" . }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- include "jubilee.podSecurity" . | nindent 2 }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- if .Values.priorityClass.name }}
priorityClassName: {{ .Values.priorityClass.name }}
{{- end }}
{{- with .Values.scheduling.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.scheduling.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* What every container of the service has. */}}
{{- define "jubilee.container" -}}
image: {{ include "jubilee.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- include "jubilee.containerSecurity" . | nindent 2 }}
{{- end -}}

{{/* Settings, and where the files of secrets are: (list $ name-of-the-ConfigMap expression-for-the-names-of-secrets). */}}
{{- define "jubilee.environment" -}}
{{- $root := index . 0 -}}
{{- $wanted := index . 2 -}}
envFrom:
  - configMapRef: {name: {{ index . 1 }}}
env:
  {{- range splitList "," (include "jubilee.secretKeys" $root) }}
  {{- if regexMatch $wanted . }}
  - {name: {{ . }}_FILE, value: /run/secrets/jubilee/{{ . }}}
  {{- end }}
  {{- end }}
  {{- if eq $root.Values.postgres.mode "cloudnativepg" }}
  - {name: POSTGRES_PASSWORD_FILE, value: /run/secrets/postgres/password}
  - {name: DATABASE_MIGRATION_URL_FILE, value: /run/secrets/postgres/uri}
  {{- end }}
{{- end -}}

{{/* The image's command, or a loop around it for development: (list $ command) */}}
{{- define "jubilee.command" -}}
{{- $root := first . -}}
{{- if $root.Values.development.reload -}}
command: [/bin/sh, -c]
args:
  - |
    {{- $root.Files.Get "files/reload.sh" | trim | nindent 4 }}
  - reload.sh
  - {{ last . }}
{{- else -}}
args: [{{ last . }}]
{{- end -}}
{{- end -}}

{{- define "jubilee.mounts" -}}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
  - {name: secrets, mountPath: /run/secrets/jubilee, readOnly: true}
  {{- if eq .Values.postgres.mode "cloudnativepg" }}
  - {name: postgres, mountPath: /run/secrets/postgres, readOnly: true}
  {{- end }}
  {{- with .Values.extra.volumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* (list $ name-of-the-Secret) */}}
{{- define "jubilee.volumes" -}}
{{- $root := first . -}}
volumes:
  - name: tmp
    emptyDir: {sizeLimit: 64Mi}
  - name: secrets
    secret: {secretName: {{ last . }}, defaultMode: 0440}
  {{- if eq $root.Values.postgres.mode "cloudnativepg" }}
  - name: postgres
    secret:
      secretName: {{ include "jubilee.name" $root }}-postgres-app
      defaultMode: 0440
      items:
        - {key: password, path: password}
        - {key: uri, path: uri}
  {{- end }}
  {{- with $root.Values.extra.volumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* Waits for the database and the schema, or migrates it. */}}
{{- define "jubilee.wait" -}}
{{- $migrates := eq .Values.migration.mode "initContainer" -}}
- name: {{ ternary "migrate" "wait-for-schema" $migrates }}
  {{- include "jubilee.container" . | nindent 2 }}
  command: [/bin/sh, -c]
  args:
    - |
      {{- .Files.Get "files/wait.sh" | trim | nindent 6 }}
    - wait.sh
    - {{ ternary "migrate" "status" $migrates }}
    - {{ .Values.migration.waitSeconds | quote }}
  {{- include "jubilee.environment" (list . (include "jubilee.name" .) ".") | nindent 2 }}
  {{- include "jubilee.mounts" . | nindent 2 }}
  resources:
    {{- toYaml .Values.migration.resources | nindent 4 }}
{{- end -}}

{{/* Rolls the pods when a setting or a secret changes. */}}
{{- define "jubilee.podAnnotations" -}}
checksum/settings: {{ include "jubilee.settings" . | sha256sum }}
checksum/secrets: {{ list .Values.secrets.source .Values.secrets.values .Values.secrets.revision | toJson | sha256sum }}
{{- if eq .Values.exposure.type "istio" }}
# Databases, mail and telemetry speak no HTTP to the mesh, and init containers run before its proxy.
traffic.sidecar.istio.io/excludeOutboundPorts: {{ include "jubilee.plainPorts" . | quote }}
traffic.sidecar.istio.io/excludeInboundPorts: {{ printf "%v,%v" .Values.settings.METRICS_PORT .Values.settings.WORKER_METRICS_PORT | quote }}
{{- end }}
{{- end -}}

{{- define "jubilee.plainPorts" -}}
{{ list .Values.networkPolicy.postgres.port .Values.networkPolicy.redis.port 26379 .Values.networkPolicy.smtp.port .Values.networkPolicy.otlp.port | join "," }}
{{- end -}}

{{/* (list $ component) */}}
{{- define "jubilee.spread" -}}
topologySpreadConstraints:
  {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- include "jubilee.selector" (first $) | nindent 8 }}
        app.kubernetes.io/component: {{ last $ }}
  {{- end }}
{{- end -}}

{{/* Number of pods: what runs already where a scaler decides, so that an upgrade does not undo it. (list $ component replicas scaled) */}}
{{- define "jubilee.replicas" -}}
{{- $root := index . 0 -}}
{{- $replicas := index . 2 -}}
{{- if index . 3 -}}
{{- $live := lookup "apps/v1" "Deployment" $root.Release.Namespace (printf "%s-%s" (include "jubilee.name" $root) (index . 1)) -}}
{{- dig "spec" "replicas" $replicas $live -}}
{{- else -}}
{{- $replicas -}}
{{- end -}}
{{- end -}}
