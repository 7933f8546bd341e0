"""A local AWS in the background, and the engine's own connection to it.

The fixtures are those of tests/conftest.py: one local AWS serves all of a worker's tests, so each test names its
stacks, buckets and secrets with `unique`. A room that imports them has a local AWS of its own.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from background import in_background

from fastlambda_cli.aws.session import Aws, connect
from fastlambda_cli.local.aws import LocalAws


@contextlib.contextmanager
def running_local_aws(directory: Path, **settings: Any) -> Iterator[LocalAws]:
    """Run a local AWS on a thread of its own while the block runs."""
    with in_background(directory, lambda _: None, **settings) as (aws, _):
        yield aws


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """An engine's connection to a local AWS that all tests of the session share."""
    with (
        running_local_aws(tmp_path_factory.mktemp("aws")) as running,
        connect(endpoint_url=running.endpoint_url, keys=running.keys) as aws,
    ):
        yield aws


def every(aws: Aws, service: str, operation: str, key: str, **parameters: str) -> list[Any]:
    """All that a paginated operation lists, such as every(aws, "lambda", "list_functions", "Functions")."""
    pages = aws.client(service).get_paginator(operation).paginate(**parameters)
    return [item for page in pages for item in page.get(key, [])]


@pytest.fixture
def unique() -> Callable[[str], str]:
    """Make a name that no other test has: `unique("shop")` is "shop-1f0c9a2e"."""
    return lambda name: f"{name}-{uuid.uuid4().hex[:8]}"


def lambda_role(aws: Aws, name: str) -> str:
    """Make a role that Lambda may assume, and that may nothing; its ARN."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role: str = aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    return role
