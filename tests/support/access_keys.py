"""The access keys of a local AWS, as boto3, a function's environment and httpx want them."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from pathlib import Path

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.aws.session import Aws
from fastlambda_cli.local.keys import keep_keys
from fastlambda_cli.local.session import STATE, Session, exclusive, recorded

NOBODYS = Keys("AKIAFASTLAMBDANOBODY", "nobody's")
"""For servers that check no signature."""


def of_boto3(keys: Keys) -> dict[str, str | None]:
    """Parameters of a client of boto3."""
    return {
        "aws_access_key_id": keys.access_key_id,
        "aws_secret_access_key": keys.secret_access_key,
        "aws_session_token": keys.session_token,
    }


def of_environment(keys: Keys) -> dict[str, str]:
    """Environment variables of a function."""
    return {name.upper(): value for name, value in of_boto3(keys).items() if value}


class Signed(httpx.Auth):
    """Signs what httpx sends, as botocore does."""

    requires_request_body = True

    def __init__(self, keys: Keys, service: str, region: str = "us-east-1") -> None:
        credentials = Credentials(keys.access_key_id, keys.secret_access_key, keys.session_token)
        self._signer = SigV4Auth(credentials, service, region)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        names = {"host", "content-type", *(name for name in request.headers if name.startswith("x-amz-"))}
        headers = {name: value for name, value in request.headers.items() if name in names}
        asked = AWSRequest(method=request.method, url=str(request.url), data=request.content, headers=headers)
        self._signer.add_auth(asked)
        request.headers.update(dict(asked.headers.items()))
        yield request


@contextlib.contextmanager
def as_dev_of(folder: Path, aws: Aws, stage: str = "folder") -> Iterator[None]:
    """Let commands on a service in a folder take this local AWS for that of a running `dev` of the stage."""
    state = folder / STATE
    with exclusive(state), recorded(state, Session(stage, aws.endpoint_url, http_url="")):
        keep_keys(state / "aws", aws.keys)
        yield
