"""The life of an execution environment as states and the moves between them; every other move is an error.

    NEW -> INITIALISING -> READY <-> RUNNING
                |            |          |
                v            v          v
              BROKEN <------------------'
                |  ^
                v  |
           REINITIALISING -> RUNNING

An environment is BROKEN when its runtime is gone: INIT failed, or the process exited or was ended at a timeout. What
is outside of the process, such as /tmp and the log stream, is still there, and the next event initialises it again
(AWS Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle"). From everywhere it can be
ENDED, and from there nothing leads back.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto

from fastlambda_cli.local.function.answers import Refusal


class State(Enum):
    """Where in its life an environment is."""

    NEW = auto()
    INITIALISING = auto()
    READY = auto()
    RUNNING = auto()
    BROKEN = auto()
    REINITIALISING = auto()
    ENDED = auto()

    __hash__ = object.__hash__  # an Enum's own is written in Python, and every event asks for it four times


ALLOWED: Mapping[State, frozenset[State]] = {
    State.NEW: frozenset({State.INITIALISING, State.ENDED}),
    State.INITIALISING: frozenset({State.READY, State.BROKEN, State.ENDED}),
    State.READY: frozenset({State.RUNNING, State.BROKEN, State.ENDED}),
    State.RUNNING: frozenset({State.READY, State.BROKEN, State.ENDED}),
    State.BROKEN: frozenset({State.REINITIALISING, State.ENDED}),
    State.REINITIALISING: frozenset({State.RUNNING, State.BROKEN, State.ENDED}),
    State.ENDED: frozenset(),
}
"""Where each state may lead; what is not listed is refused."""


class IllegalMoveError(RuntimeError):
    """A move that no environment makes: a defect of the local Lambda, or a call that comes out of turn."""


class Lifecycle:
    """The state of one environment."""

    def __init__(self) -> None:
        self.state = State.NEW

    def move(self, to: State) -> None:
        """Go on to another state.

        Raises:
            IllegalMoveError: The present state does not lead there.

        """
        if to not in ALLOWED[self.state]:
            raise IllegalMoveError(f"{self.state.name} does not lead to {to.name}")
        self.state = to


def illegal(call: str, state: State) -> Refusal:
    """Refuse a call of the Runtime API that the state forbids."""
    return Refusal(403, "InvalidStateTransition", f"Transition from {state.name} by {call} is not allowed.")
