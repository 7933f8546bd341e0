"""HTTP APIs: the event that a request becomes, the response that an answer becomes, and the gateway's own answers."""

from __future__ import annotations

import base64
import json
import re
import time

import pytest
from contract_facts import fact

PAYLOAD = "API Gateway Developer Guide, “Create AWS Lambda proxy integrations for HTTP APIs”"
ROUTES = "API Gateway Developer Guide, “Create routes for HTTP APIs”"
CORS = "API Gateway Developer Guide, “Configure CORS for HTTP APIs”"
RECORDED = "requests recorded at a deployed API by AWS's test tool for .NET"
ORIGIN = "http://localhost:3000"


@pytest.fixture(scope="module")
def function(cloud):
    return cloud.arn(cloud.function("http_answers"))


@pytest.fixture(scope="module")
def api(cloud, function):
    return cloud.api(function)


@pytest.fixture
def event(api):
    """The event that a request to the API becomes."""

    def shown(method="GET", path="/", **request):
        answer = api.send(method, path, **request)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return shown


@pytest.fixture
def answered(api):
    """What the client gets when the function returns this."""
    return lambda returned: api.send("GET", headers={"x-answer": json.dumps(returned)})


@fact("HTTP API", "The event is of version 2.0 and names the API, the stage, the account and the route.", PAYLOAD)
def test_the_event_names_api_and_stage(cloud, api, event):
    shown = event()
    context = shown["requestContext"]

    assert (shown["version"], shown["routeKey"], context["routeKey"]) == ("2.0", "$default", "$default")
    assert (context["apiId"], context["domainPrefix"], context["stage"]) == (api.id, api.id, "$default")
    assert context["accountId"] == cloud.account


@fact("HTTP API", "`requestContext.http` has method, path, protocol, source IP and user agent.", PAYLOAD)
def test_the_event_describes_the_request(event):
    http = event("PUT", "/books/7", headers={"user-agent": "Momo/1"})["requestContext"]["http"]

    assert set(http) == {"method", "path", "protocol", "sourceIp", "userAgent"}
    assert (http["method"], http["path"], http["protocol"], http["userAgent"]) == (
        *("PUT", "/books/7"),
        *("HTTP/1.1", "Momo/1"),
    )


