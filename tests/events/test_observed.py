"""What logs, metrics and traces say about a batch, and about each of its records."""

from __future__ import annotations

import pytest
from deployed_function import SEGMENT_ID
from http_events import http_api
from queue_events import eventbridge, failed, sqs

APP = """
    import asyncio
    import logging
    import threading

    from fastapi import FastAPI
    from fastlambda import EventRouter, FastLambda, logger, metrics, tracer

    app = FastAPI()
    events = EventRouter()
    all_here = asyncio.Barrier(3)

    @tracer.capture_method
    async def look_up(text):
        return text

    @events.sqs("book-imports", batch_size=1000, window=1)
    async def import_book(text: str) -> None:
        if text.startswith("together"):
            await all_here.wait()
        await look_up(text)
        logger.info(text)
        logging.getLogger("standard").info("standard %s", text)
        if text == "thread":
            bare = threading.Thread(target=lambda: logger.info("from a thread"))
            bare.start()
            bare.join()
        if text == "own":
            logger.info("own keys", extra={"message_id": "mine", "correlation_id": "mine"})
        if text == "metric":
            metrics.add_metric("BooksImported", "Count", 1)
        if text == "bad":
            raise ValueError("s3cret")

    @events.eventbridge(source="fastapi-books", detail_type="BookCreated")
    async def book_created(what: str) -> None:
        if what == '"bad"':
            raise ValueError("bad")

    @app.get("/")
    async def root():
        logger.info("in a route")

    handler = FastLambda(app, events=events)
"""


@pytest.mark.slow
def test_every_line_of_a_record_has_its_keys_although_others_are_handled_beside_it(deploy) -> None:
    done = deploy(APP).invoke(sqs("together a", "together b", "together c"), request_id="r-1")
    for number, text in enumerate(("together a", "together b", "together c"), 1):
        for line in (done.log(text), done.log(f"standard {text}")):
            assert (line["message_id"], line["correlation_id"]) == (str(number), str(number))
            assert (line["route"], line["function_request_id"]) == ("sqs:book-imports", "r-1")


def test_keys_that_a_line_brings_itself_are_kept(deploy) -> None:
    line = deploy(APP).invoke(sqs("own")).log("own keys")
    assert (line["message_id"], line["correlation_id"]) == ("mine", "mine")


def test_a_line_of_a_bare_thread_has_the_consumer_and_no_record(deploy) -> None:
    line = deploy(APP).invoke(sqs("thread")).log("from a thread")
    assert line["route"] == "sqs:book-imports"
    assert "message_id" not in line


def test_the_keys_of_records_are_gone_with_the_next_event(deploy) -> None:
    function = deploy(APP)
    function.invoke(sqs("a"))
    line = function.invoke(http_api("/")).log("in a route")
    assert line["route"] == "/"
    assert "message_id" not in line


def test_a_batch_has_one_line_of_its_own(deploy) -> None:
    done = deploy(APP).invoke(sqs("a", "bad", "c"))
    summary = done.log("sqs:book-imports 2 of 3")
    assert (summary["records"], summary["failed_records"], summary["returned_records"]) == (3, 1, 1)
    assert summary["level"] == "INFO"


def test_records_are_counted_by_consumer_and_a_hundred_latencies_fit_one_document(deploy) -> None:
    done = deploy(APP).invoke(sqs(*["a"] * 120, "bad"))
    documents = [document for document in done.metrics if "RecordLatency" in document]
    assert [len(document["RecordLatency"]) for document in documents] == [100, 21]
    counted = done.metric("Records")
    assert (counted["Records"], counted["FailedRecords"]) == ([121], [1])
    assert (counted["service"], counted["route"]) == ("books", "sqs:book-imports")
    (definition,) = counted["_aws"]["CloudWatchMetrics"]
    assert definition["Dimensions"] == [["service", "route"]]
    assert {"Name": "RecordLatency", "Unit": "Milliseconds"} in definition["Metrics"]


def test_the_apps_own_metrics_are_flushed_once_for_the_whole_batch(deploy) -> None:
    assert deploy(APP).invoke(sqs("metric", "metric")).metric("BooksImported")["BooksImported"] == [1, 1]


def test_an_event_is_no_request_in_the_metrics(deploy) -> None:
    done = deploy(APP).invoke(sqs("a"))
    assert not any("Requests" in document for document in done.metrics)


def test_every_record_of_a_sampled_batch_has_a_subsegment_with_what_it_did_below(deploy) -> None:
    done = deploy(APP).invoke(sqs("a", "bad"), sampled=True)
    handler = done.segment("## handler")
    assert handler["parent_id"] == SEGMENT_ID
    assert handler["annotations"] | {"ColdStart": None, "Service": None} == {
        "ColdStart": None,
        "Service": None,
        "route": "sqs:book-imports",
        "records": 2,
        "failed_records": 1,
    }
    segments = list(done.all_segments())
    records = {one["annotations"]["message_id"]: one for one in segments if one["name"] == "## sqs:book-imports"}
    assert {one["parent_id"] for one in records.values()} == {handler["id"]}
    assert "fault" not in records["1"]
    assert records["2"]["fault"]
    assert records["2"]["cause"]["exceptions"][0]["message"] == "s3cret"
    below = [one["parent_id"] for one in segments if one["name"].endswith("look_up")]
    assert sorted(below) == sorted(one["id"] for one in records.values())
    assert not any(one.get("in_progress") for one in segments)


def test_an_exceptions_text_stays_out_of_the_trace_when_it_is_told_to(deploy) -> None:
    done = deploy(APP, POWERTOOLS_TRACER_CAPTURE_ERROR="false").invoke(sqs("bad"), sampled=True)
    (record,) = [one for one in done.all_segments() if one["name"] == "## sqs:book-imports"]
    assert record["fault"]
    assert "cause" not in record


def test_a_batch_that_is_too_big_for_one_document_is_traced_to_the_last_record(deploy) -> None:
    done = deploy(APP).invoke(sqs(*["a"] * 60), sampled=True)
    assert done.answer == failed()
    assert len(done.segments) > 1
    assert len([one for one in done.all_segments() if one["name"] == "## sqs:book-imports"]) == 60


def test_an_event_that_fails_is_a_fault_of_its_subsegment(deploy) -> None:
    handler = deploy(APP).invoke(eventbridge("bad"), sampled=True).segment("## handler")
    assert handler["fault"]
    assert handler["annotations"]["route"] == "eventbridge:book_created"
    assert [exception["message"] for exception in handler["cause"]["exceptions"]] == ["bad"]
