"""Stages: the same service once more, with some of its configuration replaced."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from fastlambda_cli.errors import ConfigurationError

DEFAULT_STAGE = "dev"
"""The stage that is meant when none is named; it needs no table of its own."""

STAGE_NAME = r"^[a-z][a-z0-9-]{0,19}$"
STAGE_NAME_IN_WORDS = "1 to 20 lower-case letters, digits or hyphens, a letter first"

SAME_IN_EVERY_STAGE = frozenset({"stages", "local"})
"""Keys that no stage can replace."""
_ALTERNATIVES = (frozenset({"arn", "generate"}), frozenset({"topic", "email"}), frozenset({"own", "name"}))


def stack_name(service: str, stage: str) -> str:
    """Name a stage of a service: its stack, its function, and whatever else of it has a name."""
    return f"{service}-{stage}"


DESCRIBED = ": a FastAPI service on AWS Lambda."
"""What follows the service and the stage in the description of every template, and so of every stack."""


def described(service: str, stage: str) -> str:
    """The description of a stage's stack, which unlike its name is no other's."""
    return f"{service}, stage {stage}{DESCRIBED}"


def stage_table(table: Mapping[str, Any], stage: str) -> dict[str, Any]:
    """The configuration of one stage: the table, and what its stage replaces in it.

    Tables are merged key by key, everything else is replaced. Where a table holds one of two alternatives, such as
    a secret's `arn` or `generate`, the stage's choice takes the place of the other one.
    """
    base = {key: value for key, value in table.items() if key != "stages"}
    return _merged(base, table["stages"][stage])


def key_of_no_stage(overrides: Mapping[str, Any]) -> str | None:
    """A key that cannot differ between stages, if there is one: `stages` itself, or `local`, which only `dev` reads."""
    return next((key for key in overrides if key in SAME_IN_EVERY_STAGE), None)


def check_stage(stage: str, declared: Mapping[str, Any], file: Path, table_name: str) -> None:
    """Check that a stage may be asked for: a service that declares stages has those and `dev`, others have any.

    Raises:
        ConfigurationError: It is no name for a stage, or not one of those that are declared.

    """
    if not re.fullmatch(STAGE_NAME, stage):
        raise ConfigurationError(
            f"{stage!r} is no name for a stage", why=f"it must be {STAGE_NAME_IN_WORDS}", remedy="Choose another one."
        )
    if not declared or stage in declared or stage == DEFAULT_STAGE:
        return
    near = difflib.get_close_matches(stage, declared, n=1)
    raise ConfigurationError(
        f"{file} has no stage {stage}",
        why=f"it declares: {', '.join(declared)}",
        remedy=f"Did you mean {near[0]}?" if near else f"Add the table [{table_name}.stages.{stage}]; it may be empty.",
    )


def check_function_names(functions: Iterable[str], declared: Collection[str], stage: str | None, file: Path) -> None:
    """Check that no function of one stage is named as another stage: `worker` of `dev`, and the stage `dev-worker`.

    Args:
        functions: The names that consumers are declared with.
        declared: The stages that have tables.
        stage: The one that is asked for, if one is. Where none is declared, any other may exist beside it.
        file: The pyproject.toml, for the error.

    Raises:
        ConfigurationError: Two would be one function on AWS, and other things of one name besides.

    """
    named = set(functions)
    for shorter, rest, known in _beside(declared, stage):
        if rest in named:
            raise ConfigurationError(
                f'The stage {shorter}-{rest} and function="{rest}" of the stage {shorter} would have one name on AWS',
                why=f"both are called <service>-{shorter}-{rest}",
                remedy="Rename the function where its consumers are declared, or the stage."
                + ("" if known else f" If there is no stage {shorter}, declare the stages in {file}."),
            )


def check_names_in_stages(
    names: Mapping[str, Collection[str]], declared: Collection[str], stage: str | None, file: Path
) -> None:
    """Check that nothing of one stage is named as something else of another stage.

    The queue `eu-imports` of `dev` and the queue `imports` of `dev-eu` would be one queue.

    Args:
        names: What is named after the stage, without that: the names of each kind of thing, by the kind in words.
        declared: The stages that have tables.
        stage: The one that is asked for, if one is. Where none is declared, any other may exist beside it.
        file: The pyproject.toml, for the error.

    Raises:
        ConfigurationError: Two would be one on AWS.

    """
    for shorter, rest, known in _beside(declared, stage):
        for kind, of_kind in names.items():
            for name in sorted(of_kind):
                if name.startswith(f"{rest}-") and (other := name.removeprefix(f"{rest}-")) in of_kind:
                    raise ConfigurationError(
                        f"The {kind} {name} of the stage {shorter} and the {kind} {other} of the stage "
                        f"{shorter}-{rest} would have one name on AWS",
                        why=f"both are called <service>-{shorter}-{name}",
                        remedy="Rename one of them where it is declared, or the stage."
                        + ("" if known else f" If there is no stage {shorter}, declare the stages in {file}."),
                    )


def _beside(declared: Collection[str], stage: str | None) -> Iterator[tuple[str, str, bool]]:
    """Stages that are called as another and more: the other's name, what follows it, and whether the other is known."""
    stages = {*declared, DEFAULT_STAGE, *([stage] if stage is not None else [])}
    for longer in sorted(stages):
        for hyphen in re.finditer("-", longer):
            shorter, rest = longer[: hyphen.start()], longer[hyphen.end() :]
            if rest and (shorter in stages or (not declared and re.fullmatch(STAGE_NAME, shorter))):
                yield shorter, rest, shorter in stages


def _merged(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    replaced = {key for group in _ALTERNATIVES if group & overrides.keys() for key in group}
    merged = {key: value for key, value in base.items() if key not in replaced}
    for key, value in overrides.items():
        below = merged.get(key)
        merged[key] = _merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged
