"""What makes INIT shorter: each part changes when work is done, never what the app does, and only on Lambda.

`FASTLAMBDA_STARTUP_TUNING=false` turns all of it off.

Parts that last for INIT are context managers: `collector`, `forward_references`, `patterns`. Parts that are about one
module of a library last for its import, and `finder` knows them all. A part whose library has changed does nothing.
"""

from __future__ import annotations

from contextlib import ExitStack

from fastlambda.settings import Settings
from fastlambda.startup.collector import idle_collector
from fastlambda.startup.finder import install_finder
from fastlambda.startup.forward_references import compiled_when_evaluated
from fastlambda.startup.patterns import compiled_when_used

_init: ExitStack | None = None
_tuned = False


def tune(settings: Settings) -> None:
    """Prepare INIT; to be called before the app is imported, though a late call does no harm."""
    global _init, _tuned  # noqa: PLW0603
    if _tuned or not (settings.in_lambda and settings.startup_tuning):
        return
    _tuned = True
    _init = ExitStack()
    for part in (idle_collector, compiled_when_evaluated, compiled_when_used):
        _init.enter_context(part())
    install_finder()


def settle() -> None:
    """End INIT: everything works as usual from here."""
    global _init  # noqa: PLW0603
    if _init is not None:
        _init.close()
        _init = None
