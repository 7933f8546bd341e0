"""What makes INIT shorter: each part changes when work is done, never what the app does, and only on Lambda.

`FASTLAMBDA_STARTUP_TUNING=false` turns all of it off.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

from fastlambda.settings import Settings

# INIT makes objects that stay, and collecting them is in vain. A threshold and no `gc.disable`, because a process that
# imports this package and then never builds a FastLambda must not leak.
_INIT_THRESHOLD = 200_000

_OPENAPI_MODELS = "fastapi.openapi.models"
_PYDANTIC_V1 = "pydantic.v1"

_usual_thresholds: tuple[int, int, int] | None = None


def tune(settings: Settings) -> None:
    """Prepare INIT; to be called before the app is imported, though a late call does no harm."""
    global _usual_thresholds  # noqa: PLW0603
    if not (settings.in_lambda and settings.startup_tuning) or _usual_thresholds is not None:
        return
    _usual_thresholds = gc.get_threshold()
    gc.set_threshold(_INIT_THRESHOLD, *_usual_thresholds[1:])
    sys.meta_path.insert(0, StartupFinder())


def settle() -> None:
    """End INIT: what is alive now will stay, so the collector never looks at it again, and works as usual from here."""
    global _usual_thresholds  # noqa: PLW0603
    if _usual_thresholds is None:
        return
    gc.freeze()
    gc.set_threshold(*_usual_thresholds)
    _usual_thresholds = None


class StartupFinder(MetaPathFinder):
    """Defers FastAPI's OpenAPI models, and keeps FastAPI alone from importing `pydantic.v1`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec for the OpenAPI models and nothing for the rest, which is then found as ever.

        FastAPI imports `pydantic.v1` to ask whether a class is one of its models. While nobody else has imported it no
        such class exists, and FastAPI takes the ImportError for that very answer.

        Raises:
            ModuleNotFoundError: FastAPI asked for `pydantic.v1`.

        """
        if fullname == _PYDANTIC_V1 and _importer().partition(".")[0] == "fastapi":
            raise ModuleNotFoundError(f"No module named {fullname!r} for FastAPI", name=fullname)
        if fullname != _OPENAPI_MODELS:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = DeferringLoader(spec.loader.name, spec.loader.path)
        return spec


class DeferringLoader(SourceFileLoader):
    """Loads a module whose Pydantic models build their validators when they are first used, not when defined."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module with `defer_build` as every model's default."""
        from pydantic import BaseModel  # noqa: PLC0415 - the module imports it anyway

        before = BaseModel.model_config
        BaseModel.model_config = {**before, "defer_build": True}
        try:
            super().exec_module(module)
        finally:
            BaseModel.model_config = before


def _importer() -> str:
    """Return the name of the module whose import statement is being carried out."""
    depth = 1
    while True:
        try:
            frame = sys._getframe(depth)  # noqa: SLF001 - the documented way to a caller's frame
        except ValueError:
            return ""
        name: str = frame.f_globals.get("__name__", "")
        if name != __name__ and not name.startswith("importlib"):
            return name
        depth += 1
