"""Secret settings in files: `<NAME>_FILE` names the file that holds the value of `<NAME>`."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from jubilee.settings.variables import Variables, variable_names

SUFFIX = "_FILE"
MAX_SECRET_BYTES = 65_536


def secret_variables(fields: Mapping[str, FieldInfo]) -> Sequence[Mapping[str, str]]:
    """For each setting of type SecretStr, map its variables to those that name its file."""
    secret = {name: info for name, info in fields.items() if _is_secret(info.annotation)}
    return [{name: name + SUFFIX for name in names} for names in variable_names(secret).values()]


def read_secrets(fields: Mapping[str, FieldInfo], variables: Variables) -> Mapping[str, str]:
    """Read the secrets whose files are named, by their variables; raises ValueError.

    Its message names the variable and the file, and quotes nothing of the content.
    """
    given = variables.values
    found = {}
    for files in secret_variables(fields):
        named = [(name, file) for name, file in files.items() if file in given]
        present = [name for pair in files.items() for name in pair if name in given]
        if named and len(present) > 1:
            raise ValueError(f"{' and '.join(present)} are both set: unset one of them")
        found.update({name: _read(file, Path(given[file])) for name, file in named})
    return found


def _read(variable: str, path: Path) -> str:
    try:
        if path.exists() and not path.is_file():
            raise ValueError(f"{variable}: {path} is not a file")
        with path.open("rb") as file:
            content = file.read(MAX_SECRET_BYTES + 1)
        secret = content.decode().rstrip("\r\n")
    except OSError as error:
        raise ValueError(f"{variable}: cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{variable}: {path} is not text in UTF-8") from None
    if len(content) > MAX_SECRET_BYTES:
        raise ValueError(f"{variable}: {path} has more than {MAX_SECRET_BYTES} bytes")
    if not secret.strip():
        raise ValueError(f"{variable}: {path} is empty")
    return secret


def _is_secret(annotation: object) -> bool:
    parts: Iterable[object] = get_args(annotation)
    return annotation is SecretStr or any(_is_secret(part) for part in parts)
