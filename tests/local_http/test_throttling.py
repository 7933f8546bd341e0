"""Token buckets, and whose requests share one."""

from __future__ import annotations

import asyncio

import pytest

from fastlambda_cli.local.http.throttling import ACCOUNT_BURST, ACCOUNT_RATE, Limits, Throttle, stage_limits


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_a_bucket_is_full_at_first_and_fills_at_its_rate(clock):
    throttle = Throttle(clock)
    limits = Limits(rate=2, burst=3)

    def admitted(requests):
        return [throttle.admits("books", limits) for _ in range(requests)]

    assert admitted(4) == [True, True, True, False]
    clock.now = 0.4
    assert admitted(1) == [False]
    clock.now = 1.0
    assert admitted(3) == [True, True, False]
    clock.now = 1000.0
    assert admitted(4) == [True, True, True, False]


def test_buckets_are_by_what_they_are_for_and_new_limits_are_a_new_bucket(clock):
    throttle = Throttle(clock)

    assert throttle.admits("a", Limits(1, 1)) is True
    assert throttle.admits("a", Limits(1, 1)) is False
    assert throttle.admits("b", Limits(1, 1)) is True
    assert throttle.admits("a", Limits(1, 2)) is True


def test_a_burst_of_none_lets_nothing_through(clock):
    assert Throttle(clock).admits("a", Limits(0, 0)) is False


STAGES = {
    "no settings": ({}, None),
    "other settings": ({"defaultRouteSettings": {"detailedMetricsEnabled": True}}, None),
    "what the stage's routes share": (
        {"defaultRouteSettings": {"throttlingRateLimit": 5.5, "throttlingBurstLimit": 9}},
        (None, Limits(5.5, 9)),
    ),
    "as CloudFormation writes it": (
        {"defaultRouteSettings": {"ThrottlingRateLimit": "5", "ThrottlingBurstLimit": 9}},
        (None, Limits(5, 9)),
    ),
    "the route's own": (
        {
            "defaultRouteSettings": {"throttlingRateLimit": 5, "throttlingBurstLimit": 9},
            "routeSettings": {"GET /": {"throttlingRateLimit": 1}, "GET /a": {"throttlingRateLimit": 3}},
        },
        ("GET /", Limits(1, 9)),
    ),
    "half of it": ({"defaultRouteSettings": {"throttlingBurstLimit": 9}}, (None, Limits(ACCOUNT_RATE, 9))),
    "the other half": ({"defaultRouteSettings": {"throttlingRateLimit": 9}}, (None, Limits(9, ACCOUNT_BURST))),
}


@pytest.mark.parametrize(("stage", "found"), STAGES.values(), ids=STAGES)
def test_a_stage_says_what_limits_a_route(stage, found):
    assert stage_limits(stage, "GET /") == found


def test_one_request_too_many_is_429_and_never_reaches_the_function(gateway, function):
    async def scenario():
        async with gateway(function({"statusCode": 200}), limits=lambda: Limits(rate=0.001, burst=1)) as api:
            assert (await api.client.get("/")).status_code == 200
            answer = await api.client.get("/")
            assert (answer.status_code, answer.content) == (429, b'{"message":"Too Many Requests"}')
            assert len(api.invocations) == 1
            await api.exchange()
            assert (await api.exchange()).error == "more requests than the throttling limits let through"

    asyncio.run(scenario())
