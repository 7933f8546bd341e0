"""The `fastlambda` command and its subcommands."""

from __future__ import annotations

from typing import Annotated

import typer

from fastlambda_cli.cli.lazy import Listed, group_of

_BEGIN = "Begin"
_RUN = "Run on this machine"
_DEPLOY = "Deploy to AWS, or with --local to the AWS on this machine"
_EVENTS = "Messages, on AWS or with --local on this machine"
_OTHERS = "For other tools"

COMMANDS = (
    Listed("init", _BEGIN, "Make a service of a FastAPI project, in the few lines that takes."),
    Listed("doctor", _BEGIN, "Check that everything is there that a deployment needs."),
    Listed("dev", _RUN, "Run a service here as Lambda would, with an HTTP API and an AWS endpoint."),
    Listed("env", _RUN, "Print the variables by which SDKs and the AWS CLI use the AWS that `dev` runs."),
    Listed("plan", _DEPLOY, "Show what a deployment would do, and change nothing."),
    Listed("deploy", _DEPLOY, "Deploy a service: show the plan, ask, and do it."),
    Listed("status", _DEPLOY, "Show how a service's stack stands: URL, release, version, traffic."),
    Listed("releases", _DEPLOY, "List what was deployed, when and by whom, newest first."),
    Listed("rollback", _DEPLOY, "Return to an earlier release: its artifact, template and parameters."),
    Listed("destroy", _DEPLOY, "Delete a service's stack, after listing what goes and what stays."),
    Listed("send", _EVENTS, "Send a message to a queue that a service consumes."),
    Listed("dlq", _EVENTS, "List the messages that a service could not handle, or send them again."),
    Listed(
        "build",
        _OTHERS,
        'Build what would be deployed: the zip or, with package.type = "image" or --image, the container image.',
    ),
    Listed("dockerfile", _OTHERS, "Print a Dockerfile that makes what `fastlambda build --image` makes."),
    Listed("template", _OTHERS, "Print a service's CloudFormation template, deployable with any tool."),
    Listed("schema", _OTHERS, "Print the JSON schema of `[tool.fastlambda]`, for editors."),
)

app = typer.Typer(
    name="fastlambda",
    cls=group_of(*COMMANDS),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - as slow as the rest of this module

        print(f"fastlambda {version('fastlambda-cli')}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """FastAPI on AWS Lambda, and on your laptop as Lambda would run it."""
