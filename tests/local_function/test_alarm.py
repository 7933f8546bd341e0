"""A time that is set and cleared for every event: it comes once, when it was last set to."""

from __future__ import annotations

import asyncio

import pytest

from fastlambda_cli.local.alarm import Alarm


def run(scenario):
    async def limited():
        async with asyncio.timeout(20):
            await scenario(called := [], called.append)

    asyncio.run(limited())


async def over(seconds):
    """Wait for another alarm that is due later than those before it."""
    rung = asyncio.Event()
    Alarm(rung.set).set(seconds)
    await rung.wait()


@pytest.mark.parametrize("times", [[0.001], [0.001, 0.002], [60, 0.001], [0.002, 0.001, 0.002]])
def test_it_comes_once_however_often_it_was_set(times):
    async def scenario(called, call):
        alarm = Alarm(lambda: call("alarm"))
        for seconds in times:
            alarm.set(seconds)
        await over(0.01)
        assert called == ["alarm"]
        assert not alarm.is_set

    run(scenario)


@pytest.mark.parametrize("how", ["clear", "end"])
def test_it_does_not_come_when_it_was_cleared_and_can_be_set_again(how):
    async def scenario(called, call):
        alarm = Alarm(lambda: call("alarm"))
        alarm.set(0.001)
        getattr(alarm, how)()
        await over(0.01)
        assert called == []
        alarm.set(0.001)
        await over(0.01)
        assert called == ["alarm"]

    run(scenario)


def test_a_later_time_takes_the_place_of_an_earlier_one():
    async def scenario(called, call):
        alarm = Alarm(lambda: call("alarm"))
        alarm.set(0.001)
        alarm.set(60)
        await over(0.01)
        assert called == []
        assert alarm.is_set
        alarm.end()

    run(scenario)
