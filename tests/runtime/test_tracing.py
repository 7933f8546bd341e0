"""A sampled event is one tree of subsegments, whatever tasks and threads it uses; an unsampled one costs nothing."""

from __future__ import annotations

import json

import pytest
from deployed_function import SEGMENT_ID, TRACE_ID
from http_events import body_of, http_api

APP = """
    import asyncio
    import contextvars
    import sqlite3
    import threading

    import boto3
    import httpx
    from botocore.config import Config
    from fastlambda import FastLambda, tracer
    from fastapi import Depends, FastAPI, HTTPException, Response

    app = FastAPI()

    @app.get("/books/{book_id}")
    async def read(book_id: str, response: Response):
        response.set_cookie("session", "cookie-value")
        return {"title": "body-value"}

    @app.get("/status/{code}")
    async def status(code: int):
        raise HTTPException(code)

    @app.get("/boom")
    async def boom():
        raise RuntimeError("boom")

    @tracer.capture_method(capture_response=False)
    async def inner(name):
        await asyncio.sleep(0)

    @tracer.capture_method(capture_response=False)
    async def outer(name, turns):
        tracer.put_annotation("name", name)
        for _ in range(turns):
            await asyncio.sleep(0)
        await inner(name)

    @app.get("/gather")
    async def gather():
        await asyncio.gather(outer("slow", 5), outer("fast", 1))

    @tracer.capture_method(capture_response=False)
    def in_thread():
        pass

    @app.get("/def")
    def def_route():
        in_thread()

    @app.get("/bare-thread")
    def bare_thread():
        thread = threading.Thread(target=in_thread)
        thread.start()
        thread.join()

    def with_subsegment():
        with tracer.provider.in_subsegment("dependency"):
            yield

    @app.get("/generator")
    async def generator(_: None = Depends(with_subsegment)):
        await inner("in the route")

    @app.get("/careless")
    async def careless():
        tracer.provider.end_subsegment()
        tracer.provider.end_subsegment()
        tracer.provider.begin_subsegment("never closed")
        tracer.put_annotation("after", True)
        tracer.put_metadata("circular", asyncio.get_running_loop())

    kept = []

    @app.get("/outlive")
    async def outlive():
        async def late():
            await asyncio.sleep(0)
            with tracer.provider.in_subsegment("late"):
                tracer.put_annotation("late", True)
                await asyncio.sleep(0)
            tracer.put_annotation("later", True)
            return "fine"
        kept.append(asyncio.create_task(late()))

    @app.get("/outlived")
    async def outlived():
        return await kept.pop()

    @app.get("/sqlite")
    def sqlite():
        connection = sqlite3.connect(":memory:")
        connection.execute("select 1")

    @app.get("/sqlalchemy")
    async def sqlalchemy():
        from sqlalchemy import text
        from sqlalchemy.ext.asyncio import create_async_engine
        engine = create_async_engine("sqlite+aiosqlite://")
        async with engine.connect() as connection:
            value = (await connection.execute(text("select 40 + 2"))).scalar_one()
        await engine.dispose()
        return value

    @app.get("/httpx")
    async def http():
        async with httpx.AsyncClient() as client:
            try:
                await client.get("http://127.0.0.1:9/")
            except httpx.ConnectError:
                return "refused"

    @app.get("/boto3")
    def aws():
        config = Config(retries={"total_max_attempts": 1})
        client = boto3.client("sqs", endpoint_url="http://127.0.0.1:9", config=config)
        try:
            client.list_queues()
        except Exception as error:
            return type(error).__name__

    handler = FastLambda(app)
"""


@pytest.fixture
def get(deploy):
    def call(path, **options):
        return deploy(APP, POWERTOOLS_SERVICE_NAME="fastapi-books").invoke(
            http_api(path), **{"sampled": True} | options
        )

    return call


