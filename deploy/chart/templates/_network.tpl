{{/* Head of a policy: (list $ name components); without components it selects all pods of the release. */}}
{{- define "jubilee.policyHead" -}}
{{- $root := index . 0 }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "jubilee.name" $root }}-{{ index . 1 }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "jubilee.labels" $root | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "jubilee.selector" $root | nindent 6 }}
    {{- with index . 2 }}
    matchExpressions:
      - {key: app.kubernetes.io/component, operator: In, values: [{{ . }}]}
    {{- end }}
{{- end -}}

{{/* The pods of this release of the components: (list $ components) */}}
{{- define "jubilee.peer" -}}
- podSelector:
    matchLabels:
      {{- include "jubilee.selector" (first .) | nindent 6 }}
    matchExpressions:
      - {key: app.kubernetes.io/component, operator: In, values: [{{ last . }}]}
{{- end -}}
