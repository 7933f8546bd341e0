"""What INIT loads and leaves out, and that leaving it out changes nothing."""

from __future__ import annotations

import json

from http_events import body_of, http_api

APP = """
    import gc
    import sys

    from fastlambda import FastLambda, logger, metrics, tracer
    from fastapi import FastAPI
    from pydantic import BaseModel

    app = FastAPI()

    class Book(BaseModel):
        title: str

    @app.post("/books")
    async def create(book: Book, shelf: int | None = None) -> Book:
        return book

    @app.get("/loaded")
    async def loaded():
        return sorted(sys.modules)

    @app.get("/deferred")
    async def deferred():
        from fastapi.openapi.models import Info
        complete = {model.__name__: model.__pydantic_complete__ for model in (Info, Book)}
        return complete | {"name": handler.__name__}

    @app.get("/gc")
    async def collector():
        return {"enabled": gc.isenabled(), "frozen": gc.get_freeze_count(), "thresholds": gc.get_threshold()}

    @app.get("/v1")
    async def import_v1():
        import warnings
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pydantic.v1 import BaseModel
        return BaseModel.__module__

    handler = FastLambda(app)
"""

TOO_HEAVY = (
    "aiobotocore",
    "aws_lambda_powertools.utilities.parameters",
    "boto3",
    "botocore.client",
    "botocore.session",
    "http.server",
    "httpx",
    "jinja2",
    "pydantic.v1",
    "requests",
    "sqlalchemy",
    "sqlite3",
    "urllib.request",
    "urllib3",
    "fastlambda.secrets",
)


def test_init_loads_nothing_that_the_app_did_not_ask_for(deploy):
    loaded = json.loads(body_of(deploy(APP).invoke(http_api("/loaded")).answer))
    assert [module for module in TOO_HEAVY if module in loaded] == []


def test_only_fastapis_own_openapi_models_are_deferred(deploy):
    complete = json.loads(body_of(deploy(APP, fresh=True).invoke(http_api("/deferred")).answer))
    assert complete == {"Info": False, "Book": True, "name": "handler"}


def test_secret_is_imported_for_those_who_ask_for_it(deploy):
    source = """
    import sys
    import fastlambda
    before = "fastlambda.secrets" in sys.modules
    from fastlambda import Secret

    def handler(event, context):
        return [before, Secret.__module__]
    """
    assert deploy(source).invoke({}).answer == [False, "fastlambda.secrets"]


def test_the_collector_works_as_usual_after_init_on_what_came_later(deploy):
    collector = json.loads(body_of(deploy(APP).invoke(http_api("/gc")).answer))
    assert collector["enabled"] is True
    assert collector["frozen"] > 10_000
    assert collector["thresholds"][0] < 10_000


def post(body):
    return http_api("/books", method="POST", headers={"content-type": "application/json"}, body=body)


def test_without_the_tuning_nothing_is_frozen_and_the_app_works(deploy):
    function = deploy(APP, FASTLAMBDA_STARTUP_TUNING="false")
    assert json.loads(body_of(function.invoke(http_api("/gc")).answer))["frozen"] < 10_000
    assert function.invoke(post('{"title": "Emma"}')).answer["statusCode"] == 200


def test_an_app_may_import_pydantic_v1_itself(deploy):
    answer = deploy(APP, fresh=True).invoke(http_api("/v1")).answer
    assert body_of(answer) == b'"pydantic.v1.main"'


def test_a_route_with_a_pydantic_v1_model_is_refused_by_fastapi_as_ever(deploy):
    source = """
    import warnings
    from fastlambda import FastLambda
    from fastapi import FastAPI
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pydantic.v1 import BaseModel

        class Old(BaseModel):
            title: str

    app = FastAPI()
    try:
        @app.post("/old")
        def old(book: Old): ...
    except Exception as error:
        print(type(error).__name__)
    handler = FastLambda(app)
    """
    assert "PydanticV1NotSupportedError" in deploy(source).init.lines


def test_validation_and_the_openapi_document_are_the_same_with_and_without_the_tuning(deploy):
    tuned, other = deploy(APP), deploy(APP, FASTLAMBDA_STARTUP_TUNING="false")
    events = (http_api("/openapi.json"), http_api("/docs"), post('{"title": 1}'), post('{"title": "Emma"}'))
    for event in events:
        assert tuned.invoke(event).answer == other.invoke(event).answer


def test_a_process_that_never_builds_a_fastlambda_still_collects(deploy):
    source = """
    import gc
    import fastlambda
    gc.collect()

    def handler(event, context):
        return {"enabled": gc.isenabled(), "threshold": gc.get_threshold()[0]}
    """
    answer = deploy(source).invoke({}).answer
    assert answer["enabled"] is True
    assert 0 < answer["threshold"] <= 200_000


PLAIN = """
    from aws_lambda_powertools import Logger, Metrics, Tracer
    from mangum import Mangum
    from fastapi import FastAPI
    from fastlambda import logger as app_logger

    logger, metrics, tracer = Logger(), Metrics(), Tracer()
    app = FastAPI()

    @app.get("/sqlite")
    async def sqlite():
        import sqlite3
        sqlite3.connect(":memory:").execute("select 1")
        app_logger.info("from the app")
        metrics.add_metric("Reads", "Count", 1)
        return "plain"

    adapter = Mangum(app, lifespan="off")

    @logger.inject_lambda_context
    @tracer.capture_lambda_handler
    @metrics.log_metrics(capture_cold_start_metric=True)
    def handler(event, context):
        return adapter(event, context)
"""


def test_a_plain_handler_runs_unchanged_over_an_app_that_imports_from_here(deploy):
    function = deploy(
        PLAIN, POWERTOOLS_SERVICE_NAME="books", POWERTOOLS_METRICS_NAMESPACE="Books", PYTHONWARNINGS="ignore"
    )
    result = function.invoke(http_api("/sqlite"), sampled=True)
    assert body_of(result.answer) == b'"plain"'
    assert result.log("from the app")["function_name"] == "books"
    assert result.metric("Reads")["Reads"] == [1]
    assert result.segment(":memory:")["parent_id"] == result.segment("## handler")["id"]
