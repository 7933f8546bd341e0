"""The code of all packages in one file, which the artifact's builder writes: INIT reads it, and looks into no folder.

The file begins with `HEADER`, then has an index, then what is in the index:

- of a module, its whole .pyc file (PEP 552), and
- for a module with dataclasses, the compiled functions that `dataclasses` would generate as text, by that text.

Whatever does not fit is left to Python's own import system and compiler, with the same outcome.
"""

import dataclasses
import logging
import marshal
import os
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import MAGIC_NUMBER
from types import CodeType, ModuleType
from typing import Any

# No `from __future__ import annotations` here: code that is compiled in `_exec` would inherit it.

FILE = "packages.bundle"
HEADER = struct.Struct("<4sIQQ")
"""Python's magic number for bytecode, the format, bytes of the whole file, bytes of the index."""
FORMAT = 1
_PYC_HEADER = 16  # bytes (PEP 552)

Place = tuple[int, int]
"""Where something begins in the file, and how many bytes it has."""


class Bundle:
    """Finds modules of packages in a bundle.

    Args:
        file: The bundle.
        root: The folder that the packages are in.

    Attributes:
        moved: Whether a module's code turned out to name a file elsewhere: it was compiled for another folder.

    Raises:
        OSError: There is no such file.
        ValueError: It is for another Python, or damaged.

    """

    def __init__(self, file: str, root: str) -> None:
        self.moved = False
        self._root = root
        self._file = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._modules: dict[str, tuple[bool, Place]]
            self._generated: dict[str, Place]
            self._modules, self._generated = self._read(self._index())
        except BaseException:
            os.close(self._file)
            raise

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return the spec of a module that is in the bundle and that Python would find in the same place."""
        del target
        found = self._modules.get(name)
        if found is None:
            return None
        is_package, place = found
        parent, _, last = name.rpartition(".")
        folder = f"{self._root}/{parent.replace('.', '/')}" if parent else self._root
        if not (folder in path if path is not None else self._is_first(last)):
            return None
        if is_package:
            folder, last = f"{folder}/{last}", "__init__"
        origin = f"{folder}/{last}.py"
        spec = ModuleSpec(name, BundleLoader(name, origin, self, place), origin=origin, is_package=is_package)
        if is_package:
            spec.submodule_search_locations = [folder]
        spec.has_location = True
        spec.cached = f"{folder}/__pycache__/{last}.{sys.implementation.cache_tag}.pyc"
        return spec

    def data(self, place: Place) -> bytes:
        """The bytes in a place."""
        return os.pread(self._file, place[1], place[0])

    def generated(self, module: str) -> dict[str, CodeType]:
        """The compiled functions of a module's dataclasses, by their text."""
        place = self._generated.get(module)
        return {} if place is None else self._read(place)

    def _index(self) -> Place:
        magic, form, size, index = HEADER.unpack(self.data((0, HEADER.size)).ljust(HEADER.size, b"\0"))
        if magic != MAGIC_NUMBER or form != FORMAT:
            raise ValueError("it was made for another Python or runtime")
        if size != os.fstat(self._file).st_size:
            raise ValueError("it is not whole")
        return HEADER.size, index

    def _read(self, place: Place) -> Any:
        return marshal.loads(self.data(place))  # noqa: S302 - as much to be trusted as all code beside it

    def _is_first(self, name: str) -> bool:
        """Whether no folder before the packages' has a module of this name."""
        for folder in sys.path:
            if folder == self._root:
                return True
            if os.path.exists(f"{folder}/{name}") or os.path.exists(f"{folder}/{name}.py"):  # noqa: PTH110
                return False
        return False


class BundleLoader(SourceFileLoader):
    """Loads a module whose bytecode is in a bundle, and is in all else the loader of a source file."""

    def __init__(self, name: str, path: str, bundle: Bundle, place: Place) -> None:
        super().__init__(name, path)
        self._bundle = bundle
        self._place = place

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the module's code as it is in the bundle, whose head says for all that it fits this Python."""
        if not self._bundle.moved:
            code: CodeType = marshal.loads(memoryview(self._bundle.data(self._place))[_PYC_HEADER:])  # noqa: S302 - as above
            if code.co_filename == self.path:
                return code
            self._bundle.moved = True
        return super().get_code(fullname)  # which puts the present file into all of it

    def path_stats(self, path: str) -> dict[str, int]:
        """Nothing is known of the source, which bytecode with an unchecked hash is not compared with."""
        del path
        return {"mtime": 0, "size": 0}

    def get_data(self, path: str) -> bytes:
        """Return what is in a file; bytecode comes from the bundle."""
        return self._bundle.data(self._place) if path.endswith(".pyc") else super().get_data(path)


@contextmanager
def compiled_ahead(bundle: Bundle) -> Iterator[None]:
    """Let `dataclasses` find its generated functions in the bundle; what is not there it compiles as ever."""
    last = "", dict[str, CodeType]()

    def _exec(source: str, names: dict[str, Any], into: dict[str, Any]) -> None:
        nonlocal last
        module = str(names.get("__name__"))
        if last[0] != module:
            last = module, bundle.generated(module)
        code = last[1].get(source) or compile(source, "<string>", "exec")
        exec(code, names, into)  # noqa: S102 - what `dataclasses` itself does

    names = vars(dataclasses)
    names["exec"] = _exec  # in front of the builtin
    try:
        yield
    finally:
        del names["exec"]


def open_bundle() -> Bundle | None:
    """Open the bundle beside this file, and find modules in it from here on; None where none was made.

    One that cannot be used is told in the log, and Python goes without it.
    """
    here = os.path.dirname(__file__)  # noqa: PTH120 - INIT has no other need of pathlib
    file = f"{here}/{FILE}"
    if sys.flags.optimize or not os.path.exists(file):  # noqa: PTH110
        return None
    root = os.path.dirname(os.path.dirname(here))  # noqa: PTH120
    try:
        bundle = Bundle(file, root)
    except (OSError, ValueError, EOFError, TypeError) as problem:
        logging.getLogger(__name__).warning("%s is not used, and INIT takes longer: %s", file, problem)
        return None
    sources = next(n for n, finder in enumerate(sys.meta_path) if getattr(finder, "__name__", "") == "PathFinder")
    sys.meta_path.insert(sources, bundle)
    return bundle
