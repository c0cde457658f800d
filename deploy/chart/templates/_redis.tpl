{{/* One Service for each server: its address stays when the pod's changes, and Sentinel must know addresses. */}}
{{- define "jubilee.redisServers" -}}
{{ ternary 3 1 (eq .Values.redis.mode "sentinel") }}
{{- end -}}

{{- define "jubilee.sentinels" -}}
{{- $name := include "jubilee.name" . -}}
{{- $hosts := list -}}
{{- range $i := until 3 -}}
{{- $hosts = append $hosts (printf "%s-redis-%d" $name $i) -}}
{{- end -}}
{{ join "," $hosts }}
{{- end -}}

{{/* A container of Redis: (list $ sentinel) */}}
{{- define "jubilee.redisContainer" -}}
{{- $root := first . -}}
image: {{ $root.Values.redis.image }}
securityContext:
  {{- include "jubilee.containerSecurity" $root | nindent 2 }}
command: [/bin/sh, /scripts/{{ ternary "sentinel.sh" "redis.sh" (last .) }}]
env:
  - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
  - {name: SENTINELS, value: {{ ternary (include "jubilee.sentinels" $root) "" (eq $root.Values.redis.mode "sentinel") | quote }}}
  - {name: MAX_MEMORY, value: {{ $root.Values.redis.maxMemory }}}
volumeMounts:
  - {name: scripts, mountPath: /scripts, readOnly: true}
  - {name: secrets, mountPath: /run/secrets, readOnly: true}
  - {name: tmp, mountPath: /tmp}
  {{- if not (last .) }}
  - {name: data, mountPath: /data}
  {{- end }}
{{- end -}}

{{/* Asks the server for an answer, with its password: port */}}
{{- define "jubilee.redisProbe" -}}
exec:
  command:
    - /bin/sh
    - -c
    - REDISCLI_AUTH="$(cat /run/secrets/REDIS_PASSWORD)" redis-cli -p {{ . }} ping | grep -q PONG
{{- end -}}
