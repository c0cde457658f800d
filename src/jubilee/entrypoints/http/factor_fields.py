"""Types of members that bodies of second factors share."""

from typing import Annotated

from pydantic import Field

TotpCode = Annotated[
    str,
    Field(
        pattern="^[0-9]{6}$",
        description="code of an authenticator app",
        examples=["287082"],
    ),
]
RecoveryCode = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        description="recovery code; case, spaces and hyphens do not matter",
        examples=["7Q4K-XPW2-M9TZ-C3HD-V8RB-J5NF"],
    ),
]
