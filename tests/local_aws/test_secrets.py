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


def read(aws, arn):
    return json.loads(aws.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])


def test_every_key_gets_a_random_value_of_its_own(aws):
    described = service("fresh", app=SecretSpec(generate=("jwt_secret", "db_password")))

    arns = aws.run(aws.aws.ensure_secrets(described))

    values = read(aws, arns["APP_SECRET_ARN"])
    assert arns["APP_SECRET_ARN"].startswith("arn:aws:secretsmanager:us-east-1:000000000000:secret:fresh/app-")
    assert values.keys() == {"jwt_secret", "db_password"}
    assert all(len(value) >= 43 for value in values.values())
    assert values["jwt_secret"] != values["db_password"]


def test_new_values_are_on_disk_before_anybody_uses_them(start_aws, tmp_path):
    with start_aws(tmp_path) as own:
        arns = own.run(own.aws.ensure_secrets(service("durable", app=SecretSpec(generate=("jwt_secret",)))))
        before = read(own, arns["APP_SECRET_ARN"])
        os.kill(own.aws.emulator_pid, signal.SIGKILL)
        assert read(own, arns["APP_SECRET_ARN"]) == before


def test_a_second_start_keeps_the_values_and_the_arn(aws):
    described = service("steady", app=SecretSpec(generate=("jwt_secret",)))

    first = aws.run(aws.aws.ensure_secrets(described))
    before = read(aws, first["APP_SECRET_ARN"])

    assert aws.run(aws.aws.ensure_secrets(described)) == first
    assert read(aws, first["APP_SECRET_ARN"]) == before


def test_a_new_key_is_added_and_the_others_stay_even_those_put_by_hand(aws):
    arns = aws.run(aws.aws.ensure_secrets(service("growing", app=SecretSpec(generate=("jwt_secret",)))))
    arn = arns["APP_SECRET_ARN"]
    by_hand = {"jwt_secret": "mine", "api_key": "mine too"}
    aws.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=json.dumps(by_hand))

    aws.run(aws.aws.ensure_secrets(service("growing", app=SecretSpec(generate=("jwt_secret", "db_password")))))

    values = read(aws, arn)
    assert values.pop("db_password")
    assert values == by_hand


def test_the_variable_is_the_one_that_the_service_names(aws):
    described = service("named", app=SecretSpec(generate=("key",), env="CREDENTIALS_ARN"))

    assert aws.run(aws.aws.ensure_secrets(described)).keys() == {"CREDENTIALS_ARN"}


def test_a_secret_that_exists_elsewhere_is_only_named(aws):
    arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shared-AbCdEf"

    assert aws.run(aws.aws.ensure_secrets(service("sharing", shared=SecretSpec(arn=arn)))) == {"SHARED_SECRET_ARN": arn}


@pytest.mark.parametrize("text", ["a plain password", "[1]"])
def test_a_secret_that_is_no_object_is_an_error_that_does_not_show_it(aws, text):
    name = f"plain{len(text)}"
    aws.client("secretsmanager").create_secret(Name=f"{name}/app", SecretString=text)

    with pytest.raises(EmulatorError, match="not a JSON object") as caught:
        aws.run(aws.aws.ensure_secrets(service(name, app=SecretSpec(generate=("key",)))))

    assert text not in f"{caught.value}{caught.value.remedy}{caught.value.__cause__}"


def test_a_secret_that_waits_for_its_deletion_is_a_clear_error(aws):
    described = service("leaving", app=SecretSpec(generate=("key",)))
    aws.run(aws.aws.ensure_secrets(described))
    aws.client("secretsmanager").delete_secret(SecretId="leaving/app")

    with pytest.raises(EmulatorError, match=r"refused GetSecretValue of the secret leaving/app: .*delet"):
        aws.run(aws.aws.ensure_secrets(described))
