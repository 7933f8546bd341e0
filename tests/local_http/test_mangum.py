"""The events and answers understood by Mangum, which stands on the other side on AWS too."""

from __future__ import annotations

import asyncio
import json
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import FastAPI, Request, Response
from mangum import Mangum

from fastlambda_cli.local.model import InvokeResult

BYTES = random.Random(3).randbytes(10_000)  # noqa: S311

app = FastAPI()


@app.api_route("/echo/{rest:path}", methods=["GET", "POST"])
async def echo(request: Request):
    return {
        "path": request.scope["path"],
        "query": request.query_params.multi_items(),
        "cookies": request.cookies,
        "host": request.headers["host"],
        "client": request.client.host,
        "body": (await request.body()).hex(),
    }


@app.api_route("/bytes", methods=["GET", "HEAD"])
async def download():
    return Response(BYTES, media_type="application/octet-stream")


@app.get("/cookies")
async def cookies(response: Response):
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")


@pytest.fixture
def mangum():
    """The app behind Mangum, on a thread with a loop of its own, as a Lambda function."""
    loop = asyncio.new_event_loop()
    with ThreadPoolExecutor(1, initializer=asyncio.set_event_loop, initargs=(loop,)) as thread:
        handler = thread.submit(Mangum, app, lifespan="off").result()

        async def invoke(invocation):
            event = json.loads(invocation.payload)
            returned = await asyncio.get_running_loop().run_in_executor(thread, handler, event, None)
            return InvokeResult(json.dumps(returned).encode(), invocation.request_id)

        yield invoke
    loop.close()


def test_the_app_sees_the_request_that_the_client_sent(gateway, mangum):
    async def scenario():
        async with gateway(mangum) as api:
            answer = await api.client.post(
                "/echo/caf%C3%A9/a%20b%2B?x=1&x=2%263&y=%20",
                content=BYTES,
                headers={"cookie": "s=abc; t=d%20e", "host": "books.localhost:8000"},
            )
            assert answer.json() == {
                "path": "/echo/café/a b+",
                "query": [["x", "1"], ["x", "2&3"], ["y", " "]],
                "cookies": {"s": "abc", "t": "d%20e"},
                "host": "books.localhost:8000",
                "client": "127.0.0.1",
                "body": BYTES.hex(),
            }

    asyncio.run(scenario())


def test_the_client_gets_the_bytes_that_the_app_sent(gateway, mangum):
    async def scenario():
        async with gateway(mangum) as api:
            answer = await api.client.get("/bytes")
            assert answer.content == BYTES
            assert answer.headers["content-type"] == "application/octet-stream"
            head = await api.client.head("/bytes")
            assert (head.status_code, head.content) == (200, b"")

    asyncio.run(scenario())


def test_two_cookies_are_two_set_cookie_headers(gateway, mangum):
    async def scenario():
        async with gateway(mangum) as api:
            answer = await api.client.get("/cookies")
            assert [cookie.partition(";")[0] for cookie in answer.headers.get_list("set-cookie")] == ["a=1", "b=2"]

    asyncio.run(scenario())
