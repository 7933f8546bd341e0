"""The check of signatures, served before an app that only notes what it is handed."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import boto3
import httpx
import pytest
from access_keys import of_boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from no_tls import NO_TLS

from fastlambda_cli.local.aws.signatures.door import Door
from fastlambda_cli.local.aws.signatures.keyring import Keyring
from fastlambda_cli.local.aws.signatures.registry import RegistryLogin
from fastlambda_cli.local.keys import new_keys
from fastlambda_cli.local.serve import serve

RESPONSE_URL = "/_ministack/cfn-response/984ad55b-cae3-48db-bd65-d9cdcb52ed8a"
USER = new_keys()
NOT_AWS = (KeyError, ResponseParserError)
"""What botocore makes of the empty answers of the app behind the door."""
CALLS = {
    "dynamodb": lambda client: client.list_tables(),
    "secretsmanager": lambda client: client.create_secret(Name="books/app", SecretString="as it was signed"),
    "sqs": lambda client: client.list_queues(),
    "lambda": lambda client: client.invoke(FunctionName="books", Payload=b'{"as it was": "signed"}'),
    "sts": lambda client: client.get_caller_identity(),
    "ec2": lambda client: client.describe_vpcs(),
    "route53": lambda client: client.list_hosted_zones(),
    "s3": lambda client: client.put_object(Bucket="books", Key="emma", Body=b"as it was signed"),
}


async def nothing(_scope, _receive, send):
    """The emulator that gave out no keys."""
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class Nobody:
    """What the keyring asks for keys that are not its own."""

    def client(self):
        return httpx.AsyncClient(transport=httpx.ASGITransport(nothing), base_url="http://emulator")

    async def available(self):
        pass


@dataclass
class Checked:
    """A door with an app behind it that takes everything; `taken` are the bodies, `later` sets the door's clock on."""

    url: str = ""
    keyring: Keyring = field(default_factory=lambda: Keyring(USER, Nobody()))
    taken: list[bytes] = field(default_factory=list)
    later: timedelta = timedelta()

    def now(self):
        return datetime.now(UTC) + self.later

    async def app(self, _scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            body += message["body"]
            more = message.get("more_body", False)
        self.taken.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def serve(self, ready, over):
        registry = RegistryLogin(USER, lambda: self.now().timestamp())
        async with serve(Door(self.app, self.keyring, registry, self.now), port=0, label="The door") as served:
            self.url = served.url
            ready.set_result(None)
            await asyncio.to_thread(over.wait)

    def client(self, service, keys=USER, **config):
        given = of_boto3(keys) if keys else {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
        config = Config(retries={"total_max_attempts": 1}, **config)
        return contextlib.closing(
            boto3.client(service, endpoint_url=self.url, region_name="us-east-1", config=config, **given)
        )

    def error_of(self, service, keys=USER, *, tamper=None, **config):
        """The status and the code that a call ends with; `tamper` changes the request once it is signed."""
        with self.client(service, keys, **config) as client:
            if tamper:
                client.meta.events.register("before-send", tamper)
            with pytest.raises(ClientError) as caught:
                CALLS[service](client)
        response = caught.value.response
        return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]

    def send(self, request):
        """Send what botocore has signed, byte for byte."""
        headers = dict(request.headers.items())
        return httpx.request(request.method, request.url, headers=headers, content=request.body, verify=NO_TLS)


@pytest.fixture(scope="module")
def served():
    checked, ready, over = Checked(), Future(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(checked.serve(ready, over)))
    thread.start()
    try:
        ready.result(20)
        yield checked
    finally:
        over.set()
        thread.join()


@pytest.fixture
def door(served):
    """The door, with nothing taken yet and the clock right."""
    served.taken.clear()
    served.later = timedelta()
    return served
