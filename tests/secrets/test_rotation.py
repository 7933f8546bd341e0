"""A secret's whole life against the emulator: made, rotated, gone."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from pydantic import BaseModel, SecretStr

from fastlambda.secrets import Secret, SecretError
from fastlambda.secretsmanager import SecretsManagerProvider

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Clock


class Keys(BaseModel):
    key: SecretStr


@pytest.fixture
def arn(secrets_manager: Any, function_environment: pytest.MonkeyPatch) -> Iterator[str]:
    """A secret whose key is "one", which APP_SECRET_ARN names."""
    made = secrets_manager.create_secret(Name="rotating", SecretString=json.dumps({"key": "one"}))
    function_environment.setenv("APP_SECRET_ARN", made["ARN"])
    yield made["ARN"]
    secrets_manager.delete_secret(SecretId=made["ARN"], ForceDeleteWithoutRecovery=True)


@pytest.fixture(params=[SecretsManagerProvider, SecretsProvider])
def secret(request: pytest.FixtureRequest, arn: str, clock: Clock) -> Secret[Keys]:
    """The secret through each provider: ours with one request, and Powertools' with a boto3 client."""
    assert arn
    return Secret(Keys, env="APP_SECRET_ARN", provider=request.param(), clock=clock)


def key_of(keys: Keys | None) -> str | None:
    return keys and keys.key.get_secret_value()


def test_a_rotation_is_followed_on_demand(secret: Secret[Keys], arn: str, secrets_manager: Any) -> None:
    assert key_of(asyncio.run(secret.get())) == "one"
    assert asyncio.run(secret.previous()) is None

    secrets_manager.put_secret_value(SecretId=arn, SecretString=json.dumps({"key": "two"}))
    assert key_of(asyncio.run(secret.get())) == "one", "still fresh"
    assert key_of(asyncio.run(secret.refetch())) == "two"
    assert key_of(asyncio.run(secret.previous())) == "one"


def test_a_secret_that_does_not_exist_is_an_error_with_its_code(
    arn: str, function_environment: pytest.MonkeyPatch
) -> None:
    function_environment.setenv("APP_SECRET_ARN", arn.replace("rotating", "missing"))
    with pytest.raises(SecretError) as caught:
        asyncio.run(Secret(Keys, env="APP_SECRET_ARN").get())
    assert caught.value.code == "ResourceNotFoundException"
    assert "Check the ARN" in caught.value.remedy
