"""Event source mappings that Lambda refuses are refused, whoever makes them; ministack makes them all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.services import lambda_svc, sqs  # type: ignore[import-not-found,unused-ignore]
from needed import when_needed  # type: ignore[import-not-found,unused-ignore]
from roles import may_receive  # type: ignore[import-not-found,unused-ignore]

_BATCH_OF_ONE_RECEIVE = 10
_WINDOW = "MaximumBatchingWindowInSeconds"


def check_mappings() -> None:
    """Check mappings of queues when they are made or changed, by the API or by a stack.

    What Lambda tells is in the public issues of serverless/serverless (8989), aws/chalice (1778) and
    github-aws-runners/terraform-aws-github-runner (465), and in LocalStack's `event_source_mapping_config`.
    """
    create, update = lambda_svc._create_esm, lambda_svc._update_esm  # noqa: SLF001

    def created(asked: dict[str, Any]) -> Any:
        problem = _missing_queue(asked) or _problem(asked, asked)
        return _refused(problem) if problem else create(asked)

    def updated(mapping: str, asked: dict[str, Any]) -> Any:
        problem = _problem({**(lambda_svc._esms.get(mapping) or {}), **asked}, asked)  # noqa: SLF001
        return _refused(problem) if problem else update(mapping, asked)

    lambda_svc._create_esm, lambda_svc._update_esm = created, updated  # noqa: SLF001
    when_needed("cloudformation", _check_in_stacks)


def _check_in_stacks(cloudformation: Any) -> None:
    # A queue that is not there is left to the poller, which tells: a service may consume one of an account on AWS.
    handlers = cloudformation.provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]  # noqa: SLF001
    create, update = handlers["create"], handlers["update"]

    def created(logical_id: str, properties: Mapping[str, Any], stack_name: str) -> Any:
        _raise(_problem(properties, properties))
        return create(logical_id, properties, stack_name)

    def updated(physical_id: str, before: Mapping[str, Any], after: Mapping[str, Any], *rest: Any, **more: Any) -> Any:
        _raise(_problem(after, {name: value for name, value in after.items() if before.get(name) != value}))
        return update(physical_id, before, after, *rest, **more)

    handlers.update(create=created, update=updated)


def _raise(problem: str | None) -> None:
    if problem:
        raise ValueError(f"Invalid request provided: {problem}")


def _refused(problem: str) -> Any:
    return lambda_svc.error_response_json("InvalidParameterValueException", problem, 400)


def _missing_queue(asked: Mapping[str, Any]) -> str | None:
    arn = str(asked.get("EventSourceArn", ""))
    if ":sqs:" not in arn or sqs._queue_by_arn(arn) is not None:  # noqa: SLF001
        return None
    return (
        "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
        "SQS Error Message: The specified queue does not exist."
    )


def _problem(mapping: Mapping[str, Any], asked: Mapping[str, Any]) -> str | None:
    """What is wrong with a mapping as it would be, with regard to what was asked to change."""
    arn = str(mapping.get("EventSourceArn", ""))
    if ":sqs:" not in arn:
        return None
    if int(mapping.get("BatchSize", 0)) > _BATCH_OF_ONE_RECEIVE and not int(mapping.get(_WINDOW) or 0):
        return "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
    return _of_function(arn, str(asked["FunctionName"])) if "FunctionName" in asked else None


def _of_function(arn: str, function: str) -> str | None:
    name, qualifier = lambda_svc._resolve_name_and_qualifier(function)  # noqa: SLF001
    _, configuration = lambda_svc._get_func_record_for_qualifier(name, qualifier)  # noqa: SLF001
    if configuration is None:
        return None
    for operation in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
        if not may_receive(configuration, operation, arn):
            return f"The function execution role does not have permissions to call {operation} on SQS"
    return _short_visibility(arn, configuration)


def _short_visibility(arn: str, configuration: Mapping[str, Any]) -> str | None:
    queue = sqs._queue_by_arn(arn)  # noqa: SLF001
    if queue is None:
        return None
    visibility, timeout = int(queue["attributes"]["VisibilityTimeout"]), int(configuration["Timeout"])
    if visibility >= timeout:
        return None
    return f"Queue visibility timeout: {visibility} seconds is less than Function timeout: {timeout} seconds"
