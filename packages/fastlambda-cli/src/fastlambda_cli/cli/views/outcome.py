"""How a command ended, and what to type next."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from urllib.parse import urlsplit

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from fastlambda_cli.cli.views.layout import facts
from fastlambda_cli.cli.views.words import duration
from fastlambda_cli.deploy.model import Outcome
from fastlambda_cli.service.stages import DEFAULT_STAGE

API_URL = "ApiUrl"
"""The stack's output that a person wants first."""

_COMMAND_OF_A_STACK = re.compile(r"`fastlambda (plan|deploy|status|releases|rollback|destroy)((?: --drift)?)`")
"""As the engine names a command; where it adds --local itself, it says so whatever was typed."""

_DEV_PORT = 4566
"""Where `dev` serves the AWS on this machine, deployed APIs with it, unless it is told otherwise."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed besides the command, so that the next command can be given ready to copy."""

    service: Path = Path()
    stage: str = DEFAULT_STAGE
    local: bool = False
    profile: str | None = None
    region: str | None = None

    @property
    def reaching(self) -> str:
        """What every command does first."""
        return "Reaching the AWS on this machine" if self.local else "Reaching AWS"

    def here(self, command: str) -> str:
        """The command line of a command that knows a service and a stage, and no AWS."""
        words = ["fastlambda", command]
        words += [str(self.service)] if self.service != Path() else []
        words += ["--stage", self.stage] if self.stage != DEFAULT_STAGE else []
        return " ".join(map(quote, words))

    def again(self, command: str, *more: str) -> str:
        """The command line of another command on the same stack."""
        words = ["--local"] if self.local else []
        words += ["--profile", self.profile] if self.profile else []
        words += ["--region", self.region] if self.region else []
        return " ".join((self.here(command), *map(quote, (*words, *more))))

    def completed(self, text: str) -> str:
        """What the engine says, which knows nothing of a command line, with this one's in the commands it names."""
        return _COMMAND_OF_A_STACK.sub(lambda found: f"`{self.again(found[1], *found[2].split())}`", text)


def outcome_view(outcome: Outcome, typed: Typed, *, answers: bool = True) -> RenderableType:
    """A deployment or rollback that ended well, with its URL and the next commands.

    Args:
        outcome: How it ended.
        typed: What was typed.
        answers: False when the AWS that the URL leads to ends with this command.

    """
    release = outcome.release
    name = Text(outcome.plan.stack_name, style="bold")
    pairs = list(url_facts(outcome.outputs, typed, answers=answers))
    if release is None:
        return Group(Text.assemble("Nothing to do: ", name, " stands as described."), facts(pairs))
    done = f"Back at release {release.of}" if release.of is not None else "Deployed"
    heading = Text.assemble((done, "bold green"), ": ", name, f" in {duration(outcome.seconds)}")
    number = f"{release.number}, version {release.version}" if release.version else str(release.number)
    pairs.append(("Release", Text(number)))
    commands = [(typed.again("status"), "how it stands")]
    if release.number > 1:
        commands.append((typed.again("rollback"), "back to the release before"))
    return Group(heading, facts(pairs), Text(), next_commands(commands))


def next_commands(commands: Iterable[tuple[str, str]]) -> RenderableType:
    """Command lines to copy, each with what it is for; a long one is folded and never cut."""
    every = list(commands)
    width = max(len(line) for line, _ in every)
    lines = (Text.assemble((line.ljust(width), "bold"), "  ", (what, "dim")) for line, what in every)
    return Padding(Group(*lines), (0, 0, 0, 2), expand=False)


def url_facts(outputs: Mapping[str, str], typed: Typed, *, answers: bool) -> Iterator[tuple[str, Text]]:
    """The URL, and when it answers if it does not always."""
    if API_URL not in outputs:
        return
    if answers:
        yield "URL", Text(outputs[API_URL], style="bold")
        return
    url = urlsplit(outputs[API_URL])
    yield "URL", Text.assemble((f"http://{url.hostname}:{_DEV_PORT}", "bold"), "  while dev runs: ", typed.here("dev"))
