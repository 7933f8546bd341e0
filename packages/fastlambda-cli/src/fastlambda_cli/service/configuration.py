"""The table [tool.fastlambda], and one clear line for everything that can be wrong in it."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.model import PATTERNS, Configuration
from fastlambda_cli.service.record import ContradictionError
from fastlambda_cli.service.stages import check_stage, key_of_no_stage, stage_table
from fastlambda_cli.service.variables import secret_variable

_EXPECTED = {
    "string_type": "a string",
    "int_type": "an integer",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "dict_type": "a table",
    "model_type": "a table",
    "tuple_type": "an array",
    "literal_error": "{expected}",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
    "string_too_long": "{max_length} characters at the most",
    "too_short": "{min_length} or more of them",
    "too_long": "{max_length} of them at the most",
}
"""What each kind of problem asks for instead, in words, with Pydantic's context filled in."""

RESERVED_VARIABLES = frozenset(
    {
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
    }
)
"""Names that a function's configuration may not set (Lambda developer guide, "Reserved environment variables")."""

MAX_VARIABLES_BYTES = 4096
"""Names and values together (Lambda developer guide, "Lambda quotas")."""


def parse_configuration(
    table: dict[str, Any], file: Path, *, table_name: str = "tool.fastlambda", stage: str | None = None
) -> Configuration:
    """Check the table, and that of every stage.

    Args:
        table: As it stands in the file.
        file: The file, for the error.
        table_name: The table's name, for the error.
        stage: Whose configuration is wanted; None is the table without what stages replace.

    Raises:
        ConfigurationError: Names the first wrong key, what was expected and what is there.

    """
    configuration = _validated(table, file, table_name)
    stages: dict[str, Configuration] = {}
    for name, overrides in configuration.stages.items():
        stage_name = f"{table_name}.stages.{name}"
        wrong = key_of_no_stage(overrides)
        if wrong is not None:
            raise ConfigurationError(
                f"{file}: [{stage_name}] has no key {wrong}",
                why="it is the same for every stage",
                remedy=f"Move it to [{table_name}].",
            )
        stages[name] = _validated(stage_table(table, name), file, stage_name)
    if stage is None:
        return configuration
    check_stage(stage, stages, file, table_name)
    return stages.get(stage, configuration)


def _validated(table: dict[str, Any], file: Path, table_name: str) -> Configuration:
    try:
        configuration = Configuration.model_validate(table)
    except ValidationError as problem:
        # A misspelt key is both unknown and missing, and the first says more.
        found = sorted(problem.errors(include_url=False), key=lambda error: error["type"] == "missing")
        raise _error(found[0], file, table_name) from None
    _check_environment(configuration.environment, file, table_name)
    _check_secret_variables(configuration, configuration.environment, file, table_name)
    for name, function in configuration.functions.items():
        variables = {**configuration.environment, **function.environment}
        _check_environment(variables, file, f"{table_name}.functions.{name}")
        _check_secret_variables(configuration, variables, file, table_name)
    return configuration


def _check_environment(variables: dict[str, str], file: Path, table_name: str) -> None:
    for name in sorted(RESERVED_VARIABLES & variables.keys()):
        raise ConfigurationError(
            f"{file}: {table_name}.environment.{name} cannot be set",
            why="Lambda reserves this name for itself",
            remedy="Remove it, or choose another name.",
        )
    size = sum(len(name.encode()) + len(value.encode()) for name, value in variables.items())
    if size > MAX_VARIABLES_BYTES:
        raise ConfigurationError(
            f"{file}: {table_name}.environment holds {size:,} bytes",
            why=f"Lambda takes {MAX_VARIABLES_BYTES:,}",
            remedy="Move what is large into a file of the package.",
        )


def _check_secret_variables(
    configuration: Configuration, variables: Mapping[str, str], file: Path, table_name: str
) -> None:
    taken = {name: f"environment.{name}" for name in variables}
    for name, spec in configuration.secrets.items():
        variable = secret_variable(name, spec)
        if variable in taken:
            raise ConfigurationError(
                f"{file}: {table_name}.secrets.{name} has the variable of {table_name}.{taken[variable]}",
                why=f"{variable} can hold one value",
                remedy=f"Name another one with secrets.{name}.env.",
            )
        taken[variable] = f"secrets.{name}"


def _error(problem: ErrorDetails, file: Path, table_name: str) -> ConfigurationError:
    where = tuple(step for step in problem["loc"] if step != "[key]")
    key = _dotted((table_name, *where))
    if problem["type"] == "extra_forbidden":
        return _unknown_key(str(where[-1]), _keys(where[:-1]), f"{file}: [{_dotted((table_name, *where[:-1]))}]")
    if problem["type"] == "missing":
        return ConfigurationError(
            f"{file}: {key} is missing", why=f"[{_dotted((table_name, *where[:-1]))}] needs it", remedy="Add it."
        )
    if problem["type"] == "value_error":
        return _contradiction(problem["ctx"]["error"], f"{file}: {key}")
    if problem["loc"][-1:] == ("[key]",):
        return ConfigurationError(
            f"{file}: {key} is no usable name", why=f"it must be {expected(problem)}", remedy="Rename it."
        )
    return ConfigurationError(
        f"{file}: {key} must be {expected(problem)}, got {_got(problem, where)}", remedy="Correct the value."
    )


def _contradiction(error: ContradictionError, where: str) -> ConfigurationError:
    return ConfigurationError(f"{where}: {error}", remedy=error.remedy)


def _unknown_key(name: str, known: Iterable[str], where: str) -> ConfigurationError:
    near = difflib.get_close_matches(name.lower(), known, n=1)
    remedy = f"Did you mean {near[0]}?" if near else f"The keys there are: {', '.join(known)}."
    return ConfigurationError(f"{where} has no key {name}", remedy=remedy)


def _keys(where: tuple[int | str, ...]) -> list[str]:
    """The keys of the table at a place, by walking down the model."""
    kind: Any = Configuration
    for step in where:
        if inspect.isclass(kind) and issubclass(kind, BaseModel):
            kind = kind.model_fields[str(step)].annotation
        else:
            kind = get_args(kind)[0 if isinstance(step, int) else 1]  # tuple[table, ...] or dict[name, table]
        if isinstance(kind, UnionType):
            kind = get_args(kind)[0]  # table | None
    return list(kind.model_fields)


def expected(problem: ErrorDetails) -> str:
    """What would have been right in the place of a value that Pydantic refused, in words."""
    context = problem.get("ctx", {})
    if problem["type"] == "string_pattern_mismatch":
        return PATTERNS[context["pattern"]]
    return _EXPECTED[problem["type"]].format_map(context)


def _got(problem: ErrorDetails, where: tuple[int | str, ...]) -> str:
    value = problem["input"]
    kinds = {bool: "a boolean", str: "a string", int: "an integer", float: "a float", dict: "a table", list: "an array"}
    kind = kinds.get(type(value), "a date")
    # What stands in `environment` may be confidential, so it is described and never repeated.
    confidential = "environment" in {*where[:1], *where[2:3]}  # the service's, or a function's
    return kind if confidential or kind in {"a table", "an array"} else f"{value!r} ({kind})"


def _dotted(steps: Iterable[int | str]) -> str:
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")
