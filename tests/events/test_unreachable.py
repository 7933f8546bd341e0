"""No HTTP request reaches a consumer: its route is none of the app's."""

from __future__ import annotations

import json

import pytest
from http_events import http_api
from queue_events import failed, sqs

APP = """
    from fastapi import FastAPI, Request
    from fastlambda import EventRouter, FastLambda
    from fastlambda.events import SqsMessage

    app = FastAPI()
    events = EventRouter()
    handled = []

    @events.sqs("book-imports")
    async def import_book(text: str) -> None:
        handled.append(text)

    @app.get("/handled")
    async def what_was_handled():
        return handled

    @app.post("/records")
    async def takes_json(request: Request):
        return {"keys": sorted(await request.json()), "record": "fastlambda.record" in request.scope}

    @app.get("/message")
    async def message(request: Request):
        return SqsMessage.of(request).message_id

    handler = FastLambda(app, events=events)
"""
PATHS = [
    "/sqs/book-imports",
    "//sqs/book-imports",
    "/sqs/book-imports/",
    "/sqs%2Fbook-imports",
    "/sqs:book-imports",
    "sqs:book-imports",
    "/x/../sqs/book-imports",
    "/book-imports",
]
HEADERS = {"x-amz-sqs": "book-imports", "x-original-url": "/sqs/book-imports", "x-http-method-override": "POST"}


@pytest.mark.parametrize("path", PATHS)
def test_no_path_and_no_method_leads_to_a_consumer(deploy, path) -> None:
    function = deploy(APP)
    before = function.invoke(http_api("/handled")).answer["body"]
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "SQS"):
        event = http_api(path, method=method, headers={**HEADERS, "content-type": "application/json"}, body='"stolen"')
        assert function.invoke(event).answer["statusCode"] in (404, 405)
    assert function.invoke(http_api("/handled")).answer["body"] == before


def test_a_request_that_carries_a_queues_event_is_a_request(deploy) -> None:
    function = deploy(APP)
    carried = http_api("/records", method="POST", body=json.dumps(sqs("stolen")))
    carried["headers"]["content-type"] = "application/json"
    assert json.loads(function.invoke(carried).answer["body"]) == {"keys": ["Records"], "record": False}
    assert function.invoke(http_api("/handled")).answer["body"] == "[]"


def test_an_event_that_looks_like_both_is_a_request(deploy) -> None:
    function = deploy(APP)
    both = {**http_api("/handled"), **sqs("stolen")}
    assert function.invoke(both).answer["body"] == "[]"


def test_the_documentation_of_the_api_has_no_consumers(deploy) -> None:
    document = json.loads(deploy(APP).invoke(http_api("/openapi.json")).answer["body"])
    assert sorted(document["paths"]) == ["/handled", "/message", "/records"]


def test_a_request_has_no_envelope(deploy) -> None:
    done = deploy(APP).invoke(http_api("/message"))
    assert done.answer["statusCode"] == 500
    error = next(line for line in done.logs if line["message"] == "Unhandled exception in the app")
    assert "There is no SqsMessage: this is an HTTP request" in error["exception"]


def test_the_queue_itself_does_reach_it(deploy) -> None:
    function = deploy(APP, fresh=True)
    assert function.invoke(sqs("imported")).answer == failed()
    assert function.invoke(http_api("/handled")).answer["body"] == '["imported"]'
