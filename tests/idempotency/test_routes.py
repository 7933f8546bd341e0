"""A request that comes again with its Idempotency-Key is answered as it was the first time."""

from __future__ import annotations

import json
import uuid

import pytest
from http_events import http_api


def effects(*invocations):
    return [line["order"] for done in invocations for line in done.logs if line["message"] == "effect"]


@pytest.fixture
def key():
    return str(uuid.uuid4())


def post(path, key=None, body=None, *, method="POST", **headers):
    keyed = {"idempotency-key": key} if key else {}
    content = {"content-type": "application/json"} if isinstance(body, dict) else {}
    payload = json.dumps(body) if isinstance(body, dict) else body
    return http_api(path, method=method, headers={**content, **keyed, **headers}, body=payload)


def order(key=None, order_id="1", does=""):
    return post("/v1/orders", key, {"order_id": order_id, "does": does})


def test_status_headers_and_body_of_the_first_answer_are_given_again_and_nothing_else_happens(function, other, key):
    first, again = function.invoke(order(key)), other.invoke(order(f'"{key}"'))

    assert first.answer["statusCode"] == 201
    replayed = again.answer["headers"].pop("idempotent-replayed")
    assert replayed == "true"
    assert again.answer == first.answer
    assert again.answer["headers"]["location"] == "/orders/1"
    assert effects(first, again) == ["1"]
    assert [line["message"] for line in again.logs if line["message"] == "mailed"] == []


def test_without_a_key_and_for_a_method_that_is_idempotent_anyway_everything_happens_each_time(function, key):
    assert effects(function.invoke(order()), function.invoke(order())) == ["1", "1"]
    listed = post("/v1/orders", key, method="GET")
    assert effects(function.invoke(listed), function.invoke(listed)) == ["listed", "listed"]


def test_while_the_first_is_being_answered_the_second_gets_409(function, other, hold, key):
    function.send(order(key, does=hold.order))
    hold.wait_until_begun()
    early = other.invoke(order(key, does=hold.order))
    hold.end()
    first = function.answered()

    assert (first.answer["statusCode"], early.answer["statusCode"]) == (201, 409)
    assert early.answer["headers"]["retry-after"] == "1"
    assert json.loads(early.answer["body"]) == {"detail": "A request with this Idempotency-Key is being answered"}
    assert effects(early) == []


def test_a_key_that_comes_with_another_request_gets_422(function, key):
    done = [
        function.invoke(order(key)),
        function.invoke(order(key, order_id="2")),
        function.invoke(post("/v1/streams", key)),
    ]
    assert [one.answer["statusCode"] for one in done] == [201, 422, 422]
    assert effects(*done) == ["1"]


def test_an_answer_that_is_an_error_and_an_exception_leave_the_key_for_another_try(function, key):
    refused = post("/v1/orders/7", key, method="PATCH")
    assert [function.invoke(refused).answer["statusCode"] for _ in range(2)] == [402, 402]
    failed = function.invoke(order(key, does="fail"))
    repeated = function.invoke(order(key))
    assert (failed.answer["statusCode"], repeated.answer["statusCode"]) == (500, 201)


def test_a_body_that_is_not_valid_needs_no_record(function, stage, key):
    before = len(stage.records())
    assert function.invoke(post("/v1/orders", key, {})).answer["statusCode"] == 422
    assert len(stage.records()) == before


def test_dependencies_decide_before_a_record_is_looked_at_and_say_whose_key_it_is(function, key):
    def as_(authorization):
        headers = {"authorization": authorization} if authorization else {}
        return function.invoke(post("/users/orders", key, {"order_id": "9"}, **headers))

    first, renewed, other_user, nobody = as_("token ann 1"), as_("token ann 2"), as_("token bob 1"), as_("")
    assert effects(first, renewed, other_user, nobody) == ["9", "9"]
    assert "idempotent-replayed" in renewed.answer["headers"]
    assert nobody.answer["statusCode"] == 401


def test_a_key_counts_for_the_authorization_it_came_with_unless_a_caller_is_named(function, key):
    done = [
        function.invoke(post("/v1/orders", key, {"order_id": "8"}, authorization=f"Bearer {name}"))
        for name in ("ann", "bob", "ann")
    ]
    assert effects(*done) == ["8", "8"]


def test_a_key_that_is_required_and_missing_is_an_invalid_request(function):
    answer = function.invoke(post("/users/orders", None, {"order_id": "9"}, authorization="token ann")).answer
    assert answer["statusCode"] == 422
    assert json.loads(answer["body"])["detail"][0]["loc"] == ["header", "Idempotency-Key"]


def test_a_stream_is_kept_whole(function, key):
    first, again = (function.invoke(post("/v1/streams", key)) for _ in range(2))
    assert again.answer["body"] == first.answer["body"] == "one, two"
    assert (again.answer["statusCode"], again.answer["headers"]["x-parts"]) == (202, "2")
    assert effects(first, again) == ["stream"]


def test_what_is_too_large_to_be_kept_is_done_once_and_answered_once(function, key):
    first, again = (function.invoke(post("/v1/reports", key)) for _ in range(2))
    assert (first.answer["statusCode"], again.answer["statusCode"]) == (200, 409)
    assert effects(first, again) == ["report"]


def test_an_upload_is_the_same_whatever_boundary_separates_its_parts(function, key):
    def upload(boundary):
        part = 'content-disposition: form-data; name="cover"; filename="cover.png"\r\n\r\npixels'
        body = f"--{boundary}\r\n{part}\r\n--{boundary}--\r\n"
        kind = {"content-type": f"multipart/form-data; boundary={boundary}"}
        return function.invoke(post("/v1/covers", key, body, **kind))

    first, again = upload("one"), upload("another")
    assert (first.answer["statusCode"], again.answer["statusCode"]) == (200, 200)
    assert effects(first, again) == ["cover"]
