"""An environment makes the moves that its life has and no other."""

from __future__ import annotations

import itertools

import pytest

from fastlambda_cli.local.function.states import ALLOWED, IllegalMoveError, Lifecycle, State


def in_state(state):
    life = Lifecycle()
    life.state = state
    return life


def test_a_life_with_a_timeout_in_it_is_allowed():
    life = Lifecycle()
    for state in (
        State.INITIALISING, State.READY, State.RUNNING, State.READY, State.RUNNING, State.BROKEN,
        State.REINITIALISING, State.RUNNING, State.READY, State.ENDED,
    ):  # fmt: skip
        life.move(state)
    assert life.state is State.ENDED


def test_every_state_is_decided_about_and_whatever_is_not_listed_is_refused_and_changes_nothing():
    assert set(ALLOWED) == set(State)
    for state, to in itertools.product(State, State):
        if to not in ALLOWED[state]:
            life = in_state(state)
            with pytest.raises(IllegalMoveError, match=f"{state.name} does not lead to {to.name}"):
                life.move(to)
            assert life.state is state


def test_nothing_leads_back_from_the_end_and_everything_leads_there():
    assert not ALLOWED[State.ENDED]
    assert all(State.ENDED in ALLOWED[state] for state in State if state is not State.ENDED)
