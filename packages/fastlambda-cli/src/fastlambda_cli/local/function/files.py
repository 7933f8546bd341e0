"""What a runtime process finds when it looks for files, and how it is started so that it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol


class Launch:
    """The start of one runtime process.

    Args:
        argv: The command.
        fds: File descriptors that it needs.

    """

    def __init__(self, argv: Sequence[str], fds: Sequence[int] = ()) -> None:
        self.argv = tuple(argv)
        self.fds = tuple(fds)

    def handed_over(self, *, started: bool) -> None:
        """Close the child's ends on our side, and ours as well where it could not be started."""

    async def ready(self, pid: int) -> None:
        """Wait until nothing but the runtime itself is left to start.

        Raises:
            OSError: Its files cannot be had.

        """


class Files(Protocol):
    """The files of an execution environment, through every runtime in it."""

    @property
    def largest_mb(self) -> int | None:
        """What no single file may be larger than; None where that is left to the file system."""

    def variables(self) -> Mapping[str, str]:
        """What a function is told of them.

        Raises:
            OSError: They cannot be had.

        """

    def launch(self, also: Sequence[Path]) -> Launch:
        """Have a runtime started in them.

        Args:
            also: Folders of this machine that it needs besides its code.

        """

    def look(self) -> None:
        """See whether there is more in them than Lambda would let in."""

    async def delete(self) -> None:
        """Delete what the function wrote."""
