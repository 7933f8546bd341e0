"""Modules of libraries whose import is changed, and one import that is refused."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType

from fastlambda.startup.bundle import Bundle, BundleLoader
from fastlambda.startup.openapi import deferred_models
from fastlambda.startup.sqlalchemy_import import quick_dedent

Part = Callable[[ModuleType], AbstractContextManager[None]]

_PARTS: dict[str, Part] = {
    "fastapi.openapi.models": deferred_models,
    "sqlalchemy.util.langhelpers": quick_dedent,
}
_PYDANTIC_V1 = "pydantic.v1"


def install_finder(bundle: Bundle | None = None) -> None:
    """Have every import from here on looked at, those after INIT too.

    Args:
        bundle: Where a module is looked for before the folders.

    """
    sys.meta_path.insert(0, StartupFinder(bundle))


class StartupFinder:
    """Runs parts of the tuning around the modules they are about, and keeps FastAPI alone from `pydantic.v1`."""

    def __init__(self, bundle: Bundle | None = None) -> None:
        self._bundle = bundle

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec for the modules it knows and nothing for the rest, which is then found as ever.

        FastAPI imports `pydantic.v1` to ask whether a class is one of its models. While nobody else has imported it no
        such class exists, and FastAPI takes the ImportError for that very answer.

        Raises:
            ModuleNotFoundError: FastAPI asked for `pydantic.v1`.

        """
        if fullname == _PYDANTIC_V1 and _importer().partition(".")[0] == "fastapi":
            raise ModuleNotFoundError(f"No module named {fullname!r} for FastAPI", name=fullname)
        part = _PARTS.get(fullname)
        if part is None:
            return None
        spec = self._bundle.find_spec(fullname, path) if self._bundle else None
        spec = spec or PathFinder.find_spec(fullname, path, target)
        if spec is not None and type(spec.loader) in {SourceFileLoader, BundleLoader}:
            assert isinstance(spec.loader, SourceFileLoader)  # noqa: S101 - it is one of the two
            spec.loader = TunedLoader(spec.loader, part)
        return spec


class TunedLoader(SourceFileLoader):
    """Loads a module inside of its part."""

    def __init__(self, loader: SourceFileLoader, part: Part) -> None:
        super().__init__(loader.name, loader.path)
        self._loader = loader
        self._part = part

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the module's code, from where the module was found."""
        return self._loader.get_code(fullname)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module."""
        with self._part(module):
            super().exec_module(module)


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
