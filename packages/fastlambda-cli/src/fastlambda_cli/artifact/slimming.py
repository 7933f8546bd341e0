"""What wheels bring that no function needs: tests of their own, sources of their binaries, debug information.

Little is left out, because nobody can see who relies on what. A folder `tests` goes only if it is below an import
package, holds modules, and nothing outside of such folders names it: `numpy.testing` and `sqlalchemy.testing`, which
others import, stay, and so do type stubs, which `lazy_loader` reads when it runs. Headers and C stay too, for the
packages that compile when they run.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from fastlambda_cli.artifact.elf import without_debug_information

_TESTS = "tests"
_CYTHON = frozenset({".pyx", ".pxd", ".pxi"})
_MANUALS = ("share/doc", "share/man")
_READ = (".py", ".so", ".txt", ".toml", ".cfg")
"""What may name a module: code, binaries, entry points and settings."""

_FROM = re.compile(rb"^[ \t]*from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+(\([^)]*\)|(?:\\\n|[^\n])*)", re.MULTILINE)
_WORD = re.compile(rb"\btests\b")
_RELATIVE_NAME = re.compile(rb"""["']\.[\w.]*\btests\b""")
"""As `importlib.import_module` takes it."""


def slim(folder: Path) -> tuple[int, tuple[str, ...]]:
    """Delete what no function needs from a folder of installed packages.

    Returns:
        How many bytes that were, and the modules that went, such as `greenlet.tests`.

    Raises:
        OSError: A file cannot be read or deleted.

    """
    before = _size(folder)
    tests = _unused_tests(folder)
    for place in (folder / name for name in (*tests, *_MANUALS)):
        if place.exists():
            shutil.rmtree(place)
    for path in _files(folder):
        if path.suffix == ".so":
            _without_debug_information(path)
        elif path.suffix in _CYTHON:
            path.unlink()
    return before - _size(folder), tuple(sorted(name.replace("/", ".") for name in tests))


def _without_debug_information(path: Path) -> None:
    content = path.read_bytes()
    slimmer = without_debug_information(content)
    if len(slimmer) < len(content):
        mode = path.stat().st_mode
        # uv may have linked the file to the one in its cache, which has to stay as it is.
        path.unlink()
        path.write_bytes(slimmer)
        path.chmod(mode)


def _unused_tests(folder: Path) -> list[str]:
    """The paths of the folders of tests that nothing else names."""
    found = [
        path.relative_to(folder).as_posix()
        for path in folder.glob(f"*/**/{_TESTS}")
        if path.is_dir() and (path.parent / "__init__.py").exists() and any(path.glob("*.py"))
    ]
    outermost = [name for name in found if _TESTS not in name.split("/")[:-1]]
    if not outermost:
        return []
    named = _named(folder)
    return [name for name in outermost if not any(_names(content, place, name) for place, content in named)]


def _named(folder: Path) -> list[tuple[str, bytes]]:
    """The files outside of folders of tests that have the word in them, with what they hold."""
    word = _TESTS.encode()
    found = []
    for path in _files(folder):
        place = path.relative_to(folder).as_posix()
        if path.suffix in _READ and _TESTS not in place.split("/")[:-1]:
            content = path.read_bytes()
            if word in content:
                found.append((place, content))
    return found


def _names(content: bytes, place: str, tests: str) -> bool:
    """Whether a file names a folder of tests: by its whole name, or in an import.

    It is read as text: this Python may not know the syntax of the function's, and elsewhere another one builds.
    """
    module = tests.replace("/", ".")
    if module.encode() in content:
        return True
    if place.partition("/")[0] == tests.partition("/")[0] and _RELATIVE_NAME.search(content):
        return True
    for dots, name, imported in _FROM.findall(content):
        above = place.split("/")[: -len(dots)] if dots else []
        base = ".".join(filter(None, (*above, name.decode(errors="replace"))))
        if f"{base}.".startswith(f"{module}.") or (f"{base}.{_TESTS}" == module and _WORD.search(imported)):
            return True
    return False


def _files(folder: Path) -> Iterator[Path]:
    for place, _, files in os.walk(folder):
        yield from (Path(place, file) for file in files)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in _files(folder))
