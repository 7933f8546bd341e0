"""What makes INIT shorter: each part changes when work is done, never what the app does, and only on Lambda.

`FASTLAMBDA_STARTUP_TUNING=false` turns all of it off but `bundle`, which holds the only bytecode of a zip that has one.

Parts that last for INIT are context managers: `collector`, `forward_references`, `patterns`, and one of `bundle`. Parts
that are about one module of a library last for its import, and `finder` knows them all. A part whose library has
changed does nothing.
"""

from __future__ import annotations

from contextlib import ExitStack

from fastlambda.settings import Settings
from fastlambda.startup.bundle import compiled_ahead, open_bundle
from fastlambda.startup.collector import idle_collector
from fastlambda.startup.finder import install_finder
from fastlambda.startup.forward_references import compiled_when_evaluated
from fastlambda.startup.patterns import compiled_when_used

_init: ExitStack | None = None
_tuned = False


def tune(settings: Settings) -> None:
    """Prepare INIT; to be called before the app is imported, though a late call does no harm."""
    global _init, _tuned  # noqa: PLW0603
    if _tuned or not settings.in_lambda:
        return
    _tuned = True
    bundle = open_bundle()
    if not settings.startup_tuning:
        return
    _init = ExitStack()
    if bundle is not None:
        _init.enter_context(compiled_ahead(bundle))
    for part in (idle_collector, compiled_when_evaluated, compiled_when_used):
        _init.enter_context(part())
    install_finder(bundle)


def settle() -> None:
    """End INIT: everything works as usual from here."""
    global _init  # noqa: PLW0603
    if _init is not None:
        _init.close()
        _init = None
