"""The function's Python, which compiles its modules: looked for once, and only by a build that has to compile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fastlambda_cli.artifact.interpreter import find_python
from fastlambda_cli.artifact.model import Platform
from fastlambda_cli.artifact.telling import Tell
from fastlambda_cli.errors import ToolchainError


class Interpreter:
    """An interpreter of the function's version. uv takes longer to find one than an unchanged build takes otherwise.

    Args:
        version: Such as 3.13.
        platform: What the artifact is for.
        tell: Is warned when there is none.

    """

    def __init__(self, version: str, platform: Platform, tell: Tell) -> None:
        self.version = version
        self.must_be_here = platform is Platform.THIS_MACHINE
        self._tell = tell
        self._found: tuple[Path | None] | None = None

    async def find(self) -> Path | None:
        """Return the interpreter; None when there is none here, and then there is no bytecode, which is told once.

        Raises:
            ToolchainError: uv is missing, or the function runs here and its Python is not there.

        """
        if self._found is None:
            self._found = (await self._look(),)
        return self._found[0]

    async def place_of(self, named: Callable[[bool], Path], sound: Callable[[Path], bool]) -> Path:
        """Where something compiled is kept: with bytecode if it is there already, or if there is an interpreter.

        Args:
            named: Gives the place for what has bytecode, and for what has none.
            sound: Says whether what is kept in a place is as it was.

        Raises:
            ToolchainError: As `find`.

        """
        compiled = named(True)  # noqa: FBT003 - what the function is about
        return compiled if sound(compiled) else named(await self.find() is not None)

    async def _look(self) -> Path | None:
        python = await find_python(self.version)
        install = f"uv python install {self.version}"
        if python is None and self.must_be_here:
            raise ToolchainError(
                f"Python {self.version} is not on this machine",
                why="the function runs on it here",
                remedy=f"Run: {install}",
            )
        if python is None:
            self._tell(
                f"Python {self.version} is not on this machine, so what is packed now has no bytecode and every cold "
                f"start takes up to two and a half times as long. For bytecode: {install}",
                warning=True,
            )
        return python
