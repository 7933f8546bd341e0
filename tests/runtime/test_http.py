"""Events of the four HTTP sources reach the app as the client's request, and its answer reaches the client."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest
from http_events import body_of, function_url, http_api, http_api_1_0, load_balancer, rest_api

APP = """
    from fastlambda import FastLambda
    from fastapi import APIRouter, FastAPI, Request, Response, UploadFile
    from fastapi.middleware.cors import CORSMiddleware

    app = FastAPI()
    app.add_middleware(CORSMiddleware, allow_origins=["https://app.example.com"], allow_methods=["PUT"])

    @app.api_route("/echo", methods=["GET", "HEAD"], include_in_schema=False)
    @app.get("/echo/{rest:path}")
    async def echo(request: Request):
        return {
            "url": str(request.url),
            "path": request.scope["path"],
            "root_path": request.scope["root_path"],
            "query": request.query_params.multi_items(),
            "cookies": request.cookies,
            "x": request.headers.getlist("x-repeated"),
            "client": request.client.host,
            "body": (await request.body()).decode("latin-1"),
        }

    @app.get("/cookies")
    def cookies(response: Response):
        response.set_cookie("a", "1")
        response.set_cookie("b", "2")
        response.headers.append("x-repeated", "1")
        response.headers.append("x-repeated", "2")

    @app.post("/upload")
    async def upload(file: UploadFile):
        content = await file.read()
        return Response(content[::-1], media_type=file.content_type)

    @app.get("/empty/{status}")
    def empty(status: int):
        return Response(status_code=status)

    @app.post("/mirror")
    async def mirror(request: Request):
        return Response(await request.body(), media_type="application/octet-stream")

    @app.get("/typed")
    def typed(media_type: str):
        return Response("gr\\u00fcn", media_type=media_type)

    @app.get("/latin-1")
    def latin_1():
        return Response(headers={"x-city": "K\\u00f6ln"})

    @app.get("/slash/")
    def slash():
        return "slash"

    handler = FastLambda(app)
"""

CUSTOM = "api.example.com"

# How a client reaches the app: the event of a path, and the URL in front of the app's own paths.
WAYS = {
    "HTTP API, $default stage": (http_api, {}, "https://abc123.execute-api.us-east-1.amazonaws.com"),
    "HTTP API, named stage": (http_api, {"stage": "dev"}, "https://abc123.execute-api.us-east-1.amazonaws.com/dev"),
    "HTTP API, named stage, custom domain": (
        http_api,
        {"stage": "dev", "domain": CUSTOM},
        "https://api.example.com",
    ),
    "HTTP API, payload 1.0": (http_api_1_0, {}, "https://abc123.execute-api.us-east-1.amazonaws.com"),
    "HTTP API, payload 1.0, named stage": (
        http_api_1_0,
        {"stage": "dev"},
        "https://abc123.execute-api.us-east-1.amazonaws.com/dev",
    ),
    "REST API": (rest_api, {}, "https://abc123.execute-api.us-east-1.amazonaws.com/prod"),
    "REST API, custom domain": (rest_api, {"domain": CUSTOM}, "https://api.example.com"),
    "REST API, custom domain with a base path": (
        rest_api,
        {"domain": CUSTOM, "base_path": "/shop"},
        "https://api.example.com/shop",
    ),
    "REST API, custom domain with a base path of two parts": (
        rest_api,
        {"domain": CUSTOM, "base_path": "/shop/v1"},
        "https://api.example.com/shop/v1",
    ),
    "function URL": (function_url, {}, "https://abcdefgh.lambda-url.us-east-1.on.aws"),
    "load balancer": (load_balancer, {}, "https://books.example.com"),
    "load balancer, multi-value headers": (load_balancer, {"multi_value": True}, "https://books.example.com"),
}


def root_path_of(way):
    return urlsplit(way[2]).path


@pytest.fixture(scope="module", params=WAYS.values(), ids=WAYS.keys())
def way(request):
    return request.param


@pytest.fixture(scope="module")
def get(deploy, way):
    """GET a path of the app and return the gateway's answer."""
    source, options, _ = way

    def call(path, **more):
        result = deploy(APP).invoke(source(path, **options, **more))
        assert result.error is None, result.error
        return result.answer

    return call


def test_the_url_that_the_app_sees_is_the_one_that_the_client_asked_for(get, way):
    echo = json.loads(body_of(get("/echo", query="a=1&b=2")))
    assert echo["url"] == f"{way[2]}/echo?a=1&b=2"


def test_the_root_path_is_what_stands_before_the_apps_own_paths(get, way):
    assert json.loads(body_of(get("/echo")))["root_path"] == root_path_of(way)