def test_an_event_is_a_subsegment_of_lambdas_segment_with_the_request_as_annotations(get):
    (segment,) = get("/books/7").segments
    assert (segment["name"], segment["trace_id"], segment["parent_id"]) == ("## handler", TRACE_ID, SEGMENT_ID)
    assert (
        segment["annotations"].items()
        >= {
            "route": "/books/{book_id}",
            "method": "GET",
            "status": 200,
            "Service": "fastapi-books",
        }.items()
    )
    assert "fault" not in segment


def test_neither_bodies_nor_cookies_reach_the_trace(get):
    result = get("/books/7")
    assert "body-value" in body_of(result.answer).decode()
    assert "body-value" not in json.dumps(result.segments)
    assert "cookie-value" not in json.dumps(result.segments)


@pytest.mark.slow
def test_the_first_event_is_annotated_as_cold_start_even_when_a_later_one_is_the_first_sampled(deploy):
    function = deploy(APP, fresh=True)
    assert function.invoke(http_api("/books/7"), sampled=True).segments[0]["annotations"]["ColdStart"] is True
    other = deploy(APP, fresh=True)
    other.invoke(http_api("/books/7"), sampled=False)
    assert other.invoke(http_api("/books/7"), sampled=True).segments[0]["annotations"]["ColdStart"] is False


@pytest.mark.parametrize(("code", "flags"), [(404, {"error"}), (429, {"error", "throttle"}), (503, {"fault"})])
def test_the_status_sets_the_flags_that_x_ray_counts(get, code, flags):
    (segment,) = get(f"/status/{code}").segments
    assert {flag for flag in ("error", "fault", "throttle") if segment.get(flag)} == flags
    assert segment["annotations"]["status"] == code


@pytest.mark.parametrize("raise_errors", ["false", "true"])
def test_an_unhandled_exception_is_a_fault_with_its_cause(deploy, raise_errors):
    function = deploy(APP, FASTLAMBDA_RAISE_ERRORS=raise_errors)
    (segment,) = function.invoke(http_api("/boom"), sampled=True).segments
    (exception,) = segment["cause"]["exceptions"]
    assert segment["fault"] is True
    assert (exception["type"], exception["message"]) == ("RuntimeError", "boom")
    assert exception["stack"][-1]["label"] == "boom"


def test_an_exception_stays_out_of_the_trace_where_powertools_setting_says_so(deploy):
    function = deploy(APP, POWERTOOLS_TRACER_CAPTURE_ERROR="false")
    (segment,) = function.invoke(http_api("/boom"), sampled=True).segments
    assert segment["fault"] is True
    assert "cause" not in segment


def test_powertools_setting_for_answers_does_not_bring_bodies_into_traces(deploy):
    function = deploy(APP, POWERTOOLS_TRACER_CAPTURE_RESPONSE="true")
    result = function.invoke(http_api("/books/7"), sampled=True)
    assert "body-value" not in json.dumps(result.segments)


def test_two_handlers_of_one_process_trace_their_own_events(deploy):
    source = (
        APP
        + """
    first, second = handler, FastLambda(app)

    def handler(event, context):
        return (first if event["rawPath"].startswith("/books") else second)(event, context)
    """
    )
    function = deploy(source)
    for path, route in {"/books/7": "/books/{book_id}", "/status/404": "/status/{code}"}.items():
        (segment,) = function.invoke(http_api(path), sampled=True).segments
        assert segment["annotations"]["route"] == route


def test_gathered_coroutines_are_siblings_with_their_own_children(get):
    result = get("/gather")
    handler = result.segment("## handler")
    outer = {s["annotations"]["name"]: s for s in result.all_segments() if s["name"].endswith("outer")}
    inner = [s["parent_id"] for s in result.all_segments() if s["name"].endswith("inner")]
    assert {name: s["parent_id"] for name, s in outer.items()} == {"slow": handler["id"], "fast": handler["id"]}
    assert sorted(inner) == sorted(s["id"] for s in outer.values())


@pytest.mark.parametrize("path", ["/def", "/bare-thread"])
def test_what_a_thread_does_belongs_to_the_event(get, path):
    result = get(path)
    assert result.segment("## lambda_handler.in_thread")["parent_id"] == result.segment("## handler")["id"]


