"""The logins that docker and podman have kept: in their files, or with the helpers that keep them for those."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fastlambda_cli.artifact.image.authentication import Login
from fastlambda_cli.errors import RegistryLoginError

_DOCKER_HUB = "https://index.docker.io/v1/"
_TOKEN_USER = "<token>"  # noqa: S105 - what helpers call an identity token's user
_HELPER_TIMEOUT_S = 30


def login_files() -> tuple[Path, ...]:
    """The files in which podman ("containers-auth.json") and docker ("docker login") keep logins, podman's first."""
    docker = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"
    named = os.environ.get("REGISTRY_AUTH_FILE")
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    podman = Path(runtime, "containers", "auth.json") if runtime else None
    return tuple(path for path in (Path(named) if named else None, podman, docker) if path is not None)


class KeptLogins:
    """Finds a login in the files of docker and podman.

    Args:
        files: Those.

    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files

    def __call__(self, host: str) -> Login | None:
        """Find the login for a registry; None when there is none.

        Raises:
            RegistryLoginError: A file cannot be read, or a helper fails.

        """
        keys = (_DOCKER_HUB, host) if host == "docker.io" else (host, f"https://{host}", f"https://{host}/v2/")
        for file in self._files:
            document = _read(file)
            login = _from_helper(document, file, host, keys) or _from_file(document, file, keys)
            if login is not None:
                return login
        return None


def _read(file: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as problem:
        raise _unusable(file, str(problem)) from problem
    if not isinstance(document, dict):
        raise _unusable(file, "it holds no object")
    return document


def _from_helper(document: Mapping[str, Any], file: Path, host: str, keys: Sequence[str]) -> Login | None:
    helpers = document.get("credHelpers") or {}
    name = helpers.get(host) or document.get("credsStore")
    if not name:
        return None
    helper = f"docker-credential-{name}"
    try:
        # The secret comes over a pipe and stands on no command line.
        asked = subprocess.run(  # noqa: S603 - the name is the user's own configuration
            [helper, "get"],
            input=keys[0].encode(),
            capture_output=True,
            timeout=_HELPER_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise _unusable(file, f"{helper} does not run: {problem}") from problem
    if asked.returncode:
        said = (asked.stdout + asked.stderr).decode(errors="replace").strip()
        if "not found" in said.lower():
            return None
        raise _unusable(file, f"{helper} failed: {said[:200] or asked.returncode}")
    try:
        answer = json.loads(asked.stdout)
        user, secret = str(answer["Username"]), str(answer["Secret"])
    except (ValueError, KeyError, TypeError) as problem:
        # What it said may be the secret itself.
        raise _unusable(file, f"{helper} answered with something else than a login") from problem
    return Login("" if user == _TOKEN_USER else user, secret)


def _from_file(document: Mapping[str, Any], file: Path, keys: Sequence[str]) -> Login | None:
    entries = document.get("auths") or {}
    entry = next((entries[key] for key in keys if entries.get(key)), None)
    if entry is None:
        return None
    try:
        if entry.get("identitytoken"):
            return Login("", str(entry["identitytoken"]))
        if "auth" not in entry:
            return None
        user, colon, secret = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
    except (AttributeError, TypeError, ValueError) as problem:
        raise _unusable(file, f"the login for {keys[0]} is damaged") from problem
    return Login(user, secret) if colon else None


def _unusable(file: Path, why: str) -> RegistryLoginError:
    return RegistryLoginError(
        f"The logins in {file} cannot be used",
        why=why,
        remedy="Log in once more, with `docker login` or `podman login`.",
    )
