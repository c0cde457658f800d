"""A hasher of passwords that is quick."""

from dataclasses import dataclass

from jubilee.domain.passwords import PasswordHasher


@dataclass(slots=True)
class FakePasswordHasher(PasswordHasher):
    """Store the generation and the password as the 'hash'; count the calls."""

    generation: int = 1
    hashed: int = 0
    checks: int = 0

    async def hash(self, password: str) -> str:
        self.hashed += 1
        return f"{self.generation}:{password}"

    async def verify(self, password_hash: str | None, password: str) -> bool:
        self.checks += 1
        return password_hash is not None and password_hash.partition(":")[2] == password

    def is_outdated(self, password_hash: str) -> bool:
        return int(password_hash.partition(":")[0]) < self.generation
