#!/usr/bin/env bash
# sign.sh IMAGE@DIGEST SBOM: sign the image and its bill of materials by the workflow's own identity, and
# verify both. Keyless: Sigstore records who signed. Needs cosign, and id-token: write in a workflow.
set -euo pipefail
image=${1:?usage: sign.sh IMAGE@DIGEST SBOM} sbom=${2:?usage: sign.sh IMAGE@DIGEST SBOM}
identity=${SIGNER:?the URL of the workflow, with @ and the ref}
issuer=https://token.actions.githubusercontent.com

cosign sign --yes "$image"
cosign attest --yes --type cyclonedx --predicate "$sbom" "$image"
cosign verify --certificate-identity "$identity" --certificate-oidc-issuer "$issuer" "$image" >/dev/null
cosign verify-attestation --type cyclonedx --certificate-identity "$identity" \
  --certificate-oidc-issuer "$issuer" "$image" >/dev/null