def test_a_generator_dependency_that_opens_and_closes_in_different_threads_ends_nothing_else(get):
    result = get("/generator")
    assert result.answer["statusCode"] == 200
    handler = result.segment("## handler")
    assert result.segment("dependency")["parent_id"] == handler["id"]
    assert result.segment("## lambda_handler.inner")["parent_id"] == handler["id"]
    assert handler["annotations"]["status"] == 200


def test_careless_use_of_the_recorder_loses_no_subsegment_and_fails_no_request(get):
    result = get("/careless")
    assert result.answer["statusCode"] == 200
    assert result.segment("never closed")["annotations"] == {"after": True}
    assert result.segment("## handler")["annotations"]["status"] == 200


def test_a_task_that_outlives_its_event_can_still_use_the_recorder(get):
    get("/outlive")
    result = get("/outlived", trace="Root=1-65f0c0de-eeeeeeeeeeeeeeeeeeeeeeee;Parent=ffffffffffffffff;Sampled=1")
    assert body_of(result.answer) == b'"fine"'
    assert "late" not in result.segment("## handler")["annotations"]


def test_each_event_has_the_trace_of_its_own_header(get):
    other = "1-65f0c0de-eeeeeeeeeeeeeeeeeeeeeeee"
    (segment,) = get("/books/7", trace=f"Root={other};Parent=ffffffffffffffff;Sampled=1").segments
    assert (segment["trace_id"], segment["parent_id"]) == (other, "ffffffffffffffff")


@pytest.mark.parametrize(("path", "name"), [("/sqlite", ":memory:"), ("/httpx", "127.0.0.1"), ("/boto3", "sqs")])
def test_calls_of_libraries_that_x_ray_supports_are_subsegments(get, path, name):
    result = get(path)
    assert result.answer["statusCode"] == 200
    assert result.segment(name)["parent_id"] == result.segment("## handler")["id"]


def test_a_library_that_is_imported_within_a_request_is_traced_from_then_on(get):
    result = get("/sqlalchemy")
    assert body_of(result.answer) == b"42"
    assert any(segment.get("namespace") == "remote" for segment in result.all_segments())


def test_a_call_of_a_database_without_a_host_has_a_name_nevertheless(get):
    """X-Ray takes no document without one, and SQLite's URL has no host to be called by."""
    names = [segment.get("name") for segment in get("/sqlalchemy").all_segments()]
    assert "database" in names
    assert all(names)


@pytest.mark.parametrize("path", ["/books/7", "/gather", "/careless", "/generator", "/boto3", "/sqlite", "/boom"])
def test_an_unsampled_event_sends_nothing(get, path):
    result = get(path, sampled=False)
    assert result.answer["statusCode"] == (500 if path == "/boom" else 200)
    assert result.segments == []


@pytest.mark.parametrize("trace", ["nonsense", "Root=1-65f0c0de-aaaaaaaaaaaaaaaaaaaaaaaa", "Sampled=1"])
def test_an_incomplete_trace_header_fails_no_request(get, trace):
    result = get("/gather", trace=trace)
    assert result.answer["statusCode"] == 200
    assert result.segments == []


def test_a_disabled_tracer_sends_nothing(deploy):
    function = deploy(APP, POWERTOOLS_TRACE_DISABLED="true")
    result = function.invoke(http_api("/gather"), sampled=True)
    assert (result.answer["statusCode"], result.segments) == (200, [])


def test_init_does_not_tell_every_patch(deploy):
    source = APP.replace("    handler =", "    import sqlite3\n    handler =")
    function = deploy(source, AWS_LAMBDA_LOG_FORMAT="JSON", AWS_LAMBDA_LOG_LEVEL="INFO")
    assert function.init.logs == []


def test_calls_during_init_are_no_subsegments_and_no_warnings(deploy):
    source = APP.replace(
        "    handler =", "    with tracer.provider.in_subsegment('init'):\n        sqlite()\n    handler ="
    )
    function = deploy(source)
    assert function.init.logs == []
    assert function.init.segments == []
