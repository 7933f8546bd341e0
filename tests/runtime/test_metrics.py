"""One EMF document a request, by route template; the app's own metrics beside it."""

from __future__ import annotations

import pytest
from http_events import http_api

APP = """
    import asyncio

    from fastlambda import FastLambda, metrics
    from fastapi import APIRouter, BackgroundTasks, FastAPI, HTTPException, Response
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Mount, Route

    app = FastAPI()
    books = APIRouter(prefix="/books")

    @books.get("/{book_id}")
    def read(book_id: int):
        return book_id

    @books.post("", status_code=201)
    async def create():
        metrics.add_metric(name="BooksCreated", unit="Count", value=1)
        metrics.add_dimension("shelf", "fiction")

    @books.get("/many/metrics")
    async def many(tasks: BackgroundTasks):
        for number in range(150):
            metrics.add_metric(name=f"Metric{number}", unit="Count", value=1)
        tasks.add_task(metrics.add_metric, name="FromTheBackground", unit="Count", value=1)
        await asyncio.to_thread(metrics.add_metric, name="FromAThread", unit="Count", value=1)

    @app.get("/status/{code}")
    def status(code: int):
        raise HTTPException(code)

    @app.get("/boom")
    def boom():
        metrics.add_metric(name="BeforeTheCrash", unit="Count", value=1)
        raise RuntimeError("boom")

    inner = Starlette(routes=[Route("/{page}", lambda request: PlainTextResponse("page"))])
    app.mount("/pages/{tenant}", inner)
    app.add_route("/plain/{name}", lambda request: PlainTextResponse("plain"))
    app.include_router(books, prefix="/api/v1")
    app.include_router(books, prefix="/api/v2")

    @app.middleware("http")
    async def passes_through(request, call_next):
        return await call_next(request)

    handler = FastLambda(app)
"""


@pytest.fixture
def books(deploy):
    return deploy(APP, POWERTOOLS_SERVICE_NAME="fastapi-books", POWERTOOLS_METRICS_NAMESPACE="FastAPIBooks")


def route_of(result):
    return result.metric("Requests")["route"]


def test_a_request_is_one_document_with_its_dimensions_and_units(books):
    document = books.invoke(http_api("/api/v1/books/7")).metric("Requests")
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "FastAPIBooks"
    assert [sorted(dimensions) for dimensions in directive["Dimensions"]] == [["method", "route", "service"]]
    assert {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]} == {
        "Requests": "Count",
        "Latency": "Milliseconds",
        "Faults": "Count",
        "Errors": "Count",
    }
    assert (document["service"], document["method"]) == ("fastapi-books", "GET")
    assert document["Latency"][0] > 0


@pytest.mark.parametrize(
    ("path", "faults", "errors"),
    [
        ("/api/v1/books/7", 0, 0),
        ("/api/v1/books/x", 0, 1),
        ("/status/404", 0, 1),
        ("/status/503", 1, 0),
        ("/boom", 1, 0),
    ],
)
def test_server_errors_are_faults_and_client_errors_are_errors(books, path, faults, errors):
    document = books.invoke(http_api(path)).metric("Requests")
    assert (document["Requests"], document["Faults"], document["Errors"]) == ([1], [faults], [errors])


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/api/v1/books/7", "/api/v1/books/{book_id}"),
        ("/api/v2/books/7", "/api/v2/books/{book_id}"),
        ("/plain/x", "/plain/{name}"),
        ("/docs", "/docs"),
        ("/pages/acme/index", "/pages/{tenant}/{path}"),
        ("/pages/acme/none/such", "/pages/{tenant}/{path}"),
        ("/wp-login.php", "unmatched"),
        ("/.env", "unmatched"),
    ],
)
def test_the_route_is_a_template_with_one_bucket_for_a_mount_and_one_for_the_unmatched(books, path, route):
    assert route_of(books.invoke(http_api(path))) == route


def test_a_stage_is_no_part_of_the_route(books):
    assert route_of(books.invoke(http_api("/pages/acme/index", stage="dev"))) == "/pages/{tenant}/{path}"
    assert route_of(books.invoke(http_api("/api/v1/books/7", stage="dev"))) == "/api/v1/books/{book_id}"


def test_a_method_that_a_route_does_not_take_counts_for_that_route(books):
    assert route_of(books.invoke(http_api("/api/v1/books/7", method="DELETE"))) == "/api/v1/books/{book_id}"


def test_invented_methods_share_one_bucket(books):
    document = books.invoke(http_api("/api/v1/books/7", method="PROPFIND")).metric("Requests")
    assert document["method"] == "OTHER"


def test_the_apps_own_metrics_keep_their_own_dimensions(books):
    result = books.invoke(http_api("/api/v1/books", method="POST"))
    document = result.metric("BooksCreated")
    assert document["BooksCreated"] == [1]
    assert document["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["shelf", "service"]]
    (dimensions,) = result.metric("Requests")["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
    assert sorted(dimensions) == ["method", "route", "service"]


def test_metrics_of_threads_and_background_tasks_and_more_than_one_document_holds_all_arrive(books):
    result = books.invoke(http_api("/api/v1/books/many/metrics"))
    names = [name for document in result.metrics for name in document if name.startswith(("Metric", "From"))]
    assert sorted(names) == sorted([*(f"Metric{n}" for n in range(150)), "FromTheBackground", "FromAThread"])


def test_the_apps_own_metrics_and_dimensions_do_not_leak_into_the_next_event(books):
    books.invoke(http_api("/api/v1/books", method="POST"))
    result = books.invoke(http_api("/api/v1/books/7"))
    assert [document for document in result.metrics if "Requests" not in document and "ColdStart" not in document] == []


def test_a_request_that_adds_no_metric_writes_no_warning(deploy):
    result = deploy(APP, PYTHONWARNINGS="always").invoke(http_api("/api/v1/books/7"))
    assert result.answer["statusCode"] == 200
    assert len(result.lines) == len(result.logs) + len(result.metrics)


def test_metrics_are_flushed_when_the_app_fails(books):
    assert books.invoke(http_api("/boom")).metric("BeforeTheCrash")["BeforeTheCrash"] == [1]


def test_cold_start_is_counted_once_in_an_environment(deploy):
    function = deploy(APP, fresh=True, POWERTOOLS_SERVICE_NAME="fastapi-books")
    first, second = (function.invoke(http_api("/docs")) for _ in range(2))
    document = first.metric("ColdStart")
    assert (document["ColdStart"], document["function_name"], document["service"]) == ([1], "books", "fastapi-books")
    assert not [document for document in second.metrics if "ColdStart" in document]


def test_provisioned_concurrency_counts_no_cold_start(deploy):
    function = deploy(APP, fresh=True, AWS_LAMBDA_INITIALIZATION_TYPE="provisioned-concurrency")
    assert not [document for document in function.invoke(http_api("/docs")).metrics if "ColdStart" in document]


def test_the_function_names_the_service_and_the_namespace_when_nothing_else_does(deploy):
    document = deploy(APP).invoke(http_api("/docs")).metric("Requests")
    assert document["service"] == "books"
    assert document["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "books"


def test_disabled_metrics_are_neither_written_nor_kept(deploy):
    function = deploy(APP, POWERTOOLS_METRICS_DISABLED="true")
    function.invoke(http_api("/docs"))
    for _ in range(2):
        assert function.invoke(http_api("/api/v1/books", method="POST")).metrics == []
