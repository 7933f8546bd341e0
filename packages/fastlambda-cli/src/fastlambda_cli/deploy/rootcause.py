"""Why CloudFormation failed, out of its events: the cause first, then what became of the stack, then what to do.

One resource fails; then everything else that was under way is cancelled, each with a failure of its own, and what is
said last is that "the following resource(s) failed". The first failure that is none of these is the cause. What fails
after that, while CloudFormation takes everything back, is a trouble of its own and told as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from fastlambda_cli.aws.model import STACK_TYPE, Stack, StackEvent
from fastlambda_cli.errors import StackError

_AFTERMATH = re.compile(
    r"(Resource (creation|update|deletion) cancelled|The following resource\(s\) failed to|The following hook\(s\) "
    r"failed|Rollback requested by user)",
    re.IGNORECASE,
)
_WRAPPED = re.compile(r'^Resource handler returned message: "(?P<message>.*)" \(RequestToken: .*\)$', re.DOTALL)
_SERVICE = re.compile(r"\s*\(Service: [^()]*(\([^()]*\)[^()]*)*\)")
_DENIED = re.compile(r"not authorized to perform: (?P<action>[a-z0-9-]+:[A-Za-z0-9]+)")


class _Remedy(NamedTuple):
    pattern: str
    text: str


_REMEDIES = (
    _Remedy(
        r"AlreadyExists|already exists",
        "Something of that name exists outside this stack: delete it, or give the service or the stage another name.",
    ),
    _Remedy(
        r"minimum value|UnreservedConcurrentExecution",
        "Lambda keeps a part of the account's concurrency unreserved: lower `concurrency.reserved`, or have the quota "
        "of concurrent executions raised.",
    ),
    _Remedy(
        r"CodeSHA256|CodeSha256",
        "The artifact in the bucket is not the one that was built: deploy again, and let nothing else write to its "
        "key.",
    ),
    _Remedy(
        r"[Ss]ource image .* is not supported",
        "Lambda takes one image with layers that are compressed with gzip: see which base it stands on.",
    ),
    _Remedy(
        r"[Ss]ource image|access the ECR image",
        "Lambda cannot pull the image: deploy again where it was deleted meanwhile. Where the policy of the repository "
        "was changed, give it back the statement of the stack fastlambda-bootstrap.",
    ),
    _Remedy(
        r"cannot be assumed by Lambda",
        "IAM takes some seconds to know a new role: deploy again.",
    ),
    _Remedy(
        r"[Ll]imit ?[Ee]xceeded|exceeded the (limit|quota)|[Qq]uota",
        "A quota of the account is used up: have it raised in Service Quotas, or delete what is no longer needed.",
    ),
    _Remedy(
        r"Rate exceeded|Throttling|Too Many Requests",
        "AWS was asked too much at once: wait a minute, then deploy again.",
    ),
    _Remedy(
        r"[Dd]enied by stack policy",
        "Somebody protects this resource by a stack policy: have it changed (`aws cloudformation get-stack-policy`).",
    ),
    _Remedy(
        r"alarms have been activated|ALARM_ACTIVE",
        "The new version made an alarm of the rollout ring, and traffic went back to the one before: its log says why.",
    ),
    _Remedy(
        r"requires replacing",
        "Its name is fixed, and it can only be changed by making it anew: rename it, or destroy the stack.",
    ),
    _Remedy(
        r"NotFound|does not exist|[Nn]ot found|NoSuch|InvalidSubnetID|InvalidGroup",
        "Where the service's configuration names it, name one that there is. Where it was made by this stack, other "
        "hands deleted it, and `fastlambda status --drift` shows what differs.",
    ),
    _Remedy(
        r"in the following state\(s\): \[?Pending|(update|deployment) is in progress|ResourceConflict|"
        r"currently in the process",
        "Something else is changing it right now: wait for its end, then deploy again.",
    ),
)
"""What AWS's words mean for whoever deploys: the first that matches."""

_DONE = {
    "ROLLBACK_COMPLETE": "CloudFormation took back what it had made; the next deployment removes the empty stack",
    "ROLLBACK_FAILED": "CloudFormation could not take back all of what it had made; the next deployment tries again",
    "CREATE_FAILED": "what was made until then is still there; the next deployment removes it",
    "UPDATE_ROLLBACK_COMPLETE": "CloudFormation put the stack back as it was, and the service with it",
    "UPDATE_ROLLBACK_FAILED": "CloudFormation could not put everything back; the next deployment goes on with that",
    "DELETE_FAILED": "the stack is partly deleted",
}
_VERBS = {"CREATE": "made", "UPDATE": "changed", "DELETE": "deleted", "IMPORT": "taken over", "ROLLBACK": "put back"}
_LOST_REMEDY = "Look at the stack's events in the AWS console."


def failure(stack: Stack, events: Iterable[StackEvent]) -> StackError:
    """Make the error for an operation on a stack that did not succeed.

    Args:
        stack: As it stands at the end.
        events: Of this operation, oldest first.

    """
    before, after = _until_rollback(list(events))
    cause = root_cause(before) or root_cause(after)
    done = _DONE.get(stack.status, f"the stack is {stack.status}")
    obstacle = root_cause(after)
    if stack.status.endswith("ROLLBACK_FAILED") and obstacle is not None and obstacle is not cause:
        done += f" ({obstacle.logical_id}: {plain_reason(obstacle.reason).rstrip('.') or obstacle.status})"
    if cause is None:
        why = stack.reason.rstrip(".") or "CloudFormation gives no reason"
        return StackError(f"The stack {stack.name} failed; {done}", why=why, remedy=_LOST_REMEDY)
    verb = next((word for key, word in _VERBS.items() if cause.status.startswith(key)), "changed")
    what = f"{cause.logical_id} ({cause.kind}) could not be {verb}; {done}"
    reason = plain_reason(cause.reason).rstrip(".") or cause.status
    if cause.hook:
        remedy = "Whoever runs this account's CloudFormation Hooks can say what they ask for."
        return StackError(what, why=f"the hook {cause.hook} refuses it: {reason}", remedy=remedy)
    return StackError(what, why=reason, remedy=remedy_for(cause.reason))


def _until_rollback(events: list[StackEvent]) -> tuple[list[StackEvent], list[StackEvent]]:
    """What happened before CloudFormation began to take everything back, and what since."""
    for place, event in enumerate(events):
        if event.kind == STACK_TYPE and event.status.endswith("ROLLBACK_IN_PROGRESS"):
            return events[:place], events[place:]
    return events, []


def root_cause(events: Iterable[StackEvent]) -> StackEvent | None:
    """The first failure that no other failure led to; None when nothing but aftermath is told."""
    causes = [event for event in events if event.failed and not _AFTERMATH.search(event.reason)]
    return next((event for event in causes if event.kind != STACK_TYPE), causes[0] if causes else None)


def plain_reason(reason: str) -> str:
    """CloudFormation's reason without the names of its own machinery."""
    wrapped = _WRAPPED.match(reason)
    return _SERVICE.sub("", wrapped["message"] if wrapped else reason).strip()


def remedy_for(reason: str) -> str:
    """What to do about a reason of AWS's."""
    denied = _DENIED.search(reason)
    if denied:
        return f"Have {denied['action']} allowed for whoever deploys, then deploy again."
    found = (remedy.text for remedy in _REMEDIES if re.search(remedy.pattern, reason))
    return next(found, "Put that right, then deploy again.")
