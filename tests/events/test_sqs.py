"""A message is a request to its consumer, with everything that the app's routes have; a failed one goes back alone."""

from __future__ import annotations

import pytest
from queue_events import failed, notification, sqs, sqs_record

APP = """
    import asyncio
    import contextvars
    from contextlib import asynccontextmanager
    from typing import Annotated

    from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request
    from fastlambda import EventRouter, FastLambda, logger
    from fastlambda.events import SqsMessage
    from pydantic import BaseModel, Field

    @asynccontextmanager
    async def lifespan(app):
        app.state.loop = asyncio.get_running_loop()
        yield {"shop": "books"}

    app = FastAPI(lifespan=lifespan)
    events = EventRouter()

    class Book(BaseModel):
        title: str
        price: float = 0

    async def session():
        logger.info("session opened")
        try:
            yield "session"
        except ValueError:
            logger.info("session rolled back")
            raise
        else:
            logger.info("session committed")

    def receive_count(message: Annotated[SqsMessage, Depends(SqsMessage.of)]) -> int:
        return message.receive_count

    @events.sqs("book-imports")
    async def import_book(
        book: Book,
        message: SqsMessage,
        request: Request,
        session: Annotated[str, Depends(session)],
        count: Annotated[int, Depends(receive_count)],
    ) -> None:
        assert asyncio.get_running_loop() is request.app.state.loop
        logger.info("imported", extra={
            "title": book.title, "session": session, "shop": request.state.shop, "count": count,
            "queue": message.queue_arn, "sent_at": message.sent_at.isoformat(),
        })
        if book.title == "bad":
            raise ValueError("a bad book")

    @events.sqs("texts")
    async def take_text(text: Annotated[str, Field(max_length=20)]) -> None:
        logger.info("text", extra={"text": text})

    @events.sqs("threads")
    def in_a_thread(book: Book) -> None:
        logger.info("in a thread", extra={"title": book.title})
        if book.title == "bad":
            raise ValueError("a bad book")

    def fails_before():
        raise RuntimeError("no connection")

    def fails_after(message: Annotated[SqsMessage, Depends(SqsMessage.of)]):
        yield
        if "clean-up" in message.body:
            raise RuntimeError("no commit")

    @events.sqs("trouble")
    async def trouble(what: str, tasks: BackgroundTasks, _: Annotated[None, Depends(fails_after)]) -> str:
        match what:
            case "exit":
                raise SystemExit("no")
            case "exit in a task":
                async def leave():
                    raise SystemExit("no")
                await asyncio.create_task(leave())
            case "cancelled":
                raise asyncio.CancelledError
            case "background":
                async def work():
                    raise RuntimeError("in the background")
                tasks.add_task(work)
            case "refused":
                raise HTTPException(404)
        return "dropped"

    @events.sqs("unconnected")
    async def unconnected(_: Annotated[None, Depends(fails_before)]) -> None: ...

    @events.sqs("everything")
    async def everything() -> None: ...

    @events.sqs("wants-a-topic")
    async def wants_a_topic(book: Book, token: Annotated[str, Depends(lambda authorization: "x")] = "") -> None: ...

    seen = contextvars.ContextVar("seen", default="nothing")

    @events.sqs("contexts", concurrency=1)
    async def contexts(text: str) -> None:
        logger.info("before", extra={"seen": seen.get()})
        logger.thread_safe_append_keys(text=text)
        seen.set(text)
        logger.info("after", extra={"seen": seen.get()})

    @app.exception_handler(ValueError)
    async def answered(request, error):
        raise AssertionError("there is no client to answer")

    handler = FastLambda(app, events=events)
"""


def test_a_message_is_validated_and_has_the_dependencies_and_the_state_of_the_app(deploy) -> None:
    done = deploy(APP).invoke({"Records": [sqs_record({"title": "Dune"}, ApproximateReceiveCount="3")]})
    assert done.answer == failed()
    line = done.log("imported")
    assert (line["title"], line["session"], line["shop"], line["count"]) == ("Dune", "session", "books", 3)
    assert line["queue"].endswith(":book-imports")
    assert line["sent_at"] == "2018-12-17T21:37:29.183000+00:00"
    assert [log["message"] for log in done.logs[:3]] == ["session opened", "imported", "session committed"]