def test_the_docs_page_asks_for_an_openapi_document_that_is_there(get, way):
    assert f"url: '{root_path_of(way)}/openapi.json'" in body_of(get("/docs")).decode()
    document = json.loads(body_of(get("/openapi.json")))
    assert document["openapi"].startswith("3.")
    assert document.get("servers", [{"url": ""}])[0]["url"] == root_path_of(way)


def test_a_slash_redirect_leads_to_a_url_of_the_client(get, way):
    answer = get("/slash")
    assert answer["statusCode"] == 307
    headers = {**answer.get("headers", {}), **{k: v[0] for k, v in answer.get("multiValueHeaders", {}).items()}}
    assert headers["location"] == f"{way[2]}/slash/"
    assert body_of(get("/slash/")) == b'"slash"'


def test_repeated_query_parameters_all_arrive(get, way):
    multi_value = way[0] is not load_balancer or way[1]
    query = json.loads(body_of(get("/echo", query="q=a%26b&q=c+d&empty=")))["query"]
    expected = [["q", "a&b"], ["q", "c d"], ["empty", ""]]
    assert query == (expected if multi_value else expected[1:])


def test_every_cookie_arrives(deploy, way):
    source, options, _ = way
    if source in (http_api, function_url):
        event = source("/echo", cookies=["a=1", "b=2"], **options)
    else:
        event = source("/echo", headers={"Cookie": ["a=1; b=2"]}, **options)
    assert json.loads(body_of(deploy(APP).invoke(event).answer))["cookies"] == {"a": "1", "b": "2"}


def test_the_client_is_the_address_that_the_gateway_saw(get):
    assert json.loads(body_of(get("/echo")))["client"] == "203.0.113.9"


def test_cookies_of_the_answer_stay_apart(get, way):
    answer = get("/cookies")
    headers = {name.lower(): lines for name, lines in (answer.get("multiValueHeaders") or {}).items()}
    cased = [value for name, value in (answer.get("headers") or {}).items() if name.lower() == "set-cookie"]
    cookies = answer.get("cookies") or headers.get("set-cookie") or cased
    assert [cookie.partition(";")[0] for cookie in cookies] == ["a=1", "b=2"], way


def test_repeated_request_headers_all_arrive_from_a_rest_api(deploy):
    event = rest_api("/echo", headers={"X-Repeated": ["1", "2"], "Cookie": ["a=1", "b=2"]})
    echo = json.loads(body_of(deploy(APP).invoke(event).answer))
    assert echo["x"] == ["1", "2"]
    assert echo["cookies"] == {"a": "1", "b": "2"}


def test_a_rest_api_with_a_resource_of_fixed_parts_and_parameters_has_the_right_base_path(deploy):
    event = rest_api("/echo/7", domain=CUSTOM, base_path="/v1", resource="/echo/{id}")
    event["pathParameters"] = {"id": "7"}
    echo = json.loads(body_of(deploy(APP).invoke(event).answer))
    assert (echo["root_path"], echo["path"]) == ("/v1", "/v1/echo/7")


@pytest.mark.parametrize("stage", ["$default", "dev"])
def test_the_setting_is_the_root_path_on_an_http_apis_custom_domain(deploy, stage):
    function = deploy(APP, FASTLAMBDA_ROOT_PATH="/shop/v1")
    echo = json.loads(body_of(function.invoke(http_api("/echo", domain=CUSTOM, stage=stage)).answer))
    assert (echo["root_path"], echo["url"]) == ("/shop/v1", f"https://{CUSTOM}/shop/v1/echo")
    redirect = function.invoke(http_api("/slash", domain=CUSTOM, stage=stage)).answer
    assert redirect["headers"]["location"] == f"https://{CUSTOM}/shop/v1/slash/"


@pytest.mark.parametrize("source", [http_api, function_url])
def test_the_setting_is_not_the_root_path_on_aws_own_domains(deploy, source):
    echo = json.loads(body_of(deploy(APP, FASTLAMBDA_ROOT_PATH="/shop/v1").invoke(source("/echo")).answer))
    assert (echo["root_path"], echo["path"]) == ("", "/echo")


def test_a_base_path_is_no_mere_prefix(deploy):
    event = http_api("/development", stage="dev")
    event["rawPath"] = event["requestContext"]["http"]["path"] = "/development"
    result = deploy(APP).invoke(event)
    assert result.log("GET /development 404")["route"] == "unmatched"


