"""What machines read: one JSON document a command, its keys the names of the records' fields."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from fastlambda_cli.errors import FastLambdaError

if TYPE_CHECKING:
    from fastlambda_cli.deploy.model import Outcome, Plan, Release, StackState


def plan_document(plan: Plan) -> dict[str, Any]:
    """A plan, with what its records work out."""
    document = asdict(plan) | {"empty": plan.empty}
    return document | {"cost": asdict(plan.cost) | {"usd": plan.cost.usd} if plan.cost else None}


def release_document(release: Release) -> dict[str, Any]:
    """A release, without the thousands of files of its artifact."""
    document = asdict(release)
    document["artifact"].pop("files", None)
    return document


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """How a deployment ended."""
    return asdict(outcome) | {
        "plan": plan_document(outcome.plan),
        "release": release_document(outcome.release) if outcome.release else None,
    }


def state_document(state: StackState) -> dict[str, Any]:
    """A stack as it stands."""
    return asdict(state) | {"live": release_document(state.live) if state.live else None}


def print_document(document: Any) -> None:
    """Print records, and whatever holds them, as JSON on standard output."""
    from pydantic import TypeAdapter  # noqa: PLC0415 - not for those who read tables

    plain = TypeAdapter(Any).dump_json(document, indent=2)
    sys.stdout.write(f"{plain.decode()}\n")


@contextmanager
def told_to_machines(*, as_json: bool) -> Iterator[None]:
    """Print an error of the block as the one document, because a machine that waits for one gets no other."""
    try:
        yield
    except FastLambdaError as error:
        if as_json:
            told = {"what": error.what, "why": error.why, "remedy": error.remedy, "exit_code": error.exit_code}
            print_document({"error": told})
        raise
