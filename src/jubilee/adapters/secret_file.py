"""A secret of one's own for development: made once, kept in a file that nobody else can read."""

import os
from pathlib import Path
from secrets import token_urlsafe

from jubilee.domain.errors import Invalid


class EmptySecret(Invalid):
    """The file of the secret is empty."""

    code = "empty_secret"


def kept_secret(folder: Path) -> str:
    """The secret in `folder`, made where there is none; two processes at once agree on one.

    Raises EmptySecret.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / "secret_key"
    if not path.exists():
        draft = folder / f".secret_key.{os.getpid()}"
        draft.touch(0o600)
        draft.write_text(token_urlsafe(48))
        try:
            os.link(draft, path)  # unlike a rename, it never replaces what another has made
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    secret = path.read_text().strip()
    if not secret:  # everybody knows what nothing signs
        raise EmptySecret(f"{path} is empty: remove it, and a new secret is made.")
    return secret
