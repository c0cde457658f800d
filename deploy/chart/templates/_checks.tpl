{{/* Refuses what no schema can: values that contradict each other. */}}
{{- define "jubilee.checks" -}}
{{- $keys := splitList "," (include "jubilee.secretKeys" .) -}}
{{- if eq .Values.postgres.mode "cloudnativepg" -}}
{{- range list "DATABASE_URL" "DATABASE_MIGRATION_URL" -}}
{{- if has . $keys -}}
{{- fail (printf "leave %s out of the secrets: with postgres.mode=cloudnativepg the operator makes it" .) -}}
{{- end -}}
{{- end -}}
{{- if ge (int .Values.postgres.synchronousStandbys) (int .Values.postgres.instances) -}}
{{- fail "postgres.synchronousStandbys must be less than postgres.instances, or no commit is ever acknowledged" -}}
{{- end -}}
{{- end -}}
{{- if and (ne .Values.redis.mode "external") (not (has "REDIS_PASSWORD" $keys)) -}}
{{- fail "the servers of Redis need the secret REDIS_PASSWORD" -}}
{{- end -}}
{{- if and (eq .Values.redis.mode "single") (has "REDIS_URL" $keys) -}}
{{- fail "leave REDIS_URL out of the secrets: with redis.mode=single it follows from REDIS_PASSWORD" -}}
{{- end -}}
{{- if and (eq .Values.redis.mode "sentinel") (not (has "REDIS_URL" $keys)) -}}
{{- fail "redis.mode=sentinel needs the secret REDIS_URL, as README.md spells it" -}}
{{- end -}}
{{- if gt (int .Values.api.autoscaling.minReplicas) (int .Values.api.autoscaling.maxReplicas) -}}
{{- fail "api.autoscaling.minReplicas is more than its maxReplicas" -}}
{{- end -}}
{{- if gt (int .Values.worker.autoscaling.minReplicas) (int .Values.worker.autoscaling.maxReplicas) -}}
{{- fail "worker.autoscaling.minReplicas is more than its maxReplicas" -}}
{{- end -}}
{{- if and .Values.priorityClass.create (not .Values.priorityClass.name) -}}
{{- fail "priorityClass.name is needed to make it" -}}
{{- end -}}
{{- end -}}
