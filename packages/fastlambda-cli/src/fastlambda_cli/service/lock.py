"""The file that pins what the function imports."""

from __future__ import annotations

import re
from pathlib import Path

from fastlambda_cli.errors import ConfigurationError

_CONTINUED = re.compile(r"\\\s*\n")
_COMMENT = re.compile(r"(^|\s)#.*$")


def find_lock(root: Path, workspace: Path | None) -> Path | None:
    """Find the lock: requirements.lock, a requirements.txt with hashes, uv.lock or pylock.toml, in this order.

    Args:
        root: The service's folder.
        workspace: The root of the uv workspace the service belongs to: uv keeps the lock there.

    Raises:
        ConfigurationError: requirements.lock pins something without a version and a hash.

    """
    lock = root / "requirements.lock"
    if lock.is_file():
        loose = unpinned(lock)
        if loose is not None:
            raise ConfigurationError(
                f"{lock} pins no version or no hash for: {loose}",
                why="only what is hash-pinned is the same here and on AWS",
                remedy="Write it anew with: uv export --no-dev --no-emit-project -o requirements.lock.",
            )
        return lock
    # A requirements.txt without hashes is common, and then it is no lock but a list of wishes.
    plain = root / "requirements.txt"
    if plain.is_file() and unpinned(plain) is None:
        return plain
    # A pylock.toml beside a lock of uv's is made from it, and may be older.
    candidates = [root / "uv.lock", *([workspace / "uv.lock"] if workspace else []), root / "pylock.toml"]
    return next((path for path in candidates if path.is_file()), None)


def unpinned(requirements: Path) -> str | None:
    """Give the first requirement of a file that is not pinned to one version and a hash; None when all are."""
    text = _CONTINUED.sub(" ", requirements.read_text(encoding="utf-8", errors="replace"))
    lines = [_COMMENT.sub("", line).strip() for line in text.splitlines()]
    wanted = [line for line in lines if line and not line.startswith(("--index-url", "--extra-index-url", "-i "))]
    if not wanted:
        return "it has no requirements"
    return next((line.split()[0] for line in wanted if not ("--hash=" in line and "==" in line)), None)
