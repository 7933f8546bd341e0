"""The code of the packages in one file, which the runtime reads in INIT instead of looking into their folders.

It is made for services whose handler imports `fastlambda` before any package: with another order Python has looked for
most modules before the runtime can say where they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from fastlambda_cli.artifact.archive import Entry
from fastlambda_cli.artifact.bytecode import run_python

BUNDLER = Path(__file__).parent / "target" / "bundle.py"
"""The program that writes a bundle, with any Python that will read it."""
_READER = Path("fastlambda", "startup", "bundle.py")
BUNDLE = _READER.with_name("packages.bundle")
"""Where the runtime looks for the bundle, below the packages."""
GENERATED = "--generated"
"""Has the program leave bytecode in its files."""
_RUNTIME = "fastlambda"

_IMPORT = re.compile(rb"^(?:from[ \t]+([\w.]+)[ \t]+import\b|import[ \t]+([\w., \t]+))", re.MULTILINE)
_TEXT = re.compile(rb"\"\"\".*?\"\"\"|'''.*?'''", re.DOTALL)
_BEFORE_THE_RUNTIME = frozenset(
    {
        "__future__",
        "asyncio",
        "collections",
        "contextlib",
        "dataclasses",
        "datetime",
        "functools",
        "json",
        "logging",
        "os",
        "pathlib",
        "re",
        "sys",
        "time",
        "typing",
        "warnings",
    }
)
"""What a handler may import first. Not `sys.stdlib_module_names`, which the builder's Python has another one of."""


def begins_with_runtime(own: Iterable[Entry], handler: str) -> bool:
    """Whether a service's handler imports `fastlambda` before anything else but the standard library.

    It is read as text: the builder's Python may not know the syntax of the function's.

    Args:
        own: The service's files.
        handler: The configured one, such as `lambda_handler.handler`.

    """
    module = handler.rpartition(".")[0].replace(".", "/")
    parents = {f"{folder}/__init__.py" for folder in _parents(module)}
    first = {f"{module}.py", f"{module}/__init__.py"}
    for entry in own:
        if entry.name in parents and _imported(entry.read()):
            return False  # it is imported before the handler's own module
    source = next((entry.read() for entry in own if entry.name in first), b"")
    for name in _imported(source):
        if name == _RUNTIME:
            return True
        if name not in _BEFORE_THE_RUNTIME:
            return False
    return False


async def bundle(folder: Path, python: Path, *, keep_bytecode: bool) -> None:
    """Write the bundle of the modules below a folder, if the runtime is there and reads one.

    Args:
        folder: Holds the packages, compiled.
        python: The interpreter, of the version that will import them.
        keep_bytecode: Whether bytecode stays in its files, for programs that start without the runtime; the bundle then
            has only what `dataclasses` generates, since holding all bytecode twice makes an image a fifth larger.

    Raises:
        OSError: A file cannot be deleted.
        ToolchainError: The interpreter cannot do it.

    """
    if not (folder / _READER).exists():
        return
    written = await run_python(
        python,
        "-I",
        "-S",
        str(BUNDLER),
        str(folder),
        str(folder / BUNDLE),
        *([GENERATED] if keep_bytecode else []),
        cwd=folder.parent,
        doing="bundle the modules",
    )
    for name in written.splitlines():
        # The runtime itself is loaded before it can read the bundle.
        if name.partition("/")[0] != _RUNTIME:
            (folder / name).unlink()


def _imported(source: bytes) -> list[str]:
    """The top-level names that a module imports at its own level, in their order."""
    names = []
    for one, several in _IMPORT.findall(_TEXT.sub(b"", source)):
        names += [name.strip().partition(".")[0].partition(" ")[0] for name in (one or several).decode().split(",")]
    return names


def _parents(module: str) -> list[str]:
    steps = module.split("/")[:-1]
    return ["/".join(steps[: count + 1]) for count in range(len(steps))]
