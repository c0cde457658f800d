"""Settings of passwords."""

from typing import Annotated

from pydantic import AfterValidator, Field, FilePath

from jubilee.settings.group import SettingsGroup
from jubilee.urls.public import checked_public_url


class PasswordSettings(SettingsGroup):
    """Rules for new passwords; cost of their hashes."""

    password_min_length: int = Field(
        8, ge=8, le=128, description="shortest allowed password, in code points"
    )
    password_hash_memory_kib: int = Field(
        19_456, ge=8_192, description="memory of one Argon2id hash, in KiB"
    )
    password_hash_time_cost: int = Field(
        2, ge=1, le=20, description="iterations of one Argon2id hash"
    )
    password_hash_threads: int = Field(
        1, ge=1, le=64, description="concurrent password hashes in one process"
    )
    pwned_passwords_url: Annotated[str, AfterValidator(checked_public_url)] | None = Field(
        None,
        description="range API of Have I Been Pwned, or a mirror, that refuses leaked passwords",
    )
    pwned_passwords_file: FilePath | None = Field(
        None, description="the same list as a file of lines `SHA-1:count`, sorted by the SHA-1"
    )
