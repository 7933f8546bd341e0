"""The base images of a service by their digest, in a file beside its pyproject.toml that is meant to be committed.

A tag such as 3.13-arm64 moves with every patch of the base. The file keeps everybody on the same one until it is asked
to follow, and shows in a review that it did.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastlambda_cli.artifact.image.model import checked_digest
from fastlambda_cli.errors import ConfigurationError

PINS = "fastlambda.image.lock"
_COMMENT = "What `fastlambda build --image` builds on. Commit it; --upgrade-base follows the tags."
_TABLE = "base"


@dataclass(frozen=True, slots=True)
class Pins:
    """The digest of each base, by its name with a tag.

    Attributes:
        file: Where they are kept.

    """

    file: Path

    def find(self, reference: str) -> str | None:
        """The digest of a base; None when it has not been pinned.

        Raises:
            ConfigurationError: The file cannot be read, or holds something else.

        """
        found = self._read().get(_TABLE, {}).get(reference)
        if found is None:
            return None
        try:
            return checked_digest(str(found))
        except ValueError as problem:
            raise self._unusable(str(problem)) from problem

    def pin(self, reference: str, digest: str) -> None:
        """Keep a base's digest; what else is in the file stays.

        Raises:
            ConfigurationError: The file cannot be read or written.

        """
        import tomlkit  # noqa: PLC0415 - keeps comments, and is not needed to read a digest

        self._read()
        document = tomlkit.parse(self._text())
        if not document:
            document.add(tomlkit.comment(_COMMENT))
            document.add(tomlkit.nl())
        pinned: Any = document.setdefault(_TABLE, tomlkit.table())
        pinned[reference] = digest
        partial = self.file.with_name(f"{self.file.name}.partial")
        try:
            partial.write_text(tomlkit.dumps(document), encoding="utf-8")
            partial.replace(self.file)
        except OSError as problem:
            raise self._unusable(problem.strerror or str(problem)) from problem

    def _text(self) -> str:
        try:
            return self.file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def _read(self) -> Mapping[str, Any]:
        try:
            document = tomllib.loads(self._text())
        except (OSError, ValueError) as problem:
            raise self._unusable(str(problem)) from problem
        if not isinstance(document.get(_TABLE, {}), dict):
            raise self._unusable(f"{_TABLE} is no table")
        return document

    def _unusable(self, why: str) -> ConfigurationError:
        return ConfigurationError(
            f"{self.file} cannot be used", why=why, remedy="Restore it, or delete it to have it made anew."
        )
