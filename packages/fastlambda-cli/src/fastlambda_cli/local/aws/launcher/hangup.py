"""A long poll ends with its client: ministack would go on, and take messages that nobody gets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

_LONG_POLLS = frozenset({(b"x-amz-target", b"AmazonSQS.ReceiveMessage")})


def ended_by_hangup(app: App) -> App:
    """Wrap an ASGI app so that the handling of ReceiveMessage is cancelled when the client hangs up."""

    async def watched(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _LONG_POLLS.isdisjoint(tuple(pair) for pair in scope["headers"]):
            await app(scope, receive, send)
            return
        complete = asyncio.Event()

        async def read() -> Message:
            message = await receive()
            if not message.get("more_body"):
                complete.set()
            return message

        async def hangup() -> None:
            await complete.wait()
            while (await receive())["type"] != "http.disconnect":
                pass

        answering = asyncio.ensure_future(app(scope, read, send))
        hanging_up = asyncio.create_task(hangup())
        try:
            await asyncio.wait({answering, hanging_up}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            hanging_up.cancel()
            if not answering.done():
                answering.cancel()
            await asyncio.wait({answering, hanging_up})
        if not answering.cancelled():
            answering.result()

    return watched
