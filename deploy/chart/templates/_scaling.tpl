{{- define "jubilee.scalingBehavior" -}}
scaleUp:
  stabilizationWindowSeconds: {{ .Values.api.autoscaling.scaleUp.stabilizationWindowSeconds }}
  policies:
    - {type: Percent, value: {{ .Values.api.autoscaling.scaleUp.percent }}, periodSeconds: {{ .Values.api.autoscaling.scaleUp.periodSeconds }}}
{{ include "jubilee.scaleDown" . }}
{{- end -}}

{{/* Workers are removed like APIs, and added at once. */}}
{{- define "jubilee.scaleDown" -}}
scaleDown:
  stabilizationWindowSeconds: {{ .Values.api.autoscaling.scaleDown.stabilizationWindowSeconds }}
  policies:
    - {type: Percent, value: {{ .Values.api.autoscaling.scaleDown.percent }}, periodSeconds: {{ .Values.api.autoscaling.scaleDown.periodSeconds }}}
{{- end -}}
