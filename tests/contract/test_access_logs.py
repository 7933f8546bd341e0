"""Access logs of HTTP APIs: one line a request, in the format of the stage."""

from __future__ import annotations

import json

import pytest
from contract_facts import fact

AREA = "HTTP API: access logs"
VARIABLES = "API Gateway Developer Guide, “Customize HTTP API access logs”"
TROUBLE = "API Gateway Developer Guide, “Troubleshooting issues with HTTP API Lambda integrations”"
RECORDED = "a log of a deployed API in Dynatrace's documentation"
FORMAT = {
    "api": "$context.apiId",
    "stage": "$context.stage",
    "route": "$context.routeKey",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "id": "$context.requestId",
    "length": "$context.responseLength",
    "lambda": "$context.integrationStatus",
    "function": "$context.integration.status",
    "invocation": "$context.integration.requestId",
    "error": "$context.error.message",
    "integrationError": "$context.integrationErrorMessage",
    "claims": "$context.authorizer.claims",
}


@pytest.fixture(scope="module")
def api(cloud):
    settings = {"DestinationArn": cloud.access_log(), "Format": json.dumps(FORMAT)}
    books = cloud.api(
        cloud.arn(cloud.function("http_answers")), "GET /books/{id}", stage_settings={"AccessLogSettings": settings}
    )
    return books, settings["DestinationArn"]


@pytest.fixture(scope="module")
def lines(cloud, api):
    """What three requests leave in the log, by the path."""
    books, group = api
    sent = {
        "/books/good": books.send("GET", "/books/good", headers={"x-answer": '{"statusCode": 201, "body": "made"}'}),
        "/books/bad": books.send("GET", "/books/bad", headers={"x-answer": "raise"}),
        "/authors": books.send("GET", "/authors"),
    }
    found = {line["path"]: line for line in map(json.loads, cloud.logged(group, 3))}
    return {path: (line, sent[path]) for path, line in found.items()}


@fact(AREA, "Every request leaves a line in the stage's format; values stand where its variables do.", VARIABLES)
def test_every_request_leaves_a_line(api, lines):
    line, _ = lines["/books/good"]

    assert (line["api"], line["stage"], line["route"]) == (api[0].id, "$default", "GET /books/{id}")
    assert (line["method"], line["status"], line["length"]) == ("GET", "201", "4")


@fact(AREA, "`$context.requestId` is the response's `apigw-requestid`.", VARIABLES)
def test_the_line_names_the_request(lines):
    line, answer = lines["/books/good"]

    assert line["id"] == answer.headers["apigw-requestid"]


@fact(AREA, "`integrationStatus` is Lambda's status, `integration.status` the function's.", VARIABLES)
def test_there_are_two_statuses(lines):
    line, _ = lines["/books/good"]

    assert (line["lambda"], line["function"]) == ("200", "201")
    assert len(line["invocation"]) == 36


@fact(AREA, "What is not there is `-`; so is `$context.authorizer.claims` as a whole.", VARIABLES)
def test_what_is_not_there_is_a_dash(lines):
    line, _ = lines["/books/good"]

    assert (line["error"], line["integrationError"], line["claims"]) == ("-", "-", "-")


@fact(AREA, "A function's error is quoted: `The Lambda function returned the following error: …`.", RECORDED)
def test_a_functions_error_is_quoted(lines):
    line, _ = lines["/books/bad"]

    assert line["status"] == "500"
    assert line["integrationError"].startswith("The Lambda function returned the following error: no such book")


@fact(AREA, "A request that finds no route is logged, with API Gateway's own message.", TROUBLE)
def test_a_request_without_a_route_is_logged(lines):
    line, _ = lines["/authors"]

    assert (line["status"], line["error"]) == ("404", "Not Found")
