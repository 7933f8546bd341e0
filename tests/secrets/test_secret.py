"""What `Secret` promises to an app, over real sockets."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from typing import TYPE_CHECKING, Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI
from pydantic import BaseModel, SecretStr

from fastlambda import metrics
from fastlambda.secrets import Secret, SecretError
from fastlambda.secretsmanager import Retry, SecretsManagerProvider

if TYPE_CHECKING:
    from .conftest import Clock, ScriptedSecretsManager


class AppSecrets(BaseModel):
    jwt_secret: SecretStr
    db_password: SecretStr


app_secrets = Secret(AppSecrets, env="APP_SECRET_ARN")


def value(jwt_secret: str) -> str:
    return json.dumps({"jwt_secret": jwt_secret, "db_password": "pw-of-" + jwt_secret})


def app_secret(clock: Clock) -> Secret[AppSecrets]:
    impatient = SecretsManagerProvider(Retry(attempts=1, timeout=5))
    return Secret(AppSecrets, env="APP_SECRET_ARN", provider=impatient, clock=clock)


def current(secret: Secret[AppSecrets]) -> str:
    return asyncio.run(secret.get()).jwt_secret.get_secret_value()


OUTAGE = (503, "Service Unavailable")


def test_a_secret_is_a_fastapi_dependency(scripted: ScriptedSecretsManager) -> None:
    scripted.versions["AWSCURRENT"] = value("one")
    app = FastAPI()

    @app.get("/")
    async def read(secrets: Annotated[AppSecrets, Depends(app_secrets)]) -> dict[str, object]:
        return {"length": len(secrets.jwt_secret), "shown": str(secrets.jwt_secret)}

    async def request() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.get("/")

    assert asyncio.run(request()).json() == {"length": 3, "shown": "**********"}


def test_a_value_is_asked_for_once_within_max_age(scripted: ScriptedSecretsManager, clock: Clock) -> None:
    scripted.versions["AWSCURRENT"] = value("one")
    secret = app_secret(clock)
    assert current(secret) == "one"
    scripted.versions["AWSCURRENT"] = value("two")
    clock.advance(299)
    assert current(secret) == "one"
    assert len(scripted.requests) == 1


def test_a_value_older_than_max_age_is_asked_for_again(scripted: ScriptedSecretsManager, clock: Clock) -> None:
    scripted.versions["AWSCURRENT"] = value("one")
    secret = app_secret(clock)
    current(secret)
    scripted.versions["AWSCURRENT"] = value("two")
    clock.advance(300)
    assert current(secret) == "two"


def test_a_clock_that_was_set_back_does_not_keep_a_value_for_ever(
    scripted: ScriptedSecretsManager, clock: Clock
) -> None:
    scripted.versions["AWSCURRENT"] = value("one")
    secret = app_secret(clock)
    current(secret)
    scripted.versions["AWSCURRENT"] = value("two")
    clock.advance(-3600)
    assert current(secret) == "two"


def test_many_requests_at_once_make_one_call_and_the_loop_goes_on(
    scripted: ScriptedSecretsManager, clock: Clock
) -> None:
    scripted.versions["AWSCURRENT"] = value("one")
    secret = app_secret(clock)

    async def crowd() -> list[AppSecrets]:
        scripted.gate.clear()
        waiting = [asyncio.create_task(secret.get()) for _ in range(20)]
        await asyncio.to_thread(scripted.reached.wait)  # would never return if a getter blocked the loop
        waiting[0].cancel()
        scripted.gate.set()
        return await asyncio.gather(*waiting[1:])

    assert {secrets.jwt_secret.get_secret_value() for secrets in asyncio.run(crowd())} == {"one"}
    assert len(scripted.requests) == 1


def test_the_last_good_value_is_served_while_secrets_manager_is_down(
    scripted: ScriptedSecretsManager, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    scripted.versions["AWSCURRENT"] = value("one")
    secret = app_secret(clock)
    current(secret)
    clock.advance(301)
    scripted.script.append(OUTAGE)
    metrics.clear_metrics()

    assert current(secret) == "one"

    [warning] = [record for record in caplog.records if record.name == "fastlambda.secrets"]
    assert warning.levelno == logging.WARNING
    assert "APP_SECRET_ARN" in warning.getMessage()
    assert "HTTP503" in warning.getMessage()
    assert metrics.serialize_metric_set()["SecretRefreshFailed"] == [1.0]
    metrics.clear_metrics()


def test_after_a_failed_refresh_secrets_manager_is_left_alone_for_a_while(
    scripted: ScriptedSecretsManager, clock: Clock
) -> None:
    scripted.versions["AWSCURRENT"] = value("one")
    secret = app_secret(clock)
    current(secret)
    clock.advance(301)
    scripted.script.append(OUTAGE)
    for _ in range(5):
        assert current(secret) == "one"
    assert len(scripted.requests) == 2

    scripted.versions["AWSCURRENT"] = value("two")
    clock.advance(10)
    assert current(secret) == "two"


def test_a_rotated_value_that_does_not_fit_leaves_the_last_good_one(
    scripted: ScriptedSecretsManager, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    scripted.versions["AWSCURRENT"] = value("one")
    secret = app_secret(clock)
    current(secret)
    scripted.versions["AWSCURRENT"] = json.dumps({"jwt_secret": "two"})
    clock.advance(301)
    assert current(secret) == "one"
    assert "db_password is missing" in caplog.text


def test_a_first_fetch_that_fails_names_the_variable_the_cause_and_the_remedy(
    scripted: ScriptedSecretsManager, clock: Clock
) -> None:
    denied = {"__type": "AccessDeniedException", "Message": "User is not authorized"}
    scripted.script.append((400, denied))
    with pytest.raises(SecretError) as caught:
        current(app_secret(clock))
    assert str(caught.value).startswith(
        "The secret that APP_SECRET_ARN names could not be read: AccessDeniedException: User is not authorized. "
    )
    assert "secretsmanager:GetSecretValue" in caught.value.remedy


def test_a_first_fetch_that_fails_is_not_repeated_by_every_request(
    scripted: ScriptedSecretsManager, clock: Clock
) -> None:
    scripted.script.append(OUTAGE)
    scripted.versions["AWSCURRENT"] = value("one")
    secret = app_secret(clock)
    for _ in range(3):
        with pytest.raises(SecretError):
            current(secret)
    assert len(scripted.requests) == 1
    clock.advance(10)
    assert current(secret) == "one"


def test_a_missing_variable_is_named(function_environment: pytest.MonkeyPatch, clock: Clock) -> None:
    function_environment.delenv("APP_SECRET_ARN", raising=False)
    with pytest.raises(SecretError, match="APP_SECRET_ARN is not set"):
        current(app_secret(clock))


class Typed(BaseModel):
    jwt_secret: SecretStr
    port: int


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"jwt_secret": "hunter2"}', "port is missing"),
        ('{"jwt_secret": "hunter2", "port": "hunter2"}', "port is invalid (int_parsing)"),
        ('["hunter2"]', "the whole is invalid (model_type)"),
        ("hunter2", "it is not JSON"),
    ],
)
def test_a_secret_that_does_not_fit_is_an_error_with_the_key_and_never_the_value(
    scripted: ScriptedSecretsManager, clock: Clock, text: str, complaint: str
) -> None:
    scripted.versions["AWSCURRENT"] = text
    secret = Secret(Typed, env="APP_SECRET_ARN", clock=clock)
    with pytest.raises(SecretError) as caught:
        asyncio.run(secret.get())
    assert complaint in str(caught.value)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None, "a chained error would carry the value to whoever inspects it"


def test_nothing_secret_is_in_a_repr_or_in_the_debug_log(
    scripted: ScriptedSecretsManager, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    scripted.versions["AWSCURRENT"] = value("hunter2")
    secret = app_secret(clock)
    with caplog.at_level(logging.DEBUG):
        shown = repr(asyncio.run(secret.get())) + repr(secret) + repr(vars(secret))
    assert repr(secret) == "Secret(AppSecrets, env='APP_SECRET_ARN')"
    assert "hunter2" not in shown + caplog.text


def test_refetch_asks_anew_but_a_flood_of_them_makes_one_call(scripted: ScriptedSecretsManager, clock: Clock) -> None:
    scripted.versions["AWSCURRENT"] = value("one")
    secret = app_secret(clock)
    current(secret)
    scripted.versions["AWSCURRENT"] = value("two")

    for _ in range(50):
        assert asyncio.run(secret.refetch()).jwt_secret.get_secret_value() == "two"
    assert len(scripted.requests) == 2

    clock.advance(10)
    asyncio.run(secret.refetch())
    assert len(scripted.requests) == 3


def test_refetch_serves_the_last_good_value_while_secrets_manager_is_down(
    scripted: ScriptedSecretsManager, clock: Clock
) -> None:
    scripted.versions["AWSCURRENT"] = value("one")
    secret = app_secret(clock)
    current(secret)
    scripted.script.append(OUTAGE)
    assert asyncio.run(secret.refetch()).jwt_secret.get_secret_value() == "one"


def test_there_is_no_previous_version_before_the_first_rotation_and_that_is_cached(
    scripted: ScriptedSecretsManager, clock: Clock
) -> None:
    scripted.versions["AWSCURRENT"] = value("one")
    secret = app_secret(clock)
    for _ in range(3):
        assert asyncio.run(secret.previous()) is None
    assert [request["VersionStage"] for request in scripted.requests] == ["AWSPREVIOUS"]


def test_a_rotation_seen_in_the_current_version_renews_the_previous_one_too(
    scripted: ScriptedSecretsManager, clock: Clock
) -> None:
    scripted.versions["AWSCURRENT"] = value("one")
    secret = app_secret(clock)
    current(secret)
    assert asyncio.run(secret.previous()) is None

    scripted.versions |= {"AWSCURRENT": value("two"), "AWSPREVIOUS": value("one")}
    asyncio.run(secret.refetch())

    previous = asyncio.run(secret.previous())
    assert previous is not None
    assert previous.jwt_secret.get_secret_value() == "one"