@fact("HTTP API", "`time` is as in access logs, `12/Mar/2020:19:03:58 +0000`; `timeEpoch` in milliseconds.", PAYLOAD)
def test_the_event_has_its_time_twice(event):
    context = event()["requestContext"]

    assert re.fullmatch(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000", context["time"])
    assert abs(context["timeEpoch"] / 1000 - time.time()) < 300


@fact("HTTP API", "The request id of the event is the response's `apigw-requestid`.", RECORDED)
def test_the_request_id_is_in_the_response(api):
    answer = api.send("GET")

    assert answer.headers["apigw-requestid"] == answer.json()["requestContext"]["requestId"]


@fact("HTTP API", "The query string stays raw in `rawQueryString`; repeated values are joined by commas.", PAYLOAD)
def test_query_values_are_joined(event):
    shown = event(path="/?a=1&a=2&b=%C3%A9")

    assert shown["rawQueryString"] == "a=1&a=2&b=%C3%A9"
    assert shown["queryStringParameters"] == {"a": "1,2", "b": "é"}


@fact("HTTP API", "What a request has not is left out: no body, no query, no cookies.", PAYLOAD)
def test_what_is_not_there_is_left_out(event):
    assert not {"body", "queryStringParameters", "cookies", "pathParameters", "stageVariables"} & set(event())


@fact("HTTP API", "Header names are in lower case, and repeated headers joined by commas.", PAYLOAD)
def test_headers_are_joined_in_lower_case(event):
    headers = event(headers=[("X-Shelf", "1"), ("X-Shelf", "2")])["headers"]

    assert headers["x-shelf"] == "1,2"


@fact("HTTP API", "Cookies are in `cookies`, one each, and not in the headers.", PAYLOAD)
def test_cookies_are_a_list(event):
    shown = event(headers={"cookie": "a=1; b=2"})

    assert shown["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in shown["headers"]


@fact(
    "HTTP API",
    "The gateway adds `x-forwarded-for`, `-port`, `-proto`, `x-amzn-trace-id` and `content-length`.",
    PAYLOAD,
)
def test_the_gateway_adds_headers(event):
    headers = event()["headers"]

    assert {"x-forwarded-for", "x-forwarded-port", "x-forwarded-proto", "content-length"} <= set(headers)
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", headers["x-amzn-trace-id"])


@fact("HTTP API", "Requests come by HTTPS.", PAYLOAD, differs="by HTTP: `x-forwarded-proto` is `http`")
def test_requests_come_by_http(event):
    assert event()["headers"]["x-forwarded-proto"] == "http"


@fact("HTTP API", "`rawPath` is percent-decoded.", RECORDED)
def test_the_raw_path_is_decoded(event):
    assert event(path="/books/a%20b")["rawPath"] == "/books/a b"


@fact("HTTP API", "A slash at the end stays in `rawPath`.", RECORDED)
def test_a_slash_at_the_end_stays(event):
    assert event(path="/books/")["rawPath"] == "/books/"


@fact("HTTP API", "JSON, XML, JavaScript and text are text in `body`.", "ministack's pull request 766, verified on AWS")
@pytest.mark.parametrize("kind", ["application/json", "application/xml", "application/javascript", "text/csv"])
def test_text_is_text(event, kind):
    shown = event("POST", headers={"content-type": kind}, content=b"{}")

    assert (shown["body"], shown["isBase64Encoded"]) == ("{}", False)


@fact(
    "HTTP API",
    "All else is base64, forms and bodies without a type too.",
    "ministack's pull request 766, verified on AWS",
)
@pytest.mark.parametrize(
    "headers", [{}, {"content-type": "application/x-www-form-urlencoded"}, {"content-type": "image/png"}]
)
def test_all_else_is_base64(event, headers):
    shown = event("POST", headers=headers, content=b"a=1")

    assert (base64.b64decode(shown["body"]), shown["isBase64Encoded"]) == (b"a=1", True)


@fact("HTTP API", 'A path without a route is 404 `{"message":"Not Found"}`.', ROUTES)
def test_no_route_is_not_found(cloud, function):
    answer = cloud.api(function, "GET /books").send("GET", "/authors")

    assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})


@fact("HTTP API", "The most exact route is taken: full, then greedy, then `$default`; variables are decoded.", ROUTES)
def test_the_most_exact_route_is_taken(cloud, function):
    books = cloud.api(function, "$default", "ANY /{proxy+}", "GET /books/{id}", "GET /books/new")

    shown = [books.send("GET", path).json() for path in ("/books/new", "/books/a%20b", "/books/7/reviews")]

    assert [each["routeKey"] for each in shown] == ["GET /books/new", "GET /books/{id}", "ANY /{proxy+}"]
    assert [each.get("pathParameters") for each in shown] == [None, {"id": "a b"}, {"proxy": "books/7/reviews"}]


@fact(
    "HTTP API",
    "A named stage is the path's first segment and stays in `rawPath`.",
    "a captured event, floci issue 2172",
)
def test_a_named_stage_stays_in_the_raw_path(cloud, function):
    shown = cloud.api(function, stage="test").send("GET", "/test/books").json()

    assert (shown["rawPath"], shown["requestContext"]["stage"]) == ("/test/books", "test")


@fact("HTTP API", "An answer without `statusCode` is 200, `application/json`, and the whole answer its body.", PAYLOAD)
def test_an_answer_without_a_status_is_the_body(answered):
    answer = answered({"title": "Momo"})

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == {"title": "Momo"}


@fact("HTTP API", "A string that is returned is the body without its quotes.", PAYLOAD)
def test_a_string_is_the_body(answered):
    assert answered("Momo").text == "Momo"


@fact("HTTP API", "`statusCode`, `headers` and `body` are the response's.", PAYLOAD)
def test_a_formatted_answer_is_the_response(answered):
    answer = answered({"statusCode": 201, "headers": {"X-Shelf": "7"}, "body": "made"})

    assert (answer.status_code, answer.headers["x-shelf"], answer.text) == (201, "7", "made")


