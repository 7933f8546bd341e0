"""What `init` writes, as text before anything is written; and the writing, all of it or nothing."""

from __future__ import annotations

import contextlib
import difflib
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fastlambda_cli.cli.beginning.apps import App
from fastlambda_cli.errors import FastLambdaError

HANDLER_FILE = "lambda_handler.py"

_OUR_NAMES = frozenset({"FastLambda", "handler", "sys", "Path"})


@dataclass(frozen=True, slots=True)
class Edit:
    """A file before and after; `before` is None when there is none yet."""

    path: Path
    before: str | None
    after: str

    def diff(self) -> Iterator[str]:
        """The lines of a unified diff, as git shows it."""
        return difflib.unified_diff(
            (self.before or "").splitlines(),
            self.after.splitlines(),
            "/dev/null" if self.before is None else f"a/{self.path.name}",
            f"b/{self.path.name}",
            lineterm="",
        )


def handler_text(app: App) -> str:
    """The module that Lambda calls for an app."""
    name = app.attribute if app.attribute not in _OUR_NAMES else "app"
    imported = app.attribute if name == app.attribute else f"{app.attribute} as {name}"
    call = f"{name}()" if app.factory else name
    standard, path = "", ""
    if app.base != Path():
        standard = "import sys\nfrom pathlib import Path\n\n"
        path = f"sys.path.insert(0, str(Path(__file__).parent / {app.base.as_posix()!r}))\n\n".replace("'", '"')
    return (
        '"""What Lambda calls."""\n\n'
        f"{standard}from fastlambda import FastLambda\n\n"
        f"{path}"
        "# isort: split\n"
        "# The runtime comes first: it prepares a fast start before FastAPI is imported.\n"
        f"from {app.module} import {imported}{'  # noqa: E402' if path else ''}\n\n"
        f"handler = FastLambda({call})\n"
    )


def write_all(edits: Iterable[Edit]) -> None:
    """Write every file, or leave every one as it was.

    Raises:
        FastLambdaError: One cannot be written, or is no longer what its edit was made from.

    """
    written: list[Edit] = []
    try:
        for edit in edits:
            _write(edit)
            written.append(edit)
    except (OSError, UnicodeDecodeError) as problem:
        for edit in reversed(written):
            _undo(edit)
        raise FastLambdaError(
            f"Cannot write {edit.path}", why=str(problem), remedy="Nothing was changed. Correct that and try again."
        ) from problem


def _write(edit: Edit) -> None:
    if edit.before is None:
        with edit.path.open("x", encoding="utf-8", newline="") as file:
            file.write(edit.after)
        return
    target = edit.path.resolve()
    if read_text(target) != edit.before:
        raise OSError("it was changed meanwhile")
    _replace(target, edit.after)


def _replace(target: Path, text: str) -> None:
    """Replace a file in one step, so that a full disk leaves the old one."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(name).chmod(target.stat().st_mode & 0o7777)
        Path(name).replace(target)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _undo(edit: Edit) -> None:
    with contextlib.suppress(OSError):  # the error that is told already matters more
        if edit.before is None:
            edit.path.unlink()
        else:
            _replace(edit.path.resolve(), edit.before)


def read_text(path: Path) -> str:
    """A file's text with its line ends as they are."""
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()
