"""A batch: so many messages side by side, FIFO groups in their order, and an answer before the deadline."""

from __future__ import annotations

import pytest
from queue_events import failed, fifo, sqs, sqs_record

APP = """
    import asyncio
    import contextlib
    import threading
    import time

    from fastapi import FastAPI
    from fastapi.concurrency import run_in_threadpool
    from fastlambda import EventRouter, FastLambda, logger

    app = FastAPI()
    events = EventRouter()
    running = most = 0
    release = threading.Event()

    async def take(text):
        global running, most
        running += 1
        most = max(most, running)
        try:
            for _ in range(3):
                await asyncio.sleep(0)
            if text == "bad":
                raise ValueError("bad")
            logger.info(text)
        finally:
            running -= 1

    @events.sqs("three", batch_size=100, window=1, concurrency=3)
    async def three_at_a_time(text: str) -> None:
        await take(text)
        logger.info("most", extra={"most": most})

    @events.sqs("orders.fifo", concurrency=2)
    async def in_order(text: str) -> None:
        await take(text)

    @events.sqs("fair")
    async def in_any_order(text: str) -> None:
        await take(text)

    both = asyncio.Barrier(2)

    @events.sqs("pairs.fifo")
    async def with_the_other_group(text: str) -> None:
        await both.wait()

    @events.sqs("slow", concurrency=2)
    async def slow(text: str) -> None:
        try:
            if text == "for ever":
                await asyncio.Event().wait()
            elif text == "fail in the end":
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()
                raise ValueError("the end")
            logger.info(text)
        except asyncio.CancelledError:
            logger.info("rolled back")
            raise

    @events.sqs("stubborn", concurrency=1)
    async def stubborn(text: str) -> None:
        match text:
            case "release":
                release.set()
            case "wait in a thread":
                await run_in_threadpool(release.wait)
            case "wait and refuse to be cancelled":
                while not release.is_set():
                    try:
                        await asyncio.sleep(0)
                    except asyncio.CancelledError:
                        logger.info("no")

    @events.sqs("eager", batch_size=100, window=1, concurrency=1)
    async def eager(text: str) -> None:
        match text:
            case "cancel yourself":
                asyncio.current_task().cancel()
            case "wait":
                await asyncio.sleep(0)
                logger.info("waited", extra={"task": own(asyncio.current_task())})
            case "begin a task":
                tasks.append(asyncio.create_task(tell_that_it_has_run()))
            case "compute":
                ends = time.monotonic() + 0.01
                while time.monotonic() < ends:
                    pass
                logger.info("computed")

    tasks = []

    def own(task):
        tasks.append(task)  # alive, so that no other can be where it was
        return id(task)

    async def tell_that_it_has_run():
        logger.info("ran")

    @events.sqs("both.fifo", concurrency=2)
    async def wait_and_see(text: str) -> None:
        if text.endswith("bad"):
            raise ValueError("bad")
        if text.endswith("wait"):
            await asyncio.sleep(0)
        logger.info(text)

    @events.sqs("slow.fifo")
    async def slow_in_order(text: str) -> None:
        if text == "for ever":
            await asyncio.Event().wait()
        logger.info(text)

    handler = FastLambda(app, events=events)
"""


def test_no_more_messages_are_handled_at_a_time_than_is_said(deploy) -> None:
    done = deploy(APP).invoke(sqs(*map(str, range(30)), queue="three"))
    assert done.answer == failed()
    assert [line["most"] for line in done.logs if line["message"] == "most"][-1] == 3


def test_a_fifo_group_stops_at_its_first_failure_and_the_other_groups_do_not(deploy) -> None:
    batch = fifo(("a", "a1"), ("b", "b1"), ("a", "bad"), ("b", "b2"), ("a", "a3"), ("a", "a4"), ("b", "b3"))
    done = deploy(APP).invoke(batch)
    assert done.answer == failed("3", "5", "6")
    taken = [line["message"] for line in done.logs]
    assert [text for text in taken if text.startswith("a")] == ["a1"]
    assert [text for text in taken if text.startswith("b")] == ["b1", "b2", "b3"]
    assert done.log("sqs:orders.fifo 4 of 7")["failed_records"] == 1


def test_the_groups_of_a_fifo_queue_are_handled_side_by_side(deploy) -> None:
    assert deploy(APP).invoke(fifo(("a", "1"), ("b", "2"), queue="pairs.fifo")).answer == failed()


def test_a_group_on_a_standard_queue_orders_nothing(deploy) -> None:
    records = [sqs_record(text, text, queue="fair", MessageGroupId="tenant") for text in ("bad", "fine")]
    assert deploy(APP).invoke({"Records": records}).answer == failed("bad")


def test_what_still_runs_shortly_before_the_deadline_is_cancelled_and_goes_back(deploy) -> None:
    function = deploy(APP)
    done = function.invoke(sqs("first", "for ever", "for ever", "never begun", queue="slow"), seconds=0.5)
    assert (done.answer, done.error) == (failed("2", "3", "4"), None)
    assert {line["message_id"] for line in done.logs if line["message"] == "rolled back"} == {"2", "3"}
    cancelled = [line for line in done.logs if line["message"] == "Unhandled exception in the consumer"]
    assert {line["exception_name"] for line in cancelled} == {"UnfinishedRecordError"}
    assert "asyncio.Event().wait()" in cancelled[0]["exception"]
    summary = done.log("sqs:slow 1 of 4")
    assert (summary["failed_records"], summary["returned_records"]) == (2, 3)
    assert function.invoke(sqs("next", queue="slow")).answer == failed()


