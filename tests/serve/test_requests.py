"""Requests of a container: many at a time, each with its own keys, metrics and trace, and the failures of Lambda."""

from __future__ import annotations

import asyncio
import socket
import uuid

import httpx
import pytest
from no_tls import NO_TLS
from served import DEADLINE, served

APP = """
    import asyncio
    import logging
    from contextlib import asynccontextmanager

    from aws_lambda_powertools.metrics import Metrics, MetricUnit
    from fastapi import Depends, FastAPI, Request
    from fastapi.responses import StreamingResponse
    from fastlambda import FastLambda, logger, metrics, tracer

    together = asyncio.Barrier(50)

    @asynccontextmanager
    async def lifespan(app):
        logger.append_keys(release="7")
        metrics.add_metric(name="Started", unit=MetricUnit.Count, value=1)
        yield {"shelf": "oak"}

    app = FastAPI(lifespan=lifespan)

    def who(user: str):
        logger.append_keys(user=user)

    @app.get("/together/{user}", dependencies=[Depends(who)])
    async def meet(user: str):
        metrics.add_dimension(name="user", value=user)
        metrics.add_metric(name="Met", unit=MetricUnit.Count, value=1)
        logger.append_keys(mine=user)
        await together.wait()
        async with tracer.provider.in_subsegment_async(f"## {user}"):
            logger.info("from the logger %s", user)
            await asyncio.gather(*(asyncio.to_thread(logging.getLogger("demo").info, user) for _ in range(2)))
            await together.wait()
        logger.remove_keys(["mine"])
        logger.info("at the end %s", user)

    @app.get("/where")
    def where(request: Request):
        return {"shelf": request.state.shelf, "base": str(request.base_url), "client": request.client.host}

    @app.get("/own-metrics")
    def own_metrics():
        Metrics(namespace="shelves").add_metric(name="Own", unit=MetricUnit.Count, value=1)

    async def waits_for_its_client_to_go(scope, receive, send):
        while (await receive())["type"] != "http.disconnect":
            pass

    app.mount("/waits", waits_for_its_client_to_go)
    apart = FastAPI()
    app.mount("/apart", apart)

    @apart.middleware("http")
    async def runs_its_route_in_a_task(request, call_next):
        return await call_next(request)

    @apart.get("/exits")
    async def exits():
        raise SystemExit("enough")

    @app.get("/raises")
    def raises():
        raise RuntimeError("no books")

    @app.get("/breaks")
    def breaks():
        def body():
            yield "a"
            raise RuntimeError("torn")
        return StreamingResponse(body())

    @app.get("/endless")
    def endless():
        async def body():
            while True:
                yield "a" * 1000
                await asyncio.sleep(0.01)
        return StreamingResponse(body())

    handler = FastLambda(app)
"""
PARENT = "bbbbbbbbbbbbbbbb"


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    """A container that has started."""
    with served(tmp_path_factory.mktemp("books"), APP, FASTLAMBDA_ROOT_PATH="/shop") as process:
        yield process


@pytest.fixture(scope="module")
def client(books):
    """A client of it, whose requests are not traced unless they say so."""
    with httpx.Client(base_url=books.url, headers={"x-amzn-trace-id": "Sampled=0"}, verify=NO_TLS) as client:
        yield client


def new_trace():
    return f"1-65f0c0de-{uuid.uuid4().hex[:24]}"


def traced(name, trace, *, sampled=True):
    """Headers of a traced request with this id."""
    return {"x-request-id": name, "x-amzn-trace-id": f"Root={trace};Parent={PARENT};Sampled={int(sampled)}"}


@pytest.mark.slow
def test_of_fifty_requests_at_once_no_line_metric_or_segment_is_of_another(books):
    users = [uuid.uuid4().hex for _ in range(50)]
    trace = new_trace()

    async def ask():
        limits = httpx.Limits(max_connections=50)
        async with httpx.AsyncClient(base_url=books.url, limits=limits, timeout=DEADLINE, verify=NO_TLS) as client:
            return await asyncio.gather(
                *(client.get(f"/together/{user}", params={"user": user}, headers=traced(user, trace)) for user in users)
            )

    assert {(answer.status_code, answer.headers["x-request-id"]) for answer in asyncio.run(ask())} == {
        (200, user) for user in users
    }
    for user in users:
        lines = books.of(user)
        assert [line["message"] for line in lines] == [
            f"from the logger {user}",
            user,
            user,
            f"at the end {user}",
            f"GET /shop/together/{user} 200",
        ]
        assert {line["user"] for line in lines} == {user}
        assert [line.get("mine") for line in lines] == [user, user, user, None, None]
        assert {line["route"] for line in lines} == {"/together/{user}"}
        assert {line["release"] for line in lines} == {"7"}, "what INIT has appended is on every line"
        assert {line["xray_trace_id"] for line in lines} == {trace}
        assert len({line["function_request_id"] for line in lines}) == 1
    books.wait(lambda line: '"Met"' in line and users[-1] in line)
    met = [document for document in books.metrics if "Met" in document]
    assert sorted(document["user"] for document in met) == sorted(users)
    assert {tuple(document["Met"]) for document in met} == {(1.0,)}

    documents = books.segments(trace, 100)
    segments = {document["id"]: document for document in documents if document["name"] == "books"}
    below = {document["name"]: segments[document["parent_id"]] for document in documents if document["name"] != "books"}
    assert {name: segment["http"]["request"]["url"] for name, segment in below.items()} == {
        f"## {user}": f"/shop/together/{user}" for user in users
    }