@pytest.mark.parametrize("source", [http_api, function_url, rest_api, load_balancer])
def test_an_upload_arrives_and_leaves_byte_for_byte(deploy, source):
    data = bytes(range(256))
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\nContent-Type: image/png\r\n\r\n'
    content_type = "multipart/form-data; boundary=x"
    headers = {"content-type": content_type if source in (http_api, function_url) else [content_type]}
    event = source("/upload", method="POST", headers=headers, body=head + data + b"\r\n--x--\r\n")
    answer = deploy(APP).invoke(event).answer
    assert answer["isBase64Encoded"] is True
    assert body_of(answer) == data[::-1]


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "application/problem+json",
        "application/vnd.api+json; charset=utf-8",
        "application/x-ndjson",
        "image/svg+xml",
        "text/html",
    ],
)
def test_text_leaves_as_text(deploy, media_type):
    answer = deploy(APP).invoke(http_api("/typed", query=f"media_type={media_type.replace('+', '%2B')}")).answer
    assert (answer["isBase64Encoded"], answer["body"]) == (False, "grün")


def test_what_is_no_text_leaves_as_base64(deploy):
    answer = deploy(APP).invoke(http_api("/typed", query="media_type=application/octet-stream")).answer
    assert answer["isBase64Encoded"] is True
    assert body_of(answer).decode() == "grün"


def test_a_header_value_beyond_ascii_does_not_break_the_answer(deploy):
    assert deploy(APP).invoke(http_api("/latin-1")).answer["headers"]["x-city"] == "Köln"


@pytest.mark.parametrize("source", [http_api, function_url, rest_api, load_balancer])
def test_head_has_the_headers_of_get_and_no_body(deploy, source):
    answer = deploy(APP).invoke(source("/echo", method="HEAD")).answer
    assert answer["statusCode"] == 200
    assert int(answer["headers"]["content-length"]) > 0
    assert body_of(answer) == b""


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_has_none(deploy, status):
    answer = deploy(APP).invoke(http_api(f"/empty/{status}")).answer
    assert (answer["statusCode"], body_of(answer), answer["isBase64Encoded"]) == (status, b"", False)


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ("/echo/a%2Fb", "/echo/a/b"),
        ("/echo//b", "/echo//b"),
        ("/echo/%FF", "/echo/\ufffd"),
        ("/echo/%C3%BC", "/echo/\u00fc"),
        ("/echo/..%2F..", "/echo/../.."),
    ],
)
def test_a_path_is_decoded_as_asgi_servers_do(deploy, raw, path):
    assert json.loads(body_of(deploy(APP).invoke(http_api(raw)).answer))["path"] == path


def test_a_query_that_is_no_utf_8_reaches_the_app_as_it_is(deploy):
    echo = json.loads(body_of(deploy(APP).invoke(http_api("/echo", query="q=%FF&r=%")).answer))
    assert echo["query"] == [["q", "\ufffd"], ["r", "%"]]


def test_a_body_of_megabytes_arrives_and_leaves_whole(deploy):
    data = bytes(range(256)) * 8_000
    answer = deploy(APP).invoke(http_api("/mirror", method="POST", body=data)).answer
    assert body_of(answer) == data


def test_a_cors_preflight_is_answered_by_the_apps_middleware(deploy):
    headers = {"origin": "https://app.example.com", "access-control-request-method": "PUT"}
    answer = deploy(APP).invoke(http_api("/echo", method="OPTIONS", headers=headers)).answer
    assert answer["statusCode"] == 200
    assert answer["headers"]["access-control-allow-origin"] == "https://app.example.com"


@pytest.mark.parametrize("headers", [{"host": ["a:b:c"]}, {"host": ["a"], "x-forwarded-port": ["eighty"]}])
def test_a_malformed_host_is_answered_400_and_fails_no_invocation(deploy, headers):
    result = deploy(APP).invoke(load_balancer("/echo", headers=headers))
    assert result.error is None
    assert result.answer["statusCode"] == 400


UNKNOWN = {
    "a batch of records from aws:sqs": {"Records": [{"eventSource": "aws:sqs", "body": "{}"}]},
    "a batch of records from aws:sns": {"Records": [{"EventSource": "aws:sns", "Sns": {}}]},
    "an EventBridge event from aws.events": {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}},
    "a Lambda authorizer event": {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": "arn:aws:execute-api:us-east-1:0:a/s/GET/x",
        "requestContext": {"http": {"method": "GET", "path": "/x"}},
    },
    "a WebSocket event": {"requestContext": {"connectionId": "x", "eventType": "CONNECT"}},
    "an event with the keys key1, key2": {"key1": "", "key2": ""},
    "an event with the keys (none)": {},
    "an event with the keys headers, requestContext": {"requestContext": "x", "headers": "y"},
    "a JSON list for an event": [],
}


@pytest.mark.parametrize(("shape", "event"), UNKNOWN.items(), ids=UNKNOWN.keys())
def test_an_event_that_is_not_http_fails_loudly_and_names_its_shape(deploy, shape, event):
    result = deploy(APP).invoke(event)
    assert result.error["errorType"] == "UnknownEventError"
    assert f"The function got {shape}:" in result.error["errorMessage"]
