"""From what was typed to what is deployed, and to the AWS that it is deployed to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fastlambda_cli.aws.session import Aws, connect
from fastlambda_cli.cli.options import ContradictoryOptionsError
from fastlambda_cli.cli.runtime import runtime_of
from fastlambda_cli.cli.views.layout import Place
from fastlambda_cli.cli.views.outcome import Typed
from fastlambda_cli.deploy.model import Remark, Target, Tell
from fastlambda_cli.errors import FastLambdaError
from fastlambda_cli.local.model import InitEnded, Notice, Sink, Status, TelemetryEvent
from fastlambda_cli.service.load import load_service


class KeptByDevError(FastLambdaError):
    """A stack is to be changed that a running `dev` keeps."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Opened:
    """What a command works on.

    Attributes:
        aws: Where it is deployed.
        lasts: False for an AWS on this machine that ends with the command.

    """

    target: Target
    aws: Aws
    lasts: bool = True

    @property
    def place(self) -> Place:
        """Where that is, for a heading.

        Raises:
            AwsError: AWS does not say whose credentials these are.

        """
        return Place(self.aws.account, self.aws.region, self.aws.is_local)


@contextmanager
def opened(typed: Typed, tell: Tell, *, changes: bool = False) -> Iterator[Opened]:
    """Read the service and connect to where it is deployed, until the block ends.

    Args:
        typed: What was typed.
        tell: Is told what the local AWS has to say, if that is where it goes.
        changes: Whether the block may change the stack.

    Raises:
        ConfigurationError: The folder holds no usable service.
        KeptByDevError: The stack is that of a running `dev`, which keeps it as it is.
        ContradictoryOptionsError: An account was named for this machine.
        FastLambdaError: There is no AWS to connect to.

    """
    if typed.local and (typed.profile or typed.region):
        raise ContradictoryOptionsError(
            "--local goes with neither --profile nor --region",
            why="the AWS on this machine has one account and one Region",
            remedy="Leave one of them out.",
        )
    service = load_service(typed.service, stage=typed.stage)
    target = Target(service, typed.stage, runtime_of(service))
    if not typed.local:
        with _with_what_was_typed(typed), connect(typed.profile, typed.region) as aws:
            yield Opened(target, aws)
        return
    from fastlambda_cli.local.standing import local_aws  # noqa: PLC0415 - servers that AWS itself does without

    with (
        _with_what_was_typed(typed),
        local_aws(service.root, as_remarks(tell), own_files=service.configuration.local.own_files) as endpoint,
        connect(endpoint_url=endpoint.endpoint_url, keys=endpoint.keys, ready=endpoint.ready) as aws,
    ):
        if changes and endpoint.dev is not None and endpoint.dev.stage == typed.stage:
            raise KeptByDevError(
                f"{target.stack_name} is the stack of a running `fastlambda dev`",
                why=f"process {endpoint.dev.pid} runs it from the service's folder, and keeps it as that describes it",
                remedy="Name another stage, such as --stage test, or end dev first.",
            )
        yield Opened(target, aws, lasts=not endpoint.owned)


@contextmanager
def _with_what_was_typed(typed: Typed) -> Iterator[None]:
    """Complete the commands that the remedy of an error of the block names."""
    try:
        yield
    except FastLambdaError as error:
        error.remedy = typed.completed(error.remedy)
        raise


def as_remarks(tell: Tell) -> Sink:
    """Pass on what a person has to know of the local AWS: its own words, and why a function does not start.

    A function is asked whether it answers again and again, and mostly fails for the same reason: that is told once.
    """
    known: set[tuple[str, str]] = set()

    def sink(event: TelemetryEvent) -> None:
        match event:
            case Notice(text=text):
                tell(Remark(text))
            case InitEnded(error=dict() as error) if event.status is not Status.SUCCESS:
                reason = f"{error.get('errorType', 'Error')}: {error.get('errorMessage', '')}"
                if (event.function, reason) not in known:
                    known.add((event.function, reason))
                    tell(Remark(f"{event.function} does not start: {reason}", warning=True))
            case _:
                pass

    return sink
