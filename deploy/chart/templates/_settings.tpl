{{/* The ConfigMap's data: what the chart itself decides, under the settings that are given. */}}
{{- define "jubilee.settings" -}}
{{- $decided := dict -}}
{{- if eq .Values.postgres.mode "cloudnativepg" -}}
{{- $server := ternary "pooler" "postgres-rw" .Values.postgres.pooler.enabled -}}
{{- $_ := set $decided "POSTGRES_SERVER" (printf "%s-%s" (include "jubilee.name" .) $server) -}}
{{- $_ := set $decided "POSTGRES_USER" "jubilee" -}}
{{- $_ := set $decided "POSTGRES_DB" "jubilee" -}}
{{- end -}}
{{- if eq .Values.redis.mode "single" -}}
{{- $_ := set $decided "REDIS_HOST" (printf "%s-redis-0" (include "jubilee.name" .)) -}}
{{- end -}}
{{- range $name, $value := merge (dict) .Values.settings $decided }}
{{ $name }}: {{ include "jubilee.plainNumber" $value | quote }}
{{- end -}}
{{- end -}}

{{/* Seconds that pods stay in service after they have left the endpoints: before SIGTERM, and again after it as not ready. */}}
{{- define "jubilee.drainDelay" -}}
{{ .Values.settings.DRAIN_DELAY | default 0 | float64 | ceil | int }}
{{- end -}}

{{/* SHUTDOWN_TIMEOUT (DRAIN_DELAY is part of it), 15 s in which jobs are returned and telemetry is sent, 2 s for the exit: ShutdownBudget in the source. */}}
{{- define "jubilee.shutdown" -}}
{{ add (.Values.settings.SHUTDOWN_TIMEOUT | default 20 | float64 | ceil | int) 17 }}
{{- end -}}

{{/* Text of a value; Helm may read a whole number as 1e+06, which the service does not. */}}
{{- define "jubilee.plainNumber" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) -}}
{{ printf "%.0f" . }}
{{- else -}}
{{ toString . }}
{{- end -}}
{{- end -}}
