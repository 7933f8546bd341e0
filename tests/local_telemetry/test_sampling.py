"""Which events are traced, and what the function is told: Lambda's rules, on a clock that the test moves."""

from __future__ import annotations

import pytest

from fastlambda_cli.local.function.tracing import Sampler, joined

ROOT = "1-67891233-abcdef012345678912345678"
CALLER = "53995c3f42cd8ad8"


def never():
    raise AssertionError("the caller has decided, or nobody may")


def test_the_first_event_of_a_second_is_traced_and_five_percent_of_the_others():
    now = [100.0]
    draws = iter([0.049, 0.051, 0.99])
    sampled = Sampler(clock=lambda: now[0], choose=lambda: next(draws))

    first_second = [sampled() for _ in range(4)]
    now[0] = 101.0

    assert first_second == [True, True, False, False]
    assert sampled() is True


@pytest.mark.parametrize(("decision", "sampled"), [("1", True), ("0", False)])
@pytest.mark.parametrize("active", [True, False])
def test_the_callers_decision_is_honoured(active, decision, sampled):
    trace = joined(f"Root={ROOT};Parent={CALLER};Sampled={decision}", active=active, sampling=never)

    assert (trace.root, trace.parent, trace.sampled) == (ROOT, CALLER, sampled)
    assert trace.recorded is (active and sampled)


@pytest.mark.parametrize(
    "incoming", [None, "", f"Root={ROOT}", f"Root={ROOT};Parent={CALLER};Sampled=?", "Root=nonsense"]
)
@pytest.mark.parametrize("sampled", [True, False])
def test_without_a_decision_active_tracing_takes_one(incoming, sampled):
    trace = joined(incoming, active=True, sampling=lambda: sampled)

    assert trace.sampled is trace.recorded is sampled
    assert trace.header == f"Root={trace.root};Parent={trace.segment};Sampled={int(sampled)}"


def test_without_active_tracing_nothing_is_sampled_and_the_function_is_told_its_callers_segment():
    trace = joined(f"Root={ROOT};Parent={CALLER}", active=False, sampling=never)

    assert trace.header == f"Root={ROOT};Parent={CALLER};Sampled=0"
    assert not trace.recorded


def test_with_active_tracing_the_function_is_told_the_segment_that_lambda_sends_for_it():
    trace = joined(f"Root={ROOT};Parent={CALLER};Sampled=1", active=True, sampling=never)

    assert trace.segment not in {"", CALLER}
    assert trace.header == f"Root={ROOT};Parent={trace.segment};Sampled=1"


def test_a_root_that_is_none_is_replaced():
    assert joined("Root=1-2-3;Sampled=1", active=True, sampling=never).root.startswith("1-")
    assert joined("Root=1-2-3;Sampled=1", active=True, sampling=never).root != "1-2-3"
