"""The end of polling."""

from __future__ import annotations

import asyncio

from fastlambda_cli.local.aws.events.event_sources import EventSources

PATIENCE_S = 10


class NoMappings:
    async def mappings(self):
        return []


def test_a_mapping_that_is_deleted_the_moment_polling_ends_does_not_keep_it_from_ending():
    notices = []

    async def app(scope, receive, send):
        """Delete the mapping."""

    async def scenario():
        sources = EventSources(NoMappings(), functions=None, sink=notices.append)
        async with asyncio.timeout(PATIENCE_S), sources.polled():
            for _ in range(3):
                await asyncio.sleep(0)  # until it waits for a change
            await sources.noticing(app)({"path": "/2015-03-31/event-source-mappings/1", "method": "DELETE"}, None, None)

    asyncio.run(scenario())
    assert notices == []
