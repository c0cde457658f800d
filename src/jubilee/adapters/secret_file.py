"""The secret key for development: generated once, in a file that only its owner can read."""

import os
from pathlib import Path
from secrets import token_urlsafe

from jubilee.domain.errors import Invalid


class EmptySecret(Invalid):
    """The file with the secret is empty."""

    code = "empty_secret"


def development_secret(folder: Path) -> str:
    """Read the secret in `folder`, or create it; concurrent processes agree on one.

    Raises EmptySecret.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / "secret_key"
    if not path.exists():
        draft = folder / f".secret_key.{os.getpid()}"
        draft.touch(0o600)
        draft.write_text(token_urlsafe(48))
        try:
            os.link(draft, path)  # unlike a rename, it never replaces another process' file
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    secret = path.read_text().strip()
    if not secret:  # tokens signed with an empty key could be forged
        raise EmptySecret(f"{path} is empty: remove it, and a new secret is generated.")
    return secret
