"""What a rule or a schedule brings to its target, and where it goes when the target does not get it.

Neither tries again what cannot succeed later: it goes to the target's dead-letter queue at once. Amazon EventBridge
User Guide, "Using dead-letter queues to process undelivered events in EventBridge"; EventBridge Scheduler User Guide,
"Configuring a schedule's dead-letter queue in EventBridge Scheduler".
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import md5
from typing import Any, NamedTuple

from ministack.core.responses import new_uuid  # type: ignore[import-not-found,unused-ignore]
from ministack.services import (  # type: ignore[import-not-found,unused-ignore]
    eventbridge,
    scheduler,
    sns,
    sqs,
)

_MINUTE_S = 60
_CONTEXT_ATTRIBUTE = re.compile(r"<aws\.scheduler\.(schedule-arn|scheduled-time|execution-id|attempt-number)>")


class Failure(NamedTuple):
    """Why a target did not get what was for it.

    Attributes:
        of_rule: The code that a rule's dead letter has.
        of_schedule: That of a schedule's: what the target's own API answers.
        message: What the target's API says.

    """

    of_rule: str
    of_schedule: str
    message: str


_NO_QUEUE = Failure(
    "NO_RESOURCE",
    "AWS.SimpleQueueService.NonExistentQueue",
    "The specified queue does not exist for this wsdl version.",
)
_NO_TOPIC = Failure("NO_RESOURCE", "NotFound", "Topic does not exist")


def no_function(message: str) -> Failure:
    """There is no such function, as Lambda says."""
    return Failure("NO_RESOURCE", "ResourceNotFoundException", message)


@dataclass(frozen=True)
class Brought:
    """What a rule or a schedule brings to its target.

    Attributes:
        target: As it was put, with the context attributes in a schedule's `Input` filled in.
        event: In ministack's own form.
        source: The rule or the schedule.
        execution: The id of this invocation of a schedule's target.
        scheduled_time: When a schedule was to invoke it, in UTC.

    """

    target: Mapping[str, Any]
    event: Mapping[str, Any]
    source: Mapping[str, Any]
    execution: str = ""
    scheduled_time: str = ""

    @property
    def arn(self) -> str:
        """What it is brought to."""
        return str(self.target.get("Arn", ""))

    @property
    def source_arn(self) -> str:
        """The ARN of the rule or the schedule; empty where ministack has none."""
        return str(self.source.get("Arn", ""))

    @property
    def of_schedule(self) -> bool:
        """Whether it is a schedule that brings it."""
        return ":scheduler:" in self.source_arn

    @property
    def service(self) -> str:
        """The service of the target, as ARNs name it."""
        return self.arn.split(":")[2] if self.arn.count(":") > 1 else ""

    def missing(self) -> Failure | None:
        """What is wrong when it is brought to a queue or a topic that is not there."""
        if self.service == "sqs" and sqs._queue_by_arn(self.arn) is None:  # noqa: SLF001
            return _NO_QUEUE
        if self.service == "sns" and sns._topic_by_arn_any_scope(self.arn) is None:  # noqa: SLF001
            return _NO_TOPIC
        return None

    def put_away(self, failure: Failure) -> None:
        """Put it into the target's dead-letter queue, which is there."""
        event = eventbridge._pattern_event_view(self.event).event_with_detail()  # noqa: SLF001
        # A rule keeps the event itself, whatever its target would have been given of it; a schedule what it would give.
        body = self.target["Input"] if self.of_schedule and self.target.get("Input") else json.dumps(event)
        _enqueue(self.dead_letters, body, self._of_schedule(failure) if self.of_schedule else self._of_rule(failure))

    @property
    def dead_letters(self) -> str:
        """The ARN of the target's dead-letter queue; empty when it has none."""
        return str((self.target.get("DeadLetterConfig") or {}).get("Arn", ""))

    def _of_rule(self, failure: Failure) -> dict[str, str]:
        return {
            "RULE_ARN": self.source_arn,
            "TARGET_ARN": self.arn,
            "ERROR_CODE": failure.of_rule,
            "ERROR_MESSAGE": failure.message,
        }

    def _of_schedule(self, failure: Failure) -> dict[str, str]:
        return {
            "SCHEDULE_ARN": self.source_arn,
            "TARGET_ARN": self.arn,
            "ERROR_CODE": failure.of_schedule,
            "ERROR_MESSAGE": failure.message,
            "EXECUTION_ID": self.execution,
            "SCHEDULED_TIME": self.scheduled_time,
            "RETRY_ATTEMPTS": "0",
            "IS_PAYLOAD_TRUNCATED": "false",
        }


def brought(target: Mapping[str, Any], event: Mapping[str, Any], source: Mapping[str, Any]) -> Brought:
    """What ministack is about to bring."""
    found = Brought(target, event, source)
    if not found.of_schedule:
        return found
    execution, scheduled_time = secrets.token_hex(8), _scheduled_time(source, event)
    known = {
        "schedule-arn": found.source_arn,
        "scheduled-time": scheduled_time,
        "execution-id": execution,
        "attempt-number": "1",
    }
    # EventBridge Scheduler User Guide, "Adding context attributes in EventBridge Scheduler".
    filled = _CONTEXT_ATTRIBUTE.sub(lambda each: known[each[1]], str(target.get("Input") or ""))
    return Brought({**target, "Input": filled} if filled else target, event, source, execution, scheduled_time)


def _scheduled_time(schedule: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """When a schedule is to fire that fires now; ministack counts the next `rate()` from the moment it fired."""
    expression, now = schedule.get("ScheduleExpression") or "", float(event["Time"])
    at = scheduler._at_time_epoch(expression)  # noqa: SLF001
    if at is None:
        at = now - now % _MINUTE_S if expression.startswith("cron(") else now
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _enqueue(arn: str, body: str, attributes: Mapping[str, str]) -> None:
    told = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
    queue, now = sqs._queue_by_arn(arn), time.time()  # noqa: SLF001
    message = {
        "id": new_uuid(),
        "body": body,
        "md5": md5(body.encode(), usedforsecurity=False).hexdigest(),
        "message_attributes": told,
        "md5_attrs": sqs._md5_msg_attrs(told),  # noqa: SLF001
        "receipt_handle": None,
        "sent_at": now,
        "visible_at": now + sqs.queue_delay(queue),
        "receive_count": 0,
    }
    sqs._ensure_msg_fields(message)  # noqa: SLF001
    # Whole, because a client may receive it at once: functions are found missing on a thread.
    queue["messages"].append(message)


failing: ContextVar[Callable[[Failure], None]] = ContextVar("fastlambda_failing")
"""Takes why what is being brought in this context failed; set wherever ministack brings something to a target."""
