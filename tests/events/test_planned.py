"""A consumer whose dependencies are planned is called as FastAPI would call it: the same cases, both ways."""

from __future__ import annotations

import pytest
from queue_events import failed, sqs

APP = """
    import asyncio
    import contextvars
    import functools
    import os
    import sys
    import threading
    from contextlib import asynccontextmanager
    from typing import Annotated

    import anyio
    from fastapi import BackgroundTasks, Depends, FastAPI, Header, HTTPException, Request, Security
    from fastapi.exceptions import RequestValidationError
    from fastapi.requests import HTTPConnection
    from fastapi.security import SecurityScopes
    from fastlambda import EventRouter, FastLambda, logger
    from fastlambda.events import SnsMessage, SqsMessage

    @asynccontextmanager
    async def lifespan(app):
        app.state.shelf = "top"
        yield {"shop": "books"}

    app = FastAPI(lifespan=lifespan)
    events = EventRouter()
    if os.environ.get("BY_FASTAPI"):
        app.dependency_overrides[object()] = None  # what is overridden at all is left to FastAPI

    def by_fastapi():
        frame = sys._getframe()
        while frame is not None:
            if frame.f_code.co_filename.endswith("fastapi/routing.py"):
                return True
            frame = frame.f_back
        return False

    def say(event, /, **more):
        logger.info(event, extra={"more": repr(more), "main": threading.current_thread() is threading.main_thread()})

    seen = contextvars.ContextVar("seen", default="nothing")

    async def outer(request: Request):
        say("open outer", shop=request.state.shop, shelf=request.app.state.shelf, path=request.url.path)
        try:
            yield "outer"
        except ValueError as error:
            say("outer failed", error=repr(error))
            raise
        finally:
            say("close outer")

    def inner(outer: Annotated[str, Depends(outer)], message: Annotated[SqsMessage, Depends(SqsMessage.of)]):
        say("open inner", outer=outer, body=message.body)
        try:
            yield outer + " inner"
        except BaseException as error:
            say("inner failed", error=repr(error))
            if message.body == "swallowed":
                return
            if message.body == "exchanged":
                raise ValueError("exchanged") from None
            raise
        say("close inner")
        if message.body == "clean-up":
            raise RuntimeError("clean-up")

    async def number(inner: Annotated[str, Depends(inner)]) -> int:
        seen.set("set by number")
        say("number", inner=inner)
        return len(inner)

    class Paging:
        def __init__(self, number: Annotated[int, Depends(number)], connection: HTTPConnection):
            say("paging", seen=seen.get())
            self.number, self.scheme = number, connection.url.scheme

    class Shelf:
        async def books(self, outer: Annotated[str, Depends(outer)]):
            say("books", outer=outer)
            return ["Dune"]

    shelf = Shelf()

    def decorated(function):
        @functools.wraps(function)
        async def wrapper(*args, **kwargs):
            say("decorated")
            return await function(*args, **kwargs)
        return wrapper

    @decorated
    async def checked(n: Annotated[int, Depends(number)]):
        return n

    async def fails(message: Annotated[SqsMessage, Depends(SqsMessage.of)]):
        if message.body == "dependency":
            raise ValueError("dependency")
        if message.body == "no topic":
            raise HTTPException(404, "no topic")

    @events.sqs("tree", concurrency=1)
    async def tree(
        what: str,
        message: SqsMessage,
        request: Request,
        paging: Annotated[Paging, Depends()],
        number: Annotated[int, Depends(number)],
        books: Annotated[list, Depends(shelf.books)],
        outer: Annotated[str, Depends(outer)],
        nothing: Annotated[None, Depends(fails)],
    ) -> str:
        say("tree", what=what, id=message.message_id, number=(paging.number, number), scheme=paging.scheme,
            books=books, outer=outer, seen=seen.get(), json=(await request.body()).decode(), method=request.method,
            fastapi=by_fastapi() == bool(os.environ.get("BY_FASTAPI")))
        match what:
            case "exit":
                raise SystemExit("no")
            case "cancelled":
                asyncio.current_task().cancel()
                await asyncio.sleep(0)
            case "scope":
                with anyio.move_on_after(0):
                    await anyio.sleep(1)
                say("moved on")
            case "http":
                raise HTTPException(404)
            case "refused":
                raise RequestValidationError([{"loc": ("query", "x"), "msg": "my own", "type": "missing"}])
            case "failed" | "swallowed" | "exchanged":
                raise ValueError(what)
        return "dropped"

    async def guarded():
        with anyio.CancelScope() as scope:
            yield scope
        say("guard", caught=scope.cancelled_caught)

    async def cleaned(guarded: Annotated[anyio.CancelScope, Depends(guarded)]):
        try:
            yield
        finally:
            say("cleaning")
            await asyncio.sleep(0)
            say("cleaned")

    @events.sqs("guarded", concurrency=1)
    async def guarded_consumer(
        what: str, _: Annotated[None, Depends(cleaned)], scope: Annotated[anyio.CancelScope, Depends(guarded)]
    ) -> None:
        if what == "cancelled":
            scope.cancel()
        await anyio.sleep(0)
        say("guarded")

    @events.sqs("thread", concurrency=1)
    def thread(what: str, func: Annotated[str, Depends(outer)]) -> None:
        say("thread", what=what, func=func)
        if what == "failed":
            raise ValueError(what)

    def connected(request: Request):
        say("connect", path=request.url.path)
        try:
            yield "connection"
        finally:
            seen.set("set by connected")
            say("disconnect")

    def transaction(
        connection: Annotated[str, Depends(connected)], message: Annotated[SqsMessage, Depends(SqsMessage.of)]
    ):
        seen.set("set by transaction")
        say("begin", connection=connection)
        try:
            yield connection + " transaction"
        except BaseException as error:
            say("roll back", error=repr(error), seen=seen.get())
            if message.body == "swallowed":
                return
            if message.body == "exchanged":
                raise ValueError("exchanged") from None
            raise
        say("commit", seen=seen.get())
        if message.body == "clean-up":
            raise RuntimeError("clean-up")

    def rows(transaction: Annotated[str, Depends(transaction)], message: Annotated[SqsMessage, Depends(SqsMessage.of)]):
        seen.set("set by rows")
        if message.body == "dependency":
            raise ValueError("dependency")
        return [transaction]

    @events.sqs("threads", concurrency=1)
    def threads(
        what: str, rows: Annotated[list, Depends(rows)], transaction: Annotated[str, Depends(transaction)]
    ) -> str:
        say("threads", what=what, rows=rows, transaction=transaction, seen=seen.get())
        seen.set("set by threads")
        match what:
            case "exit":
                raise SystemExit("no")
            case "http":
                raise HTTPException(404)
            case "failed" | "swallowed" | "exchanged":
                raise ValueError(what)
        return "dropped"

    @events.sqs("plain", concurrency=1)
    async def plain(what: str) -> None:
        say("plain", fastapi=by_fastapi() == bool(os.environ.get("BY_FASTAPI")))
        if what == "failed":
            raise ValueError(what)

    @events.sqs("no-topic", concurrency=1)
    async def topic(_: Annotated[SnsMessage, Depends(SnsMessage.of)]) -> None: ...

    # What follows is left to FastAPI either way.

    counted = 0

    async def count() -> int:
        global counted
        counted += 1
        return counted

    @events.sqs("uncached", concurrency=1)
    async def uncached(
        one: Annotated[int, Depends(count, use_cache=False)], two: Annotated[int, Depends(count, use_cache=False)]
    ) -> None:
        say("uncached", differ=one != two, fastapi=by_fastapi())

    async def closed_first():
        yield
        say("closed first")

    @events.sqs("scoped", concurrency=1)
    async def scoped(
        what: str, a: Annotated[None, Depends(closed_first, scope="function")], b: Annotated[str, Depends(outer)]
    ) -> None:
        say("scoped", fastapi=by_fastapi())

    async def header(x: Annotated[str | None, Header()] = None):
        return x

    async def scopes(scopes: SecurityScopes):
        return scopes.scopes

    class Callable:
        async def __call__(self):
            return "called"

    @events.sqs("others", concurrency=1)
    async def others(
        tasks: BackgroundTasks,
        header: Annotated[None, Depends(header)],
        scopes: Annotated[list, Security(scopes, scopes=["books"])],
        called: Annotated[str, Depends(Callable())],
        partial: Annotated[int, Depends(functools.partial(count))],
    ) -> None:
        tasks.add_task(say, "in the background")
        say("others", header=header, scopes=scopes, called=called, partial=type(partial), fastapi=by_fastapi())

    @events.sqs("wrapped", concurrency=1)
    async def wrapped(checked: Annotated[int, Depends(checked)]) -> None:
        say("wrapped", checked=checked)

    handler = FastLambda(app, events=events)
"""
CASES = {
    "tree": [
        "fine", "failed", "swallowed", "exchanged", "clean-up", "dependency", "no topic", "exit", "cancelled", "scope",
        "http", "refused",
    ],
    "guarded": ["fine", "cancelled"],
    "thread": ["fine", "failed"],
    "threads": ["fine", "failed", "swallowed", "exchanged", "clean-up", "dependency", "exit", "http"],
    "plain": ["fine", "failed"],
    "no-topic": ["fine"],
    "uncached": ["fine"],
    "scoped": ["fine"],
    "others": ["fine"],
    "wrapped": ["fine"],
}  # fmt: skip
COMPARED = ("level", "message", "exception_name", "more", "main", "route", "message_id", "correlation_id")


