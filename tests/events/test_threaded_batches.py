"""A batch whose consumer is no coroutine: messages follow each other in a thread, others help when that takes long."""

from __future__ import annotations

from queue_events import failed, fifo, sqs

APP = """
    import contextvars
    import os
    import threading
    from typing import Annotated

    import anyio.from_thread
    from fastapi import Depends, FastAPI
    from fastlambda import EventRouter, FastLambda, logger

    app = FastAPI()
    events = EventRouter()
    seen = contextvars.ContextVar("seen", default="nothing")
    release = threading.Event()
    three = threading.Barrier(3)
    lock = threading.Lock()
    running = most = 0

    async def in_the_loop():
        return threading.current_thread() is threading.main_thread()

    @events.sqs("quick", batch_size=100, window=1)
    def quick(text: str) -> None:
        logger.info(text, extra={"seen": seen.get()})
        seen.set(text)
        if text == "bad":
            raise ValueError(text)
        if text == "ask the loop":
            logger.info("asked", extra={"answer": anyio.from_thread.run(in_the_loop)})

    @events.sqs("meeting", concurrency=3)
    def meeting(text: str) -> None:
        three.wait()

    @events.sqs("bounded", concurrency=2)
    def bounded(text: str) -> None:
        global running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.01)
        with lock:
            running -= 1
        logger.info("most", extra={"most": most})

    @events.sqs("orders.fifo", concurrency=2)
    def in_order(text: str) -> None:
        if text == "bad":
            raise ValueError(text)
        logger.info(text)

    @events.sqs("slow", concurrency=1)
    def slow(text: str) -> None:
        if text == "wait":
            release.wait()
        elif text == "release":
            release.set()

    handler = FastLambda(app, events=events)
"""


def test_quick_messages_follow_each_other_with_a_context_of_their_own(deploy) -> None:
    done = deploy(APP).invoke(sqs("first", "bad", "ask the loop", "last", queue="quick"))
    assert done.answer == failed("2")
    assert {done.log(text)["seen"] for text in ("first", "bad", "ask the loop", "last")} == {"nothing"}
    assert done.log("asked")["answer"] is True
    assert done.log("Unhandled exception in the consumer")["message_id"] == "2"
    summary = done.log("sqs:quick 3 of 4")
    assert (summary["failed_records"], summary["returned_records"]) == (1, 1)


def test_messages_that_wait_are_handled_side_by_side(deploy) -> None:
    assert deploy(APP).invoke(sqs("1", "2", "3", "4", "5", "6", queue="meeting")).answer == failed()


def test_no_more_messages_are_handled_at_a_time_than_is_said(deploy) -> None:
    done = deploy(APP).invoke(sqs(*map(str, range(8)), queue="bounded"))
    assert done.answer == failed()
    assert max(line["most"] for line in done.logs if line["message"] == "most") == 2


def test_a_fifo_group_stops_at_its_first_failure_and_the_other_groups_do_not(deploy) -> None:
    done = deploy(APP).invoke(fifo(("a", "a1"), ("b", "b1"), ("a", "bad"), ("b", "b2"), ("a", "a3")))
    assert done.answer == failed("3", "5")
    assert [line["message"] for line in done.logs if line["message"] in ("b1", "b2")] == ["b1", "b2"]


def test_what_still_runs_in_a_thread_at_the_deadline_goes_back_with_what_has_not_begun(deploy) -> None:
    function = deploy(APP, fresh=True)
    function.invoke(sqs("done", queue="slow"))  # the first batch of a process takes a while
    done = function.invoke(sqs("done", "wait", "never begun", queue="slow"), seconds=1)
    assert (done.answer, done.error) == (failed("2", "3"), None)
    assert done.log("Unhandled exception in the consumer")["exception_name"] == "UnfinishedRecordError"
    summary = done.log("sqs:slow 1 of 3")
    assert (summary["failed_records"], summary["returned_records"]) == (1, 2)
    assert function.invoke(sqs("release", queue="slow")).answer == failed()
