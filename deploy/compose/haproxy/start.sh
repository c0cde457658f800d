#!/bin/sh
# Serve with the certificate and key in TLS_FILE (PEM); without one, with a self-signed certificate.
set -eu
TLS_FILE=${TLS_FILE:-/run/secrets/tls.pem}
if [ ! -e "$TLS_FILE" ]; then
  echo "no certificate in $TLS_FILE: serving with a self-signed one for localhost" >&2
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
    -keyout /tmp/tls.key -out /tmp/tls.crt 2>/dev/null
  TLS_FILE=/tmp/tls.pem
  cat /tmp/tls.crt /tmp/tls.key >"$TLS_FILE"
fi
export TLS_FILE
exec haproxy -W -db -f /etc/jubilee/haproxy.cfg