def told(done) -> list[dict[str, object]]:
    return [{name: line.get(name) for name in COMPARED} for line in done.logs]


@pytest.mark.slow
@pytest.mark.parametrize(("queue", "what"), [(queue, what) for queue, cases in CASES.items() for what in cases])
def test_a_message_is_handled_by_plan_as_by_fastapi(deploy, queue, what) -> None:
    planned = deploy(APP).invoke(sqs(what, "fine", queue=queue))
    by_fastapi = deploy(APP, BY_FASTAPI="yes").invoke(sqs(what, "fine", queue=queue))
    assert (planned.answer, planned.error) == (by_fastapi.answer, by_fastapi.error)
    assert told(planned) == told(by_fastapi)
    if queue != "no-topic":
        assert {"itemIdentifier": "2"} not in planned.answer["batchItemFailures"]


def test_what_was_compared_was_planned_and_has_happened(deploy) -> None:
    done = deploy(APP).invoke(sqs("failed", queue="tree"))
    assert done.answer == failed("1")
    assert "'fastapi': True" in done.log("tree")["more"]
    assert [line["message"] for line in done.logs[:-2]] == [
        "open outer", "open inner", "number", "paging", "books", "tree",
        "inner failed", "outer failed", "close outer",
    ]  # fmt: skip


@pytest.mark.parametrize("queue", ["uncached", "scoped", "others"])
def test_what_is_not_certain_is_left_to_fastapi(deploy, queue) -> None:
    assert "'fastapi': True" in deploy(APP).invoke(sqs("fine", queue=queue)).log(queue)["more"]