def test_only_the_failed_messages_of_a_batch_go_back(deploy) -> None:
    done = deploy(APP).invoke(sqs({"title": "a"}, {"title": "bad"}, {"title": "c"}))
    assert done.answer == failed("2")
    assert done.log("session rolled back")["message_id"] == "2"
    error = done.log("Unhandled exception in the consumer")
    assert error["message_id"] == "2"
    assert 'raise ValueError("a bad book")' in error["exception"]


def test_a_batch_of_which_every_message_fails_is_answered_all_the_same(deploy) -> None:
    done = deploy(APP).invoke(sqs({"title": "bad"}, {"title": "bad"}))
    assert (done.answer, done.error) == (failed("1", "2"), None)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"name": "s3cret"}, "title: Field required"),
        ({"title": ["s3cret"]}, "title: Input should be a valid string"),
        ("s3cret", "message: Invalid JSON: expected value at line 1 column 1"),
        ("", "message: Invalid JSON: EOF while parsing a value at line 1 column 0"),
    ],
)
def test_a_message_that_is_not_what_the_consumer_takes_goes_back_before_anything_runs(deploy, body, why) -> None:
    done = deploy(APP).invoke(sqs(body))
    assert done.answer == failed("1")
    refused, summary = done.logs
    assert refused["message"] == f"Refused a record: The message is not what its consumer takes: {why}"
    assert summary["message"] == "sqs:book-imports 0 of 1"
    assert "s3cret" not in "".join(done.lines)


def test_a_consumer_of_str_gets_the_text_as_it_was_sent(deploy) -> None:
    function = deploy(APP)
    for text in ("no JSON", '"quoted"', "{}", "Bücher"):
        assert function.invoke(sqs(text, queue="texts")).log("text")["text"] == text
    assert function.invoke(sqs("longer than twenty letters", queue="texts")).answer == failed("1")


def test_a_consumer_that_is_no_coroutine_runs_in_a_thread_with_the_keys_of_its_record(deploy) -> None:
    done = deploy(APP).invoke(sqs({"title": "a"}, {"title": "bad"}, queue="threads"))
    assert done.answer == failed("2")
    lines = {line["title"]: line["message_id"] for line in done.logs if line["message"] == "in a thread"}
    assert lines == {"a": "1", "bad": "2"}


@pytest.mark.parametrize("what", ["exit", "exit in a task", "cancelled", "background", "refused", "clean-up"])
def test_what_ends_one_record_ends_only_that_one(deploy, what) -> None:
    function = deploy(APP)
    assert function.invoke(sqs("fine", what, "fine", queue="trouble")).answer == failed("2")
    assert function.invoke(sqs("fine", queue="trouble")).answer == failed()


def test_a_dependency_that_fails_fails_the_record(deploy) -> None:
    done = deploy(APP).invoke(sqs("{}", queue="unconnected"))
    assert done.answer == failed("1")
    assert done.log("Unhandled exception in the consumer")["exception_name"] == "RuntimeError"


def test_a_dependency_that_wants_what_only_http_has_fails_the_record_and_says_so(deploy) -> None:
    done = deploy(APP).invoke(sqs({"title": "s3cret"}, queue="wants-a-topic"))
    assert done.answer == failed("1")
    (refused, _) = done.logs
    assert refused["message"] == (
        "Refused a record: A dependency of the consumer cannot be had: query.authorization: Field required"
    )


def test_a_consumer_may_take_no_message_at_all(deploy) -> None:
    assert deploy(APP).invoke(sqs("anything", queue="everything")).answer == failed()


def test_what_one_message_leaves_in_context_variables_is_not_there_for_the_next(deploy) -> None:
    done = deploy(APP).invoke(sqs("a", "b", queue="contexts"))
    assert [(line["message"], line["seen"], line.get("text")) for line in done.logs[:4]] == [
        ("before", "nothing", None),
        ("after", "a", "a"),
        ("before", "nothing", None),
        ("after", "b", "b"),
    ]


def test_a_message_of_a_topic_is_taken_out_of_its_envelope(deploy) -> None:
    assert deploy(APP).invoke(sqs(notification({"title": "Dune"}))).log("imported")["title"] == "Dune"