def test_what_fails_after_its_cancellation_is_told_without_it(deploy) -> None:
    done = deploy(APP).invoke(sqs("fail in the end", queue="slow"), seconds=0.3)
    assert done.answer == failed("1")
    told = done.log("Unhandled exception in the consumer")["exception"]
    assert "the end" in told
    assert "CancelledError" not in told


@pytest.mark.parametrize("what", ["wait in a thread", "wait and refuse to be cancelled"])
def test_what_does_not_end_in_time_keeps_no_answer_back(deploy, what) -> None:
    function = deploy(APP, fresh=True)
    done = function.invoke(sqs("done", what, "never begun", queue="stubborn"), seconds=0.5)
    assert (done.answer, done.error) == (failed("2", "3"), None)
    assert function.invoke(sqs("release", queue="stubborn")).answer == failed()


def test_a_task_that_refuses_to_be_cancelled_is_reported(deploy) -> None:
    function = deploy(APP, fresh=True)
    done = function.invoke(sqs("wait and refuse to be cancelled", queue="stubborn"), seconds=0.5)
    assert any("still runs" in line["message"] for line in done.logs if line["level"] == "WARNING")
    function.invoke(sqs("release", queue="stubborn"))


def test_a_deadline_that_is_past_returns_everything(deploy) -> None:
    done = deploy(APP).invoke(sqs("for ever", "for ever", queue="slow"), seconds=0)
    assert done.answer == failed("1", "2")


def test_the_rest_of_a_fifo_group_goes_back_when_the_time_is_up(deploy) -> None:
    batch = fifo(("a", "a1"), ("a", "for ever"), ("a", "a3"), queue="slow.fifo")
    assert deploy(APP).invoke(batch, seconds=0.5).answer == failed("2", "3")


@pytest.mark.parametrize("count", [1, 250])
def test_all_messages_of_a_batch_are_answered_for(deploy, count) -> None:
    texts = ["bad" if number % 10 == 0 else str(number) for number in range(1, count + 1)]
    done = deploy(APP).invoke(sqs(*texts, queue="three"))
    assert done.answer == failed(*(str(number) for number in range(1, count + 1) if number % 10 == 0))


def test_a_message_that_cancels_its_task_and_ends_fails_none_that_comes_after_it(deploy) -> None:
    batch = sqs("cancel yourself", "wait", "cancel yourself", "nothing", "wait", queue="eager")
    assert deploy(APP).invoke(batch).answer == failed()


def test_messages_that_wait_have_a_task_each(deploy) -> None:
    done = deploy(APP).invoke(sqs("nothing", "wait", "nothing", "wait", "wait", queue="eager"))
    assert done.answer == failed()
    assert len({line["task"] for line in done.logs if line["message"] == "waited"}) == 3


def test_messages_that_never_wait_do_not_keep_the_loop_to_themselves(deploy) -> None:
    done = deploy(APP).invoke(sqs("begin a task", "compute", "compute", "compute", queue="eager"))
    assert done.answer == failed()
    told = [line["message"] for line in done.logs]
    assert told.index("ran") < len(told) - 1 - told[::-1].index("computed")


def test_messages_that_never_wait_end_at_the_deadline_too(deploy) -> None:
    done = deploy(APP).invoke(sqs(*["compute"] * 100, queue="eager"), seconds=0.3)
    computed = sum(line["message"] == "computed" for line in done.logs)
    assert 0 < computed < 100
    assert done.answer == failed(*map(str, range(computed + 1, 101)))


def test_a_fifo_group_is_in_order_whichever_of_its_messages_wait(deploy) -> None:
    texts = ["a first", "b wait", "a wait", "b second", "a third", "b bad", "b fourth", "a last"]
    done = deploy(APP).invoke(fifo(*((text[0], text) for text in texts), queue="both.fifo"))
    assert done.answer == failed("6", "7")
    taken = [line["message"] for line in done.logs]
    assert [text for text in taken if text in texts and text[0] == "a"] == ["a first", "a wait", "a third", "a last"]
    assert [text for text in taken if text in texts and text[0] == "b"] == ["b wait", "b second"]


def test_two_messages_of_one_id_are_one_failure_if_either_fails(deploy) -> None:
    records = [sqs_record(text, "same", queue="fair") for text in ("fine", "bad", "fine")]
    assert deploy(APP).invoke({"Records": records}).answer == failed("same")


@pytest.mark.parametrize(("lacks", "answer"), [("body", failed("odd")), ("messageAttributes", failed())])
def test_a_record_that_lacks_something_fails_none_but_itself(deploy, lacks, answer) -> None:
    odd = {name: value for name, value in sqs_record("fine", "odd", queue="fair").items() if name != lacks}
    records = [sqs_record("fine", "first", queue="fair"), odd, sqs_record("fine", "last", queue="fair")]
    done = deploy(APP).invoke({"Records": records})
    assert (done.answer, done.error) == (answer, None)
