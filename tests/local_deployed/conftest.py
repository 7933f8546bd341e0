"""A local AWS that functions are deployed into, through boto3 and nothing else."""

from __future__ import annotations

import httpx
import psutil
import pytest
from background import PATIENCE_S, eventually
from deployed_apis import SHOW_EVENT, make_api
from deployed_functions import running
from deployed_roles import CALL
from no_tls import NO_TLS


@pytest.fixture(scope="session")
def aws(tmp_path_factory):
    """One local AWS for every test that leaves it alive."""
    with running(tmp_path_factory.mktemp("deployed")) as started:
        yield started


@pytest.fixture(scope="session")
def start_aws():
    """Start a local AWS of the test's own: `with start_aws(directory) as aws`."""
    return running


@pytest.fixture(scope="session")
def eventually_gone():
    """Wait until a process is no more."""
    return lambda pid: eventually(lambda: not psutil.pid_exists(pid))


@pytest.fixture(scope="session")
def client():
    with httpx.Client(timeout=PATIENCE_S, verify=NO_TLS, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def show_event(aws):
    """A function with one version, behind the alias `live`."""
    name = aws.create(SHOW_EVENT)
    aws.lambda_.publish_version(FunctionName=name)
    return aws.lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion="1")["AliasArn"]


@pytest.fixture
def api(aws, client, show_event):
    """`api(...)` makes an HTTP API in front of a function and returns what sends requests to it."""
    return lambda *routes, **settings: make_api(aws, client, show_event, *routes, **settings)


@pytest.fixture(scope="session")
def caller(aws):
    """`caller((action, resource), ...)` makes a function that may do that: role, name, and what it is answered."""
    aws.client("sqs").create_queue(QueueName="orders")
    aws.client("s3").create_bucket(Bucket="shelves")

    def made(*allowed):
        role = aws.role(*allowed)
        name = aws.create(CALL, Role=role)
        return role.rpartition("/")[2], name, lambda *call: aws.invoke(name, call)

    return made
