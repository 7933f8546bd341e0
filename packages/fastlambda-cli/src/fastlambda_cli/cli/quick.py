"""What makes a command begin and end sooner: most of them take less time than Python takes to import what they need."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import sys

_THRESHOLD = 50_000
"""Objects beyond which the collector looks for garbage."""
_THRESHOLD_OF_IMPORTS = 250_000
"""The same while a command imports what it needs and, mostly, ends. What imports make stays, so that every look at it
is for nothing, and takes a twentieth of an unchanged build."""


class Ending:
    """Ends the process without taking apart what it imported, which takes a sixth of a `plan`.

    Attributes:
        code: The exit code of a command that has ended; None for an uncaught exception, which Python ends with.

    """

    def __init__(self) -> None:
        self.code: int | None = None
        # What is registered first runs last: everybody else's handlers have run by then, and threads have ended.
        atexit.register(self._at_once)

    def _at_once(self) -> None:
        """End it, unless what was printed cannot be delivered: the interpreter says so in its own way."""
        if self.code is None:
            return
        with contextlib.suppress(OSError, ValueError):
            for stream in (sys.stdout, sys.stderr):
                if stream is not None:  # it was closed before Python began
                    stream.flush()
            os._exit(self.code)


def begin() -> Ending:
    """Prepare the process, before anything else is imported; how it ends is to be told what is returned."""
    gc.set_threshold(_THRESHOLD_OF_IMPORTS, *gc.get_threshold()[1:])
    # Pydantic would read what every installed package says of itself, to find one that wants to watch our models.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # HTTPX would import its own command line with click and Pygments, and does without it where they are missing.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # documented: its import fails
    return Ending()


def settle() -> None:
    """Have the collector work as in a program that runs for long, without ever looking at what is there by now."""
    gc.freeze()
    gc.set_threshold(_THRESHOLD, *gc.get_threshold()[1:])
