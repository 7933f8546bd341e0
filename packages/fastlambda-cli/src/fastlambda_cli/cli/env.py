"""`fastlambda env`: what a shell, or any other program, needs to use the AWS that `dev` runs."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fastlambda_cli.aws.session import LOCAL_REGION
from fastlambda_cli.cli.documents import print_document, told_to_machines
from fastlambda_cli.cli.options import JsonOption, ServiceArgument
from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.session import STATE, running_session
from fastlambda_cli.local.standing import keys_of

_IN_THE_WAY = ("AWS_SESSION_TOKEN",)
"""What a shell may have besides, and what would be sent along."""


class Shell(StrEnum):
    """Whose words are printed."""

    SH = "sh"
    FISH = "fish"


def env(
    service: ServiceArgument = Path(),
    shell: Annotated[Shell, typer.Option(help="Whose words: sh for bash and zsh too.")] = Shell.SH,
    as_json: JsonOption = False,
) -> None:
    """Print the variables by which SDKs and the AWS CLI use the AWS that `dev` runs.

    They hold the access key of the service's local AWS, which stays the same when `dev` is started again.

    - `eval "$(fastlambda env)"`, then `aws s3 ls`
    - `fastlambda env --shell fish | source`
    """
    with told_to_machines(as_json=as_json):
        variables = _variables(service)
    if as_json:
        print_document(variables)
    else:
        print("\n".join(_WORDS[shell](variables)))


def _variables(service: Path) -> Mapping[str, str]:
    root = service.resolve()
    session = running_session(root / STATE)
    if session is None:
        raise EmulatorError(
            f"No local AWS of {root.name} is running",
            why="only a running `fastlambda dev` has an address that a shell can use",
            remedy=f"Start `fastlambda dev {shlex.quote(str(service))}` first, or name the folder of one that runs.",
        )
    keys = keys_of(root / STATE)
    return {
        "AWS_ENDPOINT_URL": session.endpoint_url,
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
        "AWS_REGION": LOCAL_REGION,
        "AWS_DEFAULT_REGION": LOCAL_REGION,
    }


def _for_sh(variables: Mapping[str, str]) -> list[str]:
    given = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return [*given, *(f"unset {name}" for name in _IN_THE_WAY)]


def _for_fish(variables: Mapping[str, str]) -> list[str]:
    given = [f"set -gx {name} {shlex.quote(value)}" for name, value in variables.items()]
    return [*given, *(f"set -e {name}" for name in _IN_THE_WAY)]


_WORDS: Mapping[Shell, Callable[[Mapping[str, str]], list[str]]] = {Shell.SH: _for_sh, Shell.FISH: _for_fish}