def test_the_health_endpoint_leaves_no_trace(books, client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")
    assert client.head("/healthz").status_code == 200
    assert client.post("/healthz").status_code == 404, "other methods are the app's"
    books.log("POST /shop/healthz 404")
    assert not [line for line in books.lines if "GET /healthz" in line or "HEAD" in line]


@pytest.mark.parametrize("path", ["/where", "/shop/where"])
def test_the_app_is_below_the_root_path_whether_the_proxy_cuts_it_off_or_not(client, path):
    answer = client.get(path, headers={"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"}).json()
    host = client.base_url.netloc.decode()
    assert answer == {"shelf": "oak", "base": f"https://{host}/shop/", "client": "203.0.113.9"}


@pytest.mark.parametrize(
    ("path", "route", "exception"),
    [("/raises", "/raises", "RuntimeError"), ("/apart/exits", "/apart/{path}", "BaseExceptionGroup")],
)
def test_what_escapes_from_the_app_is_a_500_a_log_line_a_fault_and_a_traced_exception(
    books, client, path, route, exception
):
    name, trace = uuid.uuid4().hex, new_trace()
    assert client.get(path, headers=traced(name, trace)).status_code == 500
    failure, access = books.of(name)
    assert failure["exception_name"] == exception
    assert access["status"] == 500
    assert '"Faults":[1.0]' in books.wait(lambda line: f'"route":"{route}","Requests"' in line and line)
    (segment,) = books.segments(trace, 1)
    assert segment["fault"] is True
    assert segment["cause"]["exceptions"][0]["type"] == exception
    assert segment["parent_id"] == PARENT
    assert segment["annotations"] == {"route": route, "method": "GET", "status": 500}
    assert client.get("/where").status_code == 200, "the others go on"


def test_an_answer_that_breaks_is_broken_off_for_its_client_too(books, client):
    name = uuid.uuid4().hex
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/breaks", headers={"x-request-id": name})
    assert [line.get("exception_name") for line in books.of(name)][:2] == ["RuntimeError", None]
    assert '"Faults":[1.0]' in books.wait(lambda line: '"route":"/breaks","Requests"' in line and line)


def test_a_client_that_leaves_is_no_fault_of_the_app(books, client):
    name = uuid.uuid4().hex
    with client.stream("GET", "/endless", headers={"x-request-id": name}) as answer:
        next(answer.iter_bytes())
    (access,) = books.of(name)
    assert access["status"] == 200
    assert '"Faults":[0.0]' in books.wait(lambda line: '"route":"/endless","Requests"' in line and line)


def test_a_client_that_leaves_before_there_is_a_status_is_an_error_of_its_own(books):
    name = uuid.uuid4().hex
    host, port = books.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=DEADLINE) as connection:
        connection.sendall(f"GET /waits/long HTTP/1.1\r\nHost: books\r\nX-Request-ID: {name}\r\n\r\n".encode())
    (access,) = books.of(name)
    assert access["status"] == 499
    assert '"Faults":[0.0],"Errors":[1.0]' in books.wait(lambda line: '"route":"/waits/{path}","Req' in line and line)


def test_a_request_that_is_not_sampled_names_its_trace_and_sends_nothing(books, client):
    name, trace, after = uuid.uuid4().hex, new_trace(), new_trace()
    client.get("/where", headers=traced(name, trace, sampled=False))
    client.get("/where", headers=traced(uuid.uuid4().hex, after))
    (access,) = books.of(name)
    assert access["xray_trace_id"] == trace
    assert books.segments(after, 1)
    assert books.segments(trace, 0) == []


def test_a_trace_of_w3c_is_gone_on_with(books, client):
    name, trace = uuid.uuid4().hex, new_trace()
    client.get("/where", headers={"x-request-id": name, "traceparent": f"00-{trace[2:].replace('-', '')}-{PARENT}-01"})
    (segment,) = books.segments(trace, 1)
    assert segment["parent_id"] == PARENT
    assert books.of(name)[0]["xray_trace_id"] == trace


def test_an_upgrade_to_a_web_socket_is_an_ordinary_request(books):
    host, port = books.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=DEADLINE) as connection:
        connection.sendall(
            b"GET /where HTTP/1.1\r\nHost: books\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"X-Amzn-Trace-Id: Sampled=0\r\n\r\n"
        )
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")


def test_metrics_of_init_are_published_before_the_first_request(books):
    assert "Started" in books.metrics[0]


def test_metrics_that_the_app_collects_apart_from_the_runtimes_are_published_once(books, client):
    client.get("/own-metrics")
    client.get("/own-metrics")
    books.wait(lambda _: sum('"Own"' in line for line in books.lines) == 2)
    assert [document["Own"] for document in books.metrics if "Own" in document] == [[1.0], [1.0]]
