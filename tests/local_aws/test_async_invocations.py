"""An accepted event is never dropped without a word."""

from __future__ import annotations

import asyncio

from fastlambda_cli.local.aws import RetryPolicy
from fastlambda_cli.local.aws.async_invocations import AsyncInvocations
from fastlambda_cli.local.model import Invocation, ThrottledError


def notices_of(invoke, policy, *, until):
    """What is said about one event, once `until` has happened and the local AWS ends."""
    notices = []

    async def story():
        happened = asyncio.Event()

        def see(what):
            if until(what):
                happened.set()

        def sink(notice):
            notices.append(notice)
            see(notice)

        async def watched(invocation):
            see(invocation)
            return await invoke(invocation)

        events = AsyncInvocations(sink, policy)

        events.accept(watched, Invocation(payload=b"{}", request_id="the-event"))
        await asyncio.wait_for(happened.wait(), 20)
        await events.close()

    asyncio.run(story())
    return [notice.text for notice in notices]


async def throttled(_invocation):
    raise ThrottledError


async def endless(_invocation):
    await asyncio.Event().wait()


def test_an_event_that_grows_too_old_while_throttled_is_dropped_with_a_notice():
    policy = RetryPolicy(throttle_first_s=1.0, age_limit_s=0.5)

    notices = notices_of(throttled, policy, until=lambda what: not isinstance(what, Invocation))

    assert notices == [
        "Asynchronous invocation the-event was dropped: it grew too old while the function was throttled"
    ]


def test_an_event_that_still_runs_at_the_end_is_dropped_with_a_notice():
    notices = notices_of(endless, RetryPolicy(), until=lambda what: isinstance(what, Invocation))

    assert notices == ["1 asynchronous invocation(s) were dropped at the end"]
