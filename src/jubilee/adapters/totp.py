"""Codes of authenticator apps (RFC 6238), by pyotp."""

import hmac
from datetime import datetime

import pyotp

from jubilee.domain.factors.ports import TotpAlgorithm

STEP_S = 30
WINDOW = (0, -1, 1)  # in steps: clocks of phones differ, and typing takes time


class PyotpAlgorithm(TotpAlgorithm):
    """Six digits, SHA-1 and 30 seconds: all that every app understands."""

    def __init__(self, issuer: str) -> None:
        """`issuer` names the service in the app."""
        self._issuer = issuer

    def new_secret(self) -> str:
        return pyotp.random_base32()

    def uri(self, secret: str, account: str) -> str:
        return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=self._issuer)

    def step_of(self, secret: str, code: str, now: datetime) -> int | None:
        totp, current = pyotp.TOTP(secret), int(now.timestamp()) // STEP_S
        given = code.encode(errors="surrogatepass")
        for step in (current + offset for offset in WINDOW):
            if hmac.compare_digest(totp.generate_otp(step).encode(), given):
                return step
        return None
