"""What `fastlambda build --output` has written into a service's own folder: no part of the service."""

from __future__ import annotations

import os
from pathlib import Path

from fastlambda_cli.artifact.installation import STATE, make_state, unwritable

_RECORD = "outputs.txt"


def remember_output(root: Path, output: Path) -> None:
    """Remember a file or folder that is about to be written, if it is inside a service's folder.

    Args:
        root: The service's folder.
        output: What is about to be written.

    Raises:
        FastLambdaError: Nothing can be kept in the service's `.fastlambda` folder.

    """
    inside = Path(os.path.realpath(root))
    place = Path(os.path.realpath(output))
    if not place.is_relative_to(inside) or place == inside:
        return
    name = place.relative_to(inside).as_posix()
    known = outputs_in(root)
    if name in known:
        return
    state = root / STATE
    make_state(state)
    try:
        (state / _RECORD).write_text("".join(f"{one}\n" for one in sorted({*known, name})), encoding="utf-8")
    except OSError as problem:
        raise unwritable(state, problem) from problem


def outputs_in(root: Path) -> frozenset[str]:
    """The remembered outputs of a service, by their paths in its folder."""
    try:
        return frozenset((root / STATE / _RECORD).read_text(encoding="utf-8").splitlines())
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
    except OSError as problem:
        raise unwritable(root / STATE, problem) from problem
