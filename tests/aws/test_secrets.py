from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from fastlambda_cli.aws.secrets import Secrets
from fastlambda_cli.errors import SecretError


@pytest.fixture(scope="module")
def manager(local_aws):
    return local_aws.client("secretsmanager")


@pytest.fixture(scope="module")
def secrets(local_aws):
    return Secrets(local_aws)


@pytest.fixture
def name(unique):
    return f"{unique('shop')}/app"


def test_a_secret_is_made_with_a_value_for_every_key(secrets, manager, name):
    arn = secrets.ensure(name, ["jwt", "password"], {"team": "books"})
    values = json.loads(manager.get_secret_value(SecretId=arn)["SecretString"])
    assert set(values) == {"jwt", "password"}
    assert min(map(len, values.values())) == 43  # 32 random bytes
    assert values["jwt"] != values["password"]
    assert manager.describe_secret(SecretId=arn)["Tags"] == [{"Key": "team", "Value": "books"}]


def test_a_key_that_was_added_is_added_and_the_others_are_kept(secrets, manager, name):
    arn = secrets.ensure(name, ["jwt"], {})
    before = json.loads(manager.get_secret_value(SecretId=arn)["SecretString"])
    assert secrets.arn_if_complete(name, ["jwt", "password"]) is None
    assert secrets.ensure(name, ["password"], {}) == arn
    after = json.loads(manager.get_secret_value(SecretId=arn)["SecretString"])
    assert set(after) == {"jwt", "password"}
    assert after["jwt"] == before["jwt"]


def test_a_complete_secret_is_left_alone(secrets, manager, name):
    arn = secrets.ensure(name, ["jwt"], {})
    version = manager.get_secret_value(SecretId=arn)["VersionId"]
    assert secrets.ensure(name, ["jwt"], {}) == secrets.arn_if_complete(name, ["jwt"]) == arn
    assert manager.get_secret_value(SecretId=arn)["VersionId"] == version


def test_looking_makes_nothing(secrets, name):
    assert secrets.arn_if_complete(name, ["jwt"]) is None
    assert secrets.arn_if_complete(name, ["jwt"]) is None


def test_two_people_at_once_get_one_secret(local_aws, name):
    with ThreadPoolExecutor(4) as pool:
        arns = set(pool.map(lambda _: Secrets(local_aws).ensure(name, ["jwt"], {}), range(4)))
    assert len(arns) == 1


def test_a_secret_that_is_to_be_deleted_is_told_with_the_command_that_takes_it_back(secrets, manager, name):
    secrets.ensure(name, ["jwt"], {})
    manager.delete_secret(SecretId=name, RecoveryWindowInDays=7)
    with pytest.raises(SecretError, match="scheduled for deletion") as caught:
        secrets.ensure(name, ["jwt"], {})
    assert f"restore-secret --secret-id {name}" in caught.value.remedy


def test_a_value_that_is_no_object_is_refused_and_not_shown(secrets, manager, name):
    manager.create_secret(Name=name, SecretString="hunter2")
    with pytest.raises(SecretError, match="not a JSON object") as caught:
        secrets.ensure(name, ["jwt"], {})
    assert "hunter2" not in caught.value.in_one_line()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert manager.get_secret_value(SecretId=name)["SecretString"] == "hunter2"


def test_a_secret_made_without_a_value_gets_one(secrets, manager, name):
    made = manager.create_secret(Name=name)["ARN"]
    assert secrets.ensure(name, ["jwt"], {}) == made
    assert "jwt" in json.loads(manager.get_secret_value(SecretId=made)["SecretString"])
