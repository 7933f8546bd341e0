"""Typed secrets: a Pydantic model read from Secrets Manager, fresh enough, and there while AWS is not.

    class AppSecrets(BaseModel):
        jwt_secret: SecretStr

    app_secrets = Secret(AppSecrets, env="APP_SECRET_ARN")

    @app.get("/")
    async def route(secrets: Annotated[AppSecrets, Depends(app_secrets)]) -> None: ...

Powertools Parameters fetches; the cache is here, because Powertools' own keys do not tell AWSPREVIOUS from
AWSCURRENT, and because a value that has expired is still wanted while Secrets Manager is down.
"""

from __future__ import annotations

import json
import logging
import os
import time
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from aws_lambda_powertools.metrics import MetricUnit
from pydantic import BaseModel, ValidationError

from fastlambda.errors import FastLambdaError
from fastlambda.observe.metrics import metrics
from fastlambda.powertools_parameters import GetParameterError
from fastlambda.refreshed import Refreshed
from fastlambda.secretsmanager import SecretsManagerError, provider_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastlambda.powertools_parameters import BaseProvider

Model = TypeVar("Model", bound=BaseModel)

_CURRENT = "AWSCURRENT"
_PREVIOUS = "AWSPREVIOUS"
_NOT_FOUND = "ResourceNotFoundException"
_REMEDIES = {
    "AccessDeniedException": "Allow secretsmanager:GetSecretValue on it, and kms:Decrypt on its key, in the role",
    "CertificateBundle": "Correct AWS_CA_BUNDLE, or unset it",
    "UnrecognizedClientException": "Check the credentials in the environment",
    "ExpiredTokenException": "Renew the credentials in the environment",
    _NOT_FOUND: "Check the ARN and its region, and that the secret has a value",
    "Unreachable": "In a VPC, give Secrets Manager an interface endpoint or the subnet a NAT gateway",
}

_log = logging.getLogger(__name__)


class SecretError(FastLambdaError):
    """A secret could not be read, or is not what its model says. The message never holds a value.

    Attributes:
        code: The API's error code, such as "AccessDeniedException"; empty when the API was not the cause.

    """

    def __init__(self, what: str, *, why: str = "", remedy: str = "", code: str = "") -> None:
        super().__init__(what, why=why, remedy=remedy)
        self.code = code


class Secret(Generic[Model]):
    """One secret as a Pydantic model: a FastAPI dependency, and awaitable anywhere else.

    Reading never blocks the event loop, however many requests ask at once there is one call, and a value that was
    once good is served while Secrets Manager fails: with a warning in the log and the metric SecretRefreshFailed.

    Args:
        model: What the secret's JSON object must hold; SecretStr fields keep values out of reprs and logs.
        env: The environment variable that holds the secret's ARN (or name); read at the first use.
        max_age: Seconds for which a value is used without asking again.
        retry_after: Seconds between two calls, at least: after a failure, and when `refetch` forces them.
        provider: A Powertools parameter provider, such as `SecretsProvider(boto_config=...)`; by default one that
            starts fast.
        clock: Seconds since the epoch. Not the monotonic clock, which may stand still while the environment is
            frozen.

    """

    def __init__(  # each has its own default and is named at the call
        self,
        model: type[Model],
        *,
        env: str,
        max_age: float = 300.0,
        retry_after: float = 10.0,
        provider: BaseProvider | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._model = model
        self._env = env
        self._max_age = max_age
        self._provider = provider
        refreshed = partial(Refreshed, retry_after=retry_after, on_stale=self._report_stale, clock=clock)
        self._current: Refreshed[Model] = refreshed(self._read_current)
        self._previous: Refreshed[Model | None] = refreshed(self._read_previous)
        self._last: Model | None = None

    def __repr__(self) -> str:
        return f"Secret({self._model.__name__}, env={self._env!r})"

    async def __call__(self) -> Model:
        """Return the current value, for `Depends`; raises SecretError as `get` does."""
        return await self.get()

    async def get(self) -> Model:
        """Return the current value (AWSCURRENT), at most `max_age` seconds old unless Secrets Manager fails.

        Raises:
            SecretError: No value was ever read, and now it cannot be.

        """
        return await self._current.get(self._max_age)

    async def refetch(self) -> Model:
        """Return the current value, asked for anew: for an authentication that has just failed.

        Asks at most once in `retry_after` seconds, so that a flood of bad tokens is no flood of calls.

        Raises:
            SecretError: No value was ever read, and now it cannot be.

        """
        return await self._current.get(self._max_age, force=True)

    async def previous(self) -> Model | None:
        """Return the value before the last rotation (AWSPREVIOUS), cached as the current one; None without one.

        Raises:
            SecretError: It was never read, and now it cannot be.

        """
        return await self._previous.get(self._max_age)

    def _read_current(self) -> Model:
        value = self._validated(self._ask(_CURRENT))
        if self._last is not None and self._last != value:
            self._previous.forget()  # the secret was rotated, and both labels moved
        self._last = value
        return value

    def _read_previous(self) -> Model | None:
        try:
            return self._validated(self._ask(_PREVIOUS))
        except SecretError as error:
            if error.code == _NOT_FOUND:  # never rotated: no version carries the label
                return None
            raise

    def _ask(self, stage: str) -> str | bytes:
        name = os.environ.get(self._env)
        if not name:
            raise SecretError(
                f"{self._env} is not set",
                why="it names the secret to read",
                remedy="Set it to the secret's ARN; `fastlambda dev` does so for a secret in pyproject.toml",
            )
        try:
            if self._provider is None:
                self._provider = provider_for(name, os.environ)
            # No caching there: Powertools' cache keys leave the stage out.
            text = self._provider.get(name, max_age=0, VersionStage=stage)
        except (GetParameterError, SecretsManagerError) as error:
            code = _code_of(error)
            raise SecretError(
                f"The secret that {self._env} names could not be read",
                why=str(error),
                remedy=_REMEDIES.get(code, ""),
                code=code,
            ) from error
        return cast("str | bytes", text)  # not a dict, as no transform was asked for

    def _validated(self, text: str | bytes) -> Model:
        try:
            return self._model.model_validate(json.loads(text))
        except ValidationError as error:
            faults = [_fault(item["loc"], item["type"]) for item in error.errors(include_input=False)]
        except ValueError:
            faults = ["it is not JSON"]
        # Raised outside the except blocks: both errors carry the secret itself.
        raise SecretError(
            f"The secret that {self._env} names does not fit {self._model.__name__}",
            why="; ".join(faults),
            remedy="Put a JSON object with these keys into the secret",
        )

    def _report_stale(self, error: Exception) -> None:
        _log.warning("The last good value of the secret in %s is used: %s", self._env, error)
        metrics.add_metric(name="SecretRefreshFailed", unit=MetricUnit.Count, value=1)


def _code_of(error: Exception) -> str:
    """Return the API's error code: Powertools keeps the provider's exception only as the context of its own."""
    cause = error.__context__ if isinstance(error, GetParameterError) else error
    if isinstance(cause, SecretsManagerError):
        return cause.code
    response = getattr(cause, "response", {})  # botocore's ClientError; nothing else has one
    return str(response.get("Error", {}).get("Code", ""))


def _fault(location: tuple[int | str, ...], kind: str) -> str:
    # Pydantic's messages may quote the value, its error types never do.
    key = ".".join(map(str, location)) or "the whole"
    return f"{key} is missing" if kind == "missing" else f"{key} is invalid ({kind})"
