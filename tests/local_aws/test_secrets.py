"""A service's generated secrets are made once, grow when their description grows, and are never replaced."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.service.model import Configuration, SecretSpec, Service


def service(name, **secrets):
    return Service(
        root=Path(),
        name=name,
        configuration=Configuration(secrets=secrets),
        dependencies=(),
        local_sources={},
        lock=None,
    )


def ensure(aws, described):
    return aws.run(aws.aws.ensure_secrets(described, f"{described.name}-dev"))


def read(aws, arn):
    return json.loads(aws.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])


def test_every_key_gets_a_random_value_of_its_own(aws):
    described = service("fresh", app=SecretSpec(generate=("jwt_secret", "db_password")))

    arns = ensure(aws, described)

    values = read(aws, arns["APP_SECRET_ARN"])
    assert arns["APP_SECRET_ARN"].startswith("arn:aws:secretsmanager:us-east-1:000000000000:secret:fresh-dev/app-")
    assert values.keys() == {"jwt_secret", "db_password"}
    assert all(len(value) >= 43 for value in values.values())
    assert values["jwt_secret"] != values["db_password"]


def test_new_values_are_on_disk_before_anybody_uses_them(start_aws, tmp_path):
    with start_aws(tmp_path) as own:
        arns = ensure(own, service("durable", app=SecretSpec(generate=("jwt_secret",))))
        before = read(own, arns["APP_SECRET_ARN"])
        os.kill(own.aws.emulator_pid, signal.SIGKILL)
        assert read(own, arns["APP_SECRET_ARN"]) == before


def test_a_second_start_keeps_the_values_and_the_arn(aws):
    described = service("steady", app=SecretSpec(generate=("jwt_secret",)))

    first = ensure(aws, described)
    before = read(aws, first["APP_SECRET_ARN"])

    assert ensure(aws, described) == first
    assert read(aws, first["APP_SECRET_ARN"]) == before


def test_a_new_key_is_added_and_the_others_stay_even_those_put_by_hand(aws):
    arns = ensure(aws, service("growing", app=SecretSpec(generate=("jwt_secret",))))
    arn = arns["APP_SECRET_ARN"]
    by_hand = {"jwt_secret": "mine", "api_key": "mine too"}
    aws.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=json.dumps(by_hand))

    ensure(aws, service("growing", app=SecretSpec(generate=("jwt_secret", "db_password"))))

    values = read(aws, arn)
    assert values.pop("db_password")
    assert values == by_hand


def test_the_variable_is_the_one_that_the_service_names(aws):
    described = service("named", app=SecretSpec(generate=("key",), env="CREDENTIALS_ARN"))

    assert ensure(aws, described).keys() == {"CREDENTIALS_ARN"}


def test_a_secret_that_exists_elsewhere_is_only_named(aws):
    arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shared-AbCdEf"

    assert ensure(aws, service("sharing", shared=SecretSpec(arn=arn))) == {"SHARED_SECRET_ARN": arn}


@pytest.mark.parametrize("text", ["a plain password", "[1]"])
def test_a_secret_that_is_no_object_is_an_error_that_does_not_show_it(aws, text):
    name = f"plain{len(text)}"
    aws.client("secretsmanager").create_secret(Name=f"{name}-dev/app", SecretString=text)

    with pytest.raises(EmulatorError, match="not a JSON object") as caught:
        ensure(aws, service(name, app=SecretSpec(generate=("key",))))

    assert text not in f"{caught.value}{caught.value.remedy}{caught.value.__cause__}"


def test_a_secret_that_waits_for_its_deletion_is_a_clear_error(aws):
    described = service("leaving", app=SecretSpec(generate=("key",)))
    ensure(aws, described)
    aws.client("secretsmanager").delete_secret(SecretId="leaving-dev/app")

    with pytest.raises(EmulatorError, match=r"refused GetSecretValue of the secret leaving-dev/app: .*delet"):
        ensure(aws, described)
