"""The access key of a service's local AWS: made once for its state, and kept in a file that the user alone can read.

It lives as long as the state does and not for one start, so that a shell that has it stays valid while `dev` is ended
and started again. Deleting the file, or `.fastlambda`, makes the next start make another. The file is one of AWS's own
shared credentials files, which AWS_SHARED_CREDENTIALS_FILE may name.
"""

from __future__ import annotations

import configparser
import os
import secrets
from pathlib import Path

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.errors import EmulatorError

_FILE = "credentials"
_PROFILE = "default"
_ID = "aws_access_key_id"
_SECRET = "aws_secret_access_key"  # noqa: S105 - the name of a setting
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_LONG_TERM, _TEMPORARY = "AKIA", "ASIA"
"""How access key ids begin (IAM User Guide, "IAM identifiers")."""


def new_keys() -> Keys:
    """Make a key that lasts; its id, as long as AWS's, says what it belongs to."""
    return Keys(_new_id(_LONG_TERM), secrets.token_urlsafe(30))


def new_temporary_keys() -> Keys:
    """Make a key with a session token, as a role's are."""
    return Keys(_new_id(_TEMPORARY), secrets.token_urlsafe(30), secrets.token_urlsafe(96))


def kept_keys(directory: Path) -> Keys:
    """Read the key of a local AWS's state, made if it is missing; for the holder of the state only.

    Raises:
        EmulatorError: The file is not what it was made as, or cannot be written.

    """
    found = read_keys(directory)
    if found is not None:
        return found
    made = new_keys()
    keep_keys(directory, made)
    return made


def keep_keys(directory: Path, keys: Keys) -> None:
    """Make this the key of a local AWS's state.

    Raises:
        EmulatorError: The file cannot be written.

    """
    path = directory / _FILE
    partial = path.with_suffix(".partial")
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(f"[{_PROFILE}]\n{_ID} = {keys.access_key_id}\n{_SECRET} = {keys.secret_access_key}\n")
        partial.rename(path)
    except OSError as problem:
        raise EmulatorError(
            "The local AWS cannot keep its access key",
            why=f"{path}: {problem.strerror or problem}",
            remedy="Make that a folder which you can write to, or move away what is there.",
        ) from problem


def read_keys(directory: Path) -> Keys | None:
    """Read the key of a local AWS's state; None when there is none yet.

    Raises:
        EmulatorError: The file is not what it was made as, or cannot be read.

    """
    path = directory / _FILE
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="ascii"))
        return Keys(parser[_PROFILE][_ID], parser[_PROFILE][_SECRET])
    except FileNotFoundError:
        return None
    except (OSError, UnicodeError, configparser.Error, KeyError) as problem:
        raise EmulatorError(
            "The access key of the local AWS cannot be read",
            why=f"{path}: {problem}",
            remedy="Remove that file: the next start makes another key.",
        ) from problem


def _new_id(kind: str) -> str:
    return f"{kind}FASTLAMBDA{''.join(secrets.choice(_ALPHABET) for _ in range(6))}"
