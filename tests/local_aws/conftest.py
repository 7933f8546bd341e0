"""The local AWS on a thread of its own, so that boto3, which blocks, can talk to it."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
from dataclasses import dataclass, field
from typing import Any

import background
import boto3
import pytest
from access_keys import of_boto3
from background import PATIENCE_S, in_background
from botocore.config import Config
from checked_door import door, served

from fastlambda_cli.local.aws import LocalAws, RetryPolicy
from fastlambda_cli.local.model import Notice

__all__ = ["door", "served"]


@dataclass
class RunningAws:
    """A local AWS that answers, and what it had to say."""

    aws: LocalAws
    loop: asyncio.AbstractEventLoop
    notices: list[Notice]
    clients: list[Any] = field(default_factory=list)

    def client(self, service, keys=None, **config):
        client = boto3.client(
            service,
            endpoint_url=self.aws.endpoint_url,
            region_name="us-east-1",
            **of_boto3(keys or self.aws.keys),
            config=Config(**config),
        )
        self.clients.append(client)
        return client

    def run(self, awaitable):
        """Run a coroutine where the local AWS runs."""
        return asyncio.run_coroutine_threadsafe(awaitable, self.loop).result(PATIENCE_S)

    def call(self, function, *arguments):
        """Call a function where the local AWS runs."""

        async def called():
            return function(*arguments)

        return self.run(called())

    def http(self, method, path, *, body=None, headers):
        """Send exactly these headers, a Host included or not; return status, headers and body."""
        address = self.aws.endpoint_url.removeprefix("http://")
        with contextlib.closing(http.client.HTTPConnection(address, timeout=PATIENCE_S)) as connection:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            return response.status, response.headers, response.read()


@contextlib.contextmanager
def running_aws(directory, **settings):
    """Run a local AWS in the background while the block runs."""
    notices: list[Notice] = []
    with in_background(directory, notices.append, **settings) as (aws, loop):
        running = RunningAws(aws, loop, notices)
        try:
            yield running
        finally:
            for client in running.clients:
                client.close()


@pytest.fixture(scope="session")
def aws(tmp_path_factory):
    """One local AWS for all tests that leave it alive; its retries do not wait."""
    at_once = RetryPolicy(after_error_s=(0.0, 0.0), throttle_first_s=0.0)
    with running_aws(tmp_path_factory.mktemp("aws"), retries=at_once) as running:
        yield running


@pytest.fixture(scope="session")
def start_aws():
    """Start a local AWS of the test's own: `with start_aws(directory) as aws`."""
    return running_aws


@pytest.fixture(scope="session")
def eventually():
    """Wait until a condition holds, however long the machine takes, and fail if it never does."""
    return background.eventually