@fact("HTTP API", "A body with `isBase64Encoded` is decoded.", PAYLOAD)
def test_a_base64_body_is_decoded(answered):
    returned = {"statusCode": 200, "body": base64.b64encode(b"\x00\xff").decode(), "isBase64Encoded": True}

    assert answered(returned).content == b"\x00\xff"


@fact("HTTP API", "Each of `cookies` is a `set-cookie` header.", PAYLOAD)
def test_cookies_are_set(answered):
    answer = answered({"statusCode": 200, "cookies": ["a=1; Path=/", "b=2"]})

    assert answer.headers.get_list("set-cookie") == ["a=1; Path=/", "b=2"]


@fact("HTTP API", 'A `statusCode` that is no number is 500 `{"message":"Internal Server Error"}`.', RECORDED)
def test_a_malformed_answer_is_500(answered):
    answer = answered({"statusCode": "fine"})

    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})


@fact("HTTP API", 'A function that fails is 500 `{"message":"Internal Server Error"}`, with a request id.', PAYLOAD)
def test_a_function_error_is_500(api):
    answer = api.send("GET", headers={"x-answer": "raise"})

    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})
    assert answer.headers["apigw-requestid"]


@fact(
    "HTTP API",
    "A body over 10 MB is 413.",
    "API Gateway Developer Guide, “Quotas for configuring and running an HTTP API”",
)
def test_a_body_over_10_mb_is_413(api):
    answer = api.send("POST", headers={"content-type": "text/plain"}, content=b"x" * (10 * 1024 * 1024 + 1))

    assert answer.status_code == 413


@fact(
    "HTTP API",
    'Past the integration\'s timeout, at most 30 s, the answer is 503 `{"message":"Service Unavailable"}`.',
    "answers of deployed APIs in cortex issue 1225 and compiler-explorer issue 19",
)
def test_an_integration_that_takes_too_long_is_503(cloud, function):
    answer = cloud.api(function, timeout_ms=100).send("GET", headers={"x-answer": "sleep"})

    assert (answer.status_code, answer.json()) == (503, {"message": "Service Unavailable"})


@fact("HTTP API", "Without a permission for the API, the function is not invoked: 500.", PAYLOAD)
def test_without_a_permission_it_is_500(cloud):
    name = cloud.new_function("http_answers")
    books = cloud.api(cloud.arn(name))
    cloud.client("lambda").remove_permission(FunctionName=name, StatementId=f"api-{books.id}")

    assert books.send("GET").status_code == 500


@pytest.fixture(scope="module")
def cors(cloud, function):
    allowed = {"AllowOrigins": [ORIGIN], "AllowMethods": ["GET", "POST"], "AllowHeaders": ["x-books"], "MaxAge": 60}
    return cloud.api(function, CorsConfiguration=allowed)


@fact("HTTP API", "With CORS configured, the gateway answers preflights by itself: 204.", CORS)
def test_a_preflight_is_answered(cors):
    answer = cors.send("OPTIONS", headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"})

    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-methods"] == "GET,POST"
    assert answer.headers["access-control-max-age"] == "60"


@fact("HTTP API", "With CORS configured, the function's own CORS headers are replaced.", CORS)
def test_the_functions_cors_headers_are_replaced(cors):
    answer = cors.send("GET", headers={"Origin": ORIGIN})

    assert answer.headers["access-control-allow-origin"] == ORIGIN


@fact("HTTP API", "Without CORS configured, OPTIONS reaches the function.", CORS)
def test_options_reaches_the_function_without_cors(event):
    assert event("OPTIONS")["requestContext"]["http"]["method"] == "OPTIONS"


@fact(
    "HTTP API",
    "A web page of any origin reaches the function where CORS is not configured; the browser judges the answer.",
    CORS,
    differs="403 for pages that are not of this machine, so that none can use your functions",
)
def test_foreign_pages_are_refused(api):
    assert api.send("GET", headers={"Origin": "https://example.com"}).status_code == 403
