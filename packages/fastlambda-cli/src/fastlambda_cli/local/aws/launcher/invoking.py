"""Whatever in ministack wants to run a function asks the local Lambda to, through Lambda's own Invoke API.

ministack has no code of the functions' that may run: its ways to run them are replaced here, before it starts. Those of
its event sources that wait for an answer (streams, custom resources, triggers of Cognito) invoke with
`RequestResponse`, those that do not (SNS, EventBridge, Scheduler, S3) with `Event`, as the services on AWS do. SQS is
not among them: the engine polls queues itself.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import threading
from collections.abc import Callable, Mapping
from contextvars import copy_context
from typing import Any, TypeAlias
from urllib.parse import quote

from delivering import dead_letter  # type: ignore[import-not-found,unused-ignore]
from ministack.services import eventbridge, lambda_svc, scheduler, sns  # type: ignore[import-not-found,unused-ignore]
from signing import Key  # type: ignore[import-not-found,unused-ignore]
from undelivered import Failure, failing, no_function  # type: ignore[import-not-found,unused-ignore]

Event: TypeAlias = Any
"""A function's event, as the value that JSON stands for."""

_LOG = logging.getLogger("fastlambda.invoking")
_ARN_PARTS = 7
"""The parts of a function's ARN before its qualifier."""
_NOT_FOUND = 404
_THROTTLED = 429
_OK = 200
_TICK_S = 1
"""How often schedules are looked at; ministack's ten seconds are long to wait for."""


class LocalLambda:
    """Lambda's Invoke at the front door.

    Args:
        port: Where the front door listens on 127.0.0.1.
        key: What is signed with.

    """

    def __init__(self, port: int, key: Key) -> None:
        self._port = port
        self._key = key

    def run(self, function: Mapping[str, Any], event: Event) -> dict[str, Any]:
        """Run an event and wait for the function's answer, in ministack's own terms for it."""
        if _on_event_loop():
            # The front door asks ministack about the function, which would wait here for ever.
            message = "The local AWS cannot invoke functions for this service."
            return {"body": {"errorType": "ServiceException", "errorMessage": message}, "error": True, "log": ""}
        configuration = function.get("config") or function
        status, headers, payload = self._invoke(configuration["FunctionArn"], event, "RequestResponse")
        body = json.loads(payload or b"null")
        if status == _THROTTLED:
            return {"throttle": True, "error": True, "body": body, "log": ""}
        failed = status != _OK or "x-amz-function-error" in headers
        if status != _OK:
            body = {"errorType": headers.get("x-amzn-errortype", "ServiceException"), "errorMessage": body["message"]}
        return {"body": body, "error": failed, "function_error": "Unhandled" if failed else None, "log": ""}

    def accept(self, arn: str, event: Event) -> str | None:
        """Hand over an event that nobody waits for; what Lambda says when there is no such function."""
        status, _, payload = self._invoke(arn, event, "Event")
        if status >= http.client.BAD_REQUEST and status != _NOT_FOUND:
            _LOG.error("An event for %s was not accepted: %s %s", arn, status, payload.decode(errors="replace"))
        return str(json.loads(payload)["message"]) if status == _NOT_FOUND else None

    def prepare(self, arn: str) -> None:
        """Have the environments started that are provisioned for an alias or a version."""
        status, _, payload = self._invoke(arn, {}, "DryRun")
        if status >= http.client.BAD_REQUEST:
            _LOG.error("%s was not prepared: %s %s", arn, status, payload.decode(errors="replace"))

    def _invoke(self, arn: str, event: Event, kind: str) -> tuple[int, Mapping[str, str], bytes]:
        path, body = f"/2015-03-31/functions/{quote(arn, safe='')}/invocations", json.dumps(event).encode()
        headers = {"content-type": "application/json", "x-amz-invocation-type": kind}
        signed = self._key.headers("POST", path, f"127.0.0.1:{self._port}", headers, body, "lambda")
        connection = http.client.HTTPConnection("127.0.0.1", self._port)
        try:
            connection.request("POST", path, body, signed)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()
        finally:
            connection.close()


