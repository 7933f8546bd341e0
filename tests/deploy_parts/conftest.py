from __future__ import annotations

import pytest

from local_aws import local_aws, unique  # noqa: F401


@pytest.fixture
def values_for():
    """Give every parameter of a service's template a value of the right shape."""

    def values_for(document):
        known = {"ArtifactBucket": "artifacts", "ArtifactKey": "a.zip", "ArtifactSha256": "A" * 43 + "="}
        arns = {name: _arn(item) for name, item in document["Parameters"].items() if name.endswith("SecretArn")}
        return {**known, **arns}

    return values_for


def _arn(declaration):
    name = declaration["AllowedPattern"].partition(":secret:")[2].removesuffix("-[A-Za-z0-9]{6}$")
    return f"arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}-AbCdEf"
