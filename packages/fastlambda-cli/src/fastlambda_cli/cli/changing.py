"""What `deploy` and `rollback` have in common: a plan that is shown, a question, and an outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import typer

from fastlambda_cli.aws.session import Aws
from fastlambda_cli.cli.asking import NOT_CONFIRMED, confirmed, require_someone
from fastlambda_cli.cli.documents import outcome_document, print_document, told_to_machines
from fastlambda_cli.cli.signals import interruptible
from fastlambda_cli.cli.target import opened
from fastlambda_cli.cli.terminal import report_console
from fastlambda_cli.cli.views.outcome import Typed, outcome_view
from fastlambda_cli.cli.views.plan import plan_view
from fastlambda_cli.cli.views.progress import Progress
from fastlambda_cli.deploy.model import Outcome, Plan, Target, Tell


class Change(Protocol):
    """A deployment or a rollback."""

    def __call__(self, target: Target, aws: Aws, tell: Tell, *, confirm: Callable[[Plan], bool]) -> Outcome | None:
        """Do it if it is confirmed."""


class Changing:
    """A command that changes a stack.

    Args:
        typed: What was typed.
        yes: Whether it is confirmed beforehand.
        as_json: Whether the outcome is for a machine; people then read standard error.

    """

    def __init__(self, typed: Typed, *, yes: bool, as_json: bool) -> None:
        self._typed = typed
        self._yes = yes
        self._as_json = as_json
        self._console = report_console(stderr=as_json)

    def run(self, doing: str, question: str, change: Change) -> None:
        """Do it from the question to the outcome.

        Args:
            doing: What it is, as a sentence's beginning.
            question: What is asked below the plan.
            change: Does it.

        Raises:
            UnconfirmedError: It is not confirmed beforehand, and nobody is there to ask.
            FastLambdaError: It failed.

        """
        with told_to_machines(as_json=self._as_json), interruptible():
            if not self._yes:
                require_someone(doing=doing, option="--yes", as_json=self._as_json)
            with (
                Progress(self._console, self._typed.reaching, words=self._typed.completed) as progress,
                opened(self._typed, progress, changes=True) as at,
            ):

                def confirm(plan: Plan) -> bool:
                    with progress.paused():
                        self._console.print(plan_view(plan, at.place))
                        return self._yes or confirmed(self._console, question)

                outcome = change(at.target, at.aws, progress, confirm=confirm)
                if outcome is not None:
                    # From the first line that was shown to the last, the start of a local AWS included.
                    outcome = replace(outcome, seconds=progress.elapsed)
            self._tell(outcome, answers=at.lasts)

    def _tell(self, outcome: Outcome | None, *, answers: bool) -> None:
        if outcome is None:
            self._console.print("Not confirmed: nothing was changed.")
            raise typer.Exit(NOT_CONFIRMED)
        if self._as_json:
            print_document(outcome_document(outcome))
        else:
            self._console.print(outcome_view(outcome, self._typed, answers=answers))
