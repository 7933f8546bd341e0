"""The table of the records: Powertools' DynamoDB layer, its calls apart from the work between them.

Powertools calls the function between its own two calls, and no coroutine is done when it returns. So the function that
it gets here ends with what is no Exception, for which Powertools neither completes nor deletes a record, and what
became of the work is told to its persistence layer afterwards.
"""

from __future__ import annotations

import copy
import functools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, cast

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyAlreadyInProgressError,
    IdempotencyKeyError,
    IdempotencyPersistenceLayerError,
    IdempotencyValidationError,
)
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from jmespath.exceptions import JMESPathError  # type: ignore[import-untyped]

from fastlambda.errors import IdempotencyError, InProgressError, InvalidMessageError, KeyReusedError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# Threads that FastAPI runs calls in (AnyIO, "Adjusting the default maximum worker thread count"): each may need one.
_CONNECTIONS = 40
# Of single requests that DynamoDB answers within milliseconds. botocore's own minute outlasts most invocations.
_CONNECT_S = 2
_READ_S = 5


@dataclass(frozen=True, slots=True)
class Earlier:
    """What work that was done before has left.

    Attributes:
        result: What was kept of it, as JSON has it.

    """

    result: Any


class Deadline(Protocol):
    """What of an invocation's context is needed."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left."""
        ...


class _UndecidedError(BaseException):
    """The work has yet to be done."""


def _undecided(*, data: Any) -> NoReturn:
    raise _UndecidedError(data)


class Store:
    """The records of one name in a table.

    Args:
        table: The table's name.
        name: Before all keys, so that others of the same table are others.
        key: A JMESPath expression: what of the data is the key.
        payload: One for what has to be the same whenever the key is; empty for nothing.
        expires: Seconds that a record counts.

    """

    def __init__(self, table: str, name: str, *, key: str, payload: str, expires: int) -> None:
        self._name = name
        # A copy shares the client, and has a configuration of its own.
        self._layer = copy.copy(_layer(table))
        self._config = functools.partial(
            IdempotencyConfig,
            event_key_jmespath=key,
            payload_validation_jmespath=payload,
            raise_on_no_idempotency_key=True,
            expires_after_seconds=expires,
            hash_function="sha256",
        )
        # Now: a layer that several threads see for the first time may give one of them another's half of it.
        self._layer.configure(self._config(), key_prefix=name)

    def hold(self, data: Any, deadline: Deadline) -> Earlier | None:
        """Take the key until a deadline; return what has been done for it already.

        Raises:
            InProgressError: Somebody else has it.
            KeyReusedError: It came with another payload before.
            InvalidMessageError: There is no key in the data.
            IdempotencyError: The table cannot be used, or the key is not of texts, numbers and the like.

        """
        once = idempotent_function(
            _undecided,
            data_keyword_argument="data",
            persistence_store=self._layer,
            config=self._config(lambda_context=cast("LambdaContext", deadline)),
            key_prefix=self._name,
        )
        try:
            return Earlier(once(data=data))
        except _UndecidedError:
            return None
        except IdempotencyAlreadyInProgressError:
            problem: Exception = InProgressError(
                f"The same is being done already for {self._name}",
                why="its idempotency record is in progress, until the deadline of the invocation that made it",
            )
        except IdempotencyValidationError:
            problem = KeyReusedError(
                f"A key of {self._name} came with another payload", why="its idempotency record is of a different one"
            )
        except IdempotencyKeyError:
            problem = _without_key("there is nothing where it is looked for")
        except IdempotencyPersistenceLayerError as error:
            match error.__cause__:
                case JMESPathError():  # whose own words would show values of the message
                    problem = _without_key("the expression does not fit the message")
                case TypeError() as of_json:
                    problem = IdempotencyError(
                        f"A key of {self._name} cannot be compared",
                        why=str(of_json),
                        remedy="Make it of texts, numbers, dates, UUIDs, and lists and dicts of them.",
                    )
                case cause:
                    raise _unusable(cause) from error
        raise problem

    def keep(self, data: Any, result: Any) -> None:
        """Note that the work is done.

        Args:
            data: As the key was taken with.
            result: What is kept of it.

        Raises:
            IdempotencyError: The table cannot be used.

        """
        try:
            self._layer.save_success(data, result)
        except (BotoCoreError, ClientError) as error:
            raise _unusable(error) from error

    def release(self, data: Any, error: BaseException) -> None:
        """Give the key back.

        Args:
            data: As it was taken with.
            error: Why the work is not done.

        Raises:
            IdempotencyError: The table cannot be used.

        """
        try:
            self._layer.delete_record(data, error)  # type: ignore[arg-type]  # Powertools tells the name of its type
        except (BotoCoreError, ClientError) as problem:
            raise _unusable(problem) from problem


def _unusable(problem: BaseException | None) -> IdempotencyError:
    return IdempotencyError(
        "The idempotency table cannot be used",
        why=str(problem),
        remedy="The function's role needs dynamodb:GetItem, PutItem, UpdateItem and DeleteItem on it.",
    )


def _without_key(why: str) -> InvalidMessageError:
    return InvalidMessageError("The message has no idempotency key", why=why)


@functools.cache
def _layer(table: str) -> DynamoDBPersistenceLayer:
    """Make the one client that all records share: it is most of what idempotency costs INIT."""
    config = Config(
        region_name=os.environ.get("AWS_REGION"),  # the SDK itself reads AWS_DEFAULT_REGION, which only Lambda sets
        connect_timeout=_CONNECT_S,
        read_timeout=_READ_S,
        max_pool_connections=_CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": 3},
    )
    return DynamoDBPersistenceLayer(table, boto_config=config)
