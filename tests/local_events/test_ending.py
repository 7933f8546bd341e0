"""The end of polling."""

from __future__ import annotations

import asyncio

from fastlambda_cli.local.aws.events.event_sources import EventSources

PATIENCE_S = 10


class NoMappings:
    async def mappings(self):
        return []


def test_a_mapping_that_is_deleted_the_moment_polling_ends_does_not_keep_it_from_ending():
    notices, answered = [], []

    async def app(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 202, "headers": [(b"x-fastlambda-mappings", b"2")]})

    async def send(message):
        answered.append(message)

    async def scenario():
        sources = EventSources(NoMappings(), functions=None, sink=notices.append)
        async with asyncio.timeout(PATIENCE_S), sources.polled():
            for _ in range(3):
                await asyncio.sleep(0)  # until it waits for a change
            await sources.noticing(app)({"headers": []}, None, send)

    asyncio.run(scenario())
    assert notices == []
    assert answered == [{"type": "http.response.start", "status": 202, "headers": []}], "the number is ours alone"
