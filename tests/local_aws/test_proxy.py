"""What passes through the front door arrives as it was sent, and nothing is kept whole in memory."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import os

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.aws.proxy import EmulatorProxy
from fastlambda_cli.local.serve import serve


class Line:
    """One end of a connection: reads up to a mark, writes bytes."""

    def __init__(self, reader, writer):
        self._reader = reader
        self.writer = writer

    async def until(self, mark):
        return await asyncio.wait_for(self._reader.readuntil(mark), 20)

    async def rest(self):
        return await asyncio.wait_for(self._reader.read(), 20)

    async def end(self):
        self.writer.close()
        with contextlib.suppress(ConnectionError):  # the other end was quicker
            await self.writer.wait_closed()


class Upstream:
    """A server on a Unix socket whose every byte the test reads and writes itself."""

    def __init__(self, path):
        self.transport = httpx.AsyncHTTPTransport(uds=str(path))
        self._lines = asyncio.Queue()
        self.accepted = []

    async def available(self):
        """Always: the test plays it."""

    async def accept(self, reader, writer):
        line = Line(reader, writer)
        self.accepted.append(line)
        await self._lines.put(line)

    async def line(self):
        return await asyncio.wait_for(self._lines.get(), 20)


@contextlib.asynccontextmanager
async def proxied(directory):
    """A proxy between a client and an upstream that the test plays."""
    path = directory / "s"
    upstream = Upstream(path)
    server = await asyncio.start_unix_server(upstream.accept, path)
    async with upstream.transport, serve(EmulatorProxy(upstream), port=0, label="The proxy") as served:
        client = Line(*await asyncio.open_connection("127.0.0.1", served.port))
        try:
            yield client, upstream
        finally:
            await client.end()
            for line in upstream.accepted:
                await line.end()
            server.close()


@pytest.fixture
def short(tmp_path_factory):
    """A folder whose sockets have short paths."""
    return tmp_path_factory.mktemp("p")


def test_target_and_headers_arrive_as_they_were_written(short):
    async def story():
        async with proxied(short) as (client, upstream):
            client.writer.write(
                b"GET /bucket//a/../b%2Fc%20d?list-type=2&prefix=%E2%82%AC HTTP/1.1\r\n"
                b"Host: bucket.localhost:4566\r\nX-Tag: one\r\nX-Tag: two\r\n"
                b"Connection: X-Private\r\nX-Private: mine\r\nTE: trailers\r\n\r\n"
            )
            return await (await upstream.line()).until(b"\r\n\r\n")

    head, *headers = asyncio.run(story()).decode().rstrip().split("\r\n")

    assert head == "GET /bucket//a/../b%2Fc%20d?list-type=2&prefix=%E2%82%AC HTTP/1.1"
    assert [header.lower() for header in headers] == ["host: bucket.localhost:4566", "x-tag: one", "x-tag: two"]


def test_the_answer_keeps_repeated_headers_and_its_encoding(short):
    packed = gzip.compress(b"a book")

    async def story():
        async with proxied(short) as (client, upstream):
            client.writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            line = await upstream.line()
            await line.until(b"\r\n\r\n")
            line.writer.write(
                b"HTTP/1.1 206 Partial Content\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n"
                b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nKeep-Alive: timeout=5\r\n\r\n%b" % (len(packed), packed)
            )
            return await client.rest()

    head, _, body = asyncio.run(story()).partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")

    assert lines[0] == b"http/1.1 206 partial content"
    assert [line for line in lines if line.startswith(b"set-cookie")] == [b"set-cookie: a=1", b"set-cookie: b=2"]
    assert b"content-encoding: gzip" in lines
    assert not any(line.startswith(b"keep-alive") for line in lines)
    assert body == packed


def test_a_request_is_handed_on_while_the_client_still_writes_it(short):
    async def story():
        async with proxied(short) as (client, upstream):
            client.writer.write(b"PUT /bucket/key HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nfirst")
            line = await upstream.line()
            await line.until(b"first")
            client.writer.write(b"after")
            return await line.until(b"after")

    assert asyncio.run(story()) == b"after"


def test_a_request_of_unknown_length_is_handed_on_in_chunks(short):
    async def story():
        async with proxied(short) as (client, upstream):
            client.writer.write(
                b"PUT / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
            )
            line = await upstream.line()
            head = await line.until(b"\r\n\r\n")
            return head, await line.until(b"hello\r\n")

    head, chunk = asyncio.run(story())

    assert b"transfer-encoding: chunked" in head.lower()
    assert chunk == b"5\r\nhello\r\n"


def test_an_answer_is_handed_on_while_the_emulator_still_writes_it(short):
    async def story():
        async with proxied(short) as (client, upstream):
            client.writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            line = await upstream.line()
            await line.until(b"\r\n\r\n")
            line.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
            await client.until(b"first")
            line.writer.write(b"after")
            return await client.until(b"after")

    assert asyncio.run(story()) == b"after"


def test_a_client_that_hangs_up_while_it_waits_ends_the_emulators_request(short):
    async def story():
        async with proxied(short) as (client, upstream):
            client.writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            line = await upstream.line()
            await line.until(b"\r\n\r\n")
            client.writer.close()
            return await line.rest()

    assert asyncio.run(story()) == b""


def test_a_client_that_hangs_up_in_its_request_ends_the_emulators_request(short):
    async def story():
        async with proxied(short) as (client, upstream):
            client.writer.write(b"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nfirst")
            line = await upstream.line()
            await line.until(b"first")
            client.writer.close()
            return await line.rest()

    assert asyncio.run(story()) == b""


def test_an_emulator_that_dies_while_it_works_is_a_503(short):
    async def story():
        async with proxied(short) as (client, upstream):
            client.writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            line = await upstream.line()
            await line.until(b"\r\n\r\n")
            line.writer.close()
            return await client.rest()

    assert asyncio.run(story()).startswith(b"HTTP/1.1 503 ")


class Dead:
    """An emulator that was given up."""

    transport = httpx.AsyncHTTPTransport()

    async def available(self):
        raise EmulatorError("The AWS emulator keeps dying", why="4 times <within> 60 s")


def error_of(endpoint_url, service, operation):
    client = boto3.client(
        service,
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with contextlib.closing(client), pytest.raises(ClientError) as caught:
        getattr(client, operation)()
    return caught.value.response


@pytest.mark.parametrize(
    ("service", "operation"),
    [("s3", "list_buckets"), ("sqs", "list_queues"), ("sns", "list_topics"), ("lambda", "list_functions")],
)
def test_every_protocol_of_botocore_understands_the_503(service, operation):
    async def story():
        async with serve(EmulatorProxy(Dead()), port=0, label="The proxy") as served:
            return await asyncio.to_thread(error_of, served.url, service, operation)

    response = asyncio.run(story())

    assert response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert response["Error"]["Message"] == "Service Unavailable"


def test_a_large_object_survives_the_way_there_and_back(aws):
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="large-objects")
    content = os.urandom(1 << 20) * 24
    key = "a/../b//ü +%2F?.bin"

    s3.put_object(Bucket="large-objects", Key=key, Body=content, Metadata={"shelf": "fiction"})
    found = s3.get_object(Bucket="large-objects", Key=key)

    assert found["Body"].read() == content
    assert found["Metadata"] == {"shelf": "fiction"}
    assert s3.get_object(Bucket="large-objects", Key=key, Range="bytes=5-9")["Body"].read() == content[5:10]
    assert s3.head_object(Bucket="large-objects", Key=key)["ContentLength"] == len(content)
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket="large-objects")["Contents"]] == [key]