def invoke_elsewhere(port: int, key: Key) -> None:
    """Have ministack run every function through the front door at this port, signing with this key."""
    local_lambda = LocalLambda(port, key)
    lambda_svc._execute_function = local_lambda.run  # noqa: SLF001
    lambda_svc._poll_sqs = lambda: False  # noqa: SLF001
    lambda_svc._esm_response = _with_state(lambda_svc._esm_response)  # noqa: SLF001
    lambda_svc._get_func_record_for_ref = _with_qualifier(lambda_svc._get_func_record_for_ref)  # noqa: SLF001

    def accept_retried(function: Mapping[str, Any], event: Event) -> None:
        configuration = function.get("config") or function
        apart(local_lambda.accept, configuration["FunctionArn"], event)

    def hand_over(arn: str, event: Event, failed: Callable[[Failure], None]) -> None:
        if missing := local_lambda.accept(arn, event):
            _LOG.warning("%s", missing)
            failed(no_function(missing))

    def accept_from_rule(arn: str, payload: str) -> None:
        # In this context for its account and Region, which the dead-letter queue is looked for in.
        apart(copy_context().run, hand_over, arn, _json_or_text(payload), failing.get())

    def accept_from_topic(endpoint: str, envelope: str, topic: str, subscription: str, *_: object) -> None:
        if local_lambda.accept(endpoint, _sns_event(endpoint, envelope, subscription)):
            _LOG.warning("SNS found no function %s for a message of %s", endpoint, topic)
            dead_letter(topic, subscription, envelope)

    lambda_svc.invoke_async_with_retry = accept_retried
    eventbridge._dispatch_to_lambda = accept_from_rule  # noqa: SLF001
    eventbridge._SCHEDULER_TICK_INTERVAL = scheduler._SCHEDULE_TICK_INTERVAL = _TICK_S  # noqa: SLF001
    sns._deliver_to_lambda = accept_from_topic  # noqa: SLF001


def _with_state(respond: Any) -> Any:
    """Show a mapping that a template makes disabled as that: ministack's CloudFormation calls every new one enabled."""

    def responded(mapping: Mapping[str, Any]) -> dict[str, Any]:
        enabled = str(mapping.get("Enabled", True)).lower() == "true"
        return {**respond(mapping), "State": "Enabled" if enabled else "Disabled"}

    return responded


def _with_qualifier(find: Any) -> Any:
    """Keep the alias or version that a function was asked for in its ARN: ministack puts the version's there."""

    def found(reference: str) -> tuple[Any, Any, str]:
        record, configuration, name = find(reference)
        if configuration is not None:
            _, qualifier = lambda_svc._resolve_name_and_qualifier(reference)  # noqa: SLF001
            unqualified = configuration["FunctionArn"].split(":")[:_ARN_PARTS]
            arn = ":".join([*unqualified, qualifier] if qualifier else unqualified)
            configuration = {**configuration, "FunctionArn": arn}
        return record, configuration, name

    return found


def _on_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def apart(accept: Any, *arguments: object) -> None:
    """Talk to the front door on a thread."""
    # Never on ministack's event loop, which the front door may need for its answer.
    threading.Thread(target=accept, args=arguments, name="event for a function", daemon=True).start()


def _json_or_text(payload: str) -> Event:
    try:
        return json.loads(payload)
    except ValueError:
        return payload  # what an input transformer makes without quotes is a string


def _sns_event(_: str, envelope: str, subscription: str) -> Event:
    """The event of AWS Lambda Developer Guide, "Invoking Lambda functions with Amazon SNS notifications"."""
    notification = json.loads(envelope)
    notification["SigningCertUrl"] = notification.pop("SigningCertURL")
    notification["UnsubscribeUrl"] = notification.pop("UnsubscribeURL")
    return {
        "Records": [
            {
                "EventVersion": "1.0",
                "EventSubscriptionArn": subscription,
                "EventSource": "aws:sns",
                "Sns": {"Subject": None, "MessageAttributes": {}} | notification,
            }
        ]
    }
