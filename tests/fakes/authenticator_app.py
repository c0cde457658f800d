"""An authenticator app whose clock is that of the test."""

from dataclasses import dataclass
from typing import Self

import pyotp

from jubilee.domain.factors.service import NewTotp
from tests.fakes.store import FakeClock


@dataclass(frozen=True, slots=True)
class Authenticator:
    """An authenticator app of an account, and the recovery codes that came with it."""

    id: str
    secret: str
    recovery_codes: list[str]
    clock: FakeClock

    @classmethod
    def of(cls, new: NewTotp, clock: FakeClock) -> Self:
        """The app that scans a new secret."""
        return cls(str(new.id), new.secret, [], clock)

    def code(self, *, ago_s: float = 0) -> str:
        """Return the code of the app, now or some seconds ago."""
        return pyotp.TOTP(self.secret).at(int(self.clock().timestamp() - ago_s))

    def next_code(self) -> str:
        """Let half a minute pass and return the code, which is a new one."""
        self.clock.tick(seconds=30)
        return self.code()
