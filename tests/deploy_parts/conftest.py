from __future__ import annotations

import contextlib

import httpx
import pytest
from no_tls import NO_TLS

from fastlambda_cli.aws.registry import registry_login
from fastlambda_cli.aws.stacks import Stacks
from fastlambda_cli.deploy.bootstrap import STACK_NAME
from local_aws import local_aws  # noqa: F401  one of this room's own, whose bootstrap is taken away


@pytest.fixture
def image_uri(local_aws, unique):  # noqa: F811 - the fixture
    """An image of the local AWS's registry."""
    made = local_aws.client("ecr").create_repository(repositoryName=unique("images"))["repository"]
    manifest = f"{local_aws.endpoint_url}/v2/{made['repositoryName']}/manifests/one"
    kind, login = {"content-type": "application/vnd.oci.image.manifest.v1+json"}, registry_login(local_aws, "localhost")
    answer = httpx.put(manifest, content=b"{}", headers=kind, auth=login, verify=NO_TLS)
    return f"{made['repositoryUri']}@{answer.headers['docker-content-digest']}"


@pytest.fixture
def values_for():
    """Give every parameter of a service's template a value of the right shape."""

    def values_for(document, **others):
        known = {
            "ArtifactBucket": "artifacts",
            "ArtifactKey": "a.zip",
            "ArtifactSha256": "A" * 43 + "=",
            "ImageUri": f"000000000000.dkr.ecr.us-east-1.amazonaws.com/fastlambda@sha256:{'a' * 64}",
            **others,
        }
        arns = {name: _arn(item) for name, item in document["Parameters"].items() if name.endswith("SecretArn")}
        return {**{name: value for name, value in known.items() if name in document["Parameters"]}, **arns}

    return values_for


def _arn(declaration):
    name = declaration["AllowedPattern"].partition(":secret:")[2].removesuffix("-[A-Za-z0-9]{6}$")
    return f"arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}-AbCdEf"


@pytest.fixture
def stacks(local_aws):  # noqa: F811 - the fixture
    """CloudFormation in an account without a bootstrap, and without one again afterwards."""
    stacks = Stacks(local_aws)
    _remove(local_aws, stacks)
    yield stacks
    _remove(local_aws, stacks)


def _remove(aws, stacks):
    stack = stacks.describe(STACK_NAME)
    if stack:
        stacks.protect(STACK_NAME, enabled=False)
        since = stacks.last_event(stack.id)
        stacks.delete(STACK_NAME)
        stacks.follow(stack.id, since, lambda _: None)
    ecr = aws.client("ecr")
    with contextlib.suppress(ecr.exceptions.RepositoryNotFoundException):
        ecr.delete_repository(repositoryName="fastlambda", force=True)
