"""What becomes of events that nobody waits for.

A function's EventInvokeConfig, of the version or alias that was invoked, says how often it is tried again, how old an
event may grow and where a record of its end goes; its DeadLetterConfig, where the event itself goes when it failed: AWS
Lambda Developer Guide, "Invoking a Lambda function asynchronously".
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.aws.async_invocations import Condition, Ending, Limits
from fastlambda_cli.local.aws.deployed.state import DeployedState, FunctionRecord
from fastlambda_cli.local.aws.events.emulated import Queue, QueueMissingError, Services
from fastlambda_cli.local.aws.function_names import FunctionReference, parse_function_name
from fastlambda_cli.local.aws.permissions import DeniedError, Permissions
from fastlambda_cli.local.model import LATEST, Invocation, Notice, Sink

Accept = Callable[[FunctionReference, Invocation], None]
"""Runs an event of a function in the background."""

_ACTIONS = {
    "sqs": "sqs:SendMessage",
    "sns": "sns:Publish",
    "lambda": "lambda:InvokeFunction",
    "events": "events:PutEvents",
}
"""What the role has to allow (the Guide's "Capturing records of Lambda asynchronous invocations")."""
_MESSAGE_BYTES = 1024
"""How much of the error's message a dead letter has."""


class Destinations:
    """Looks up where events end, and sends them there.

    Args:
        state: Knows the functions' configurations.
        services: Reaches queues, topics and buses.
        permissions: What functions' roles allow.
        sink: Is told what could not be sent.

    """

    def __init__(self, state: DeployedState, services: Services, permissions: Permissions, sink: Sink) -> None:
        self._state = state
        self._services = services
        self._permissions = permissions
        self._sink = sink

    def of(self, function: FunctionReference, accept: Accept) -> Aftermath:
        """What becomes of the events of a function.

        Args:
            function: The function, as it was invoked.
            accept: Hands a record to a function that is a destination.

        """
        return Aftermath(function, accept, self._state, self._services, self._permissions, self._sink)


@dataclasses.dataclass(frozen=True, slots=True)
class Aftermath:
    """What becomes of the events of one function, as it was invoked."""

    function: FunctionReference
    accept: Accept
    state: DeployedState
    services: Services
    permissions: Permissions
    sink: Sink

    async def limits(self) -> Limits:
        """How often, and for how long, an event is tried.

        Raises:
            EmulatorError: The emulator does not answer.

        """
        settings = await self._settings()
        record = await self.state.function(self.function.name, LATEST)
        return Limits(
            retries=settings.get("MaximumRetryAttempts"),
            age_s=settings.get("MaximumEventAgeInSeconds"),
            stopped=record is not None and record.reserved == 0,
        )

    async def ended(self, ending: Ending) -> bool:
        """Send what is to be sent of an event that ended; return whether it failed and is kept somewhere."""
        try:
            return await self._sent(ending)
        except (EmulatorError, QueueMissingError) as problem:
            what = f"The end of the event {ending.invocation.request_id} of {self.function.name}"
            self.sink(Notice(f"{what} could not be recorded: {problem!r}", warning=True))
            return False

    async def _sent(self, ending: Ending) -> bool:
        kind = "OnSuccess" if ending.condition is Condition.SUCCESS else "OnFailure"
        settings = await self._settings()
        destination = settings.get("DestinationConfig", {}).get(kind, {}).get("Destination")
        function = await self.state.function(self.function.name, LATEST)
        kept = False
        if destination and await self._may(function, destination):
            await self._send(destination, self._record(ending), ending)
            kept = True
        if ending.condition is Condition.SUCCESS:
            return False
        dead_letters = function.configuration.get("DeadLetterConfig", {}).get("TargetArn") if function else None
        if dead_letters and await self._may(function, dead_letters):
            await self._bury(dead_letters, ending)
            kept = True
        return kept

    async def _may(self, function: FunctionRecord | None, target: str) -> bool:
        """Whether the function's role lets Lambda send there; what it does not is dropped, and told."""
        action = _ACTIONS.get(target.split(":")[2])
        if function is None or action is None:
            return True
        try:
            await self.permissions.check_function(function.configuration, action, target)
        except DeniedError as problem:
            self.sink(Notice(f"{target} got no record of {self.function.name}. {problem}", warning=True))
            return False
        return True

    async def _settings(self) -> Mapping[str, Any]:
        return await self.state.event_invoke_config(self.function.name, self.function.qualifier) or {}

    def _record(self, ending: Ending) -> dict[str, Any]:
        """The record of the Guide's "Capturing records of Lambda asynchronous invocations"."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        record: dict[str, Any] = {
            "version": "1.0",
            "timestamp": now,
            "requestContext": {
                "requestId": ending.invocation.request_id,
                "functionArn": _qualified(self.function).arn,
                "condition": ending.condition.value,
                "approximateInvokeCount": ending.invocations,
            },
            "requestPayload": json.loads(ending.invocation.payload),
        }
        if ending.result is not None:
            context: dict[str, Any] = {"statusCode": 200, "executedVersion": ending.result.executed_version}
            if ending.result.function_error is not None:
                context["functionError"] = ending.result.function_error
            record["responseContext"] = context
            record["responsePayload"] = json.loads(ending.result.payload)
        return record

    async def _send(self, destination: str, record: Mapping[str, Any], ending: Ending) -> None:
        service = destination.split(":")[2]
        text = json.dumps(record)
        if service == "sqs":
            await Queue(self.services, destination.rpartition(":")[2]).send(text)
        elif service == "sns":
            await self.services.publish({"TopicArn": destination, "Message": text})
        elif service == "lambda" and (function := parse_function_name(destination, None)):
            self.accept(function, Invocation(text.encode(), invoked_arn=function.arn))
        elif service == "events":
            outcome = "Success" if ending.condition is Condition.SUCCESS else "Failure"
            await self.services.put_event(
                {
                    "Source": "lambda",
                    "DetailType": f"Lambda Function Invocation Result - {outcome}",
                    "Resources": [destination, _qualified(self.function).arn],
                    "Detail": text,
                    "EventBusName": destination,
                }
            )
        else:
            self.sink(Notice(f"The local AWS sends no records to {destination}", warning=True))

    async def _bury(self, target: str, ending: Ending) -> None:
        """Send the event itself, with the attributes of the Guide's "Dead-letter queues"."""
        text = ending.invocation.payload.decode()
        attributes = {
            "RequestID": {"DataType": "String", "StringValue": ending.invocation.request_id},
            "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        }
        if message := _error_message(ending):
            attributes["ErrorMessage"] = {"DataType": "String", "StringValue": message}
        if target.split(":")[2] == "sqs":
            await Queue(self.services, target.rpartition(":")[2]).send(text, attributes)
        else:
            await self.services.publish({"TopicArn": target, "Message": text}, attributes)


def _qualified(function: FunctionReference) -> FunctionReference:
    return function._replace(qualifier=function.qualifier or LATEST)


def _error_message(ending: Ending) -> str:
    error = json.loads(ending.result.payload) if ending.result else {}
    message = str(error.get("errorMessage", "")) if isinstance(error, dict) else ""
    return message.encode()[:_MESSAGE_BYTES].decode(errors="ignore")
