"""Whether a caller may do what it asks, as the emulator's evaluator of policies has it; what it may not is told.

What the emulator answers it decides itself, for the caller that is named in a header of ours. What is answered here
(Invoke, X-Ray, lines of functions) is asked of it in so many words. The account's root may do everything and is never
asked about.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import httpx

from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.aws.signatures.keyring import Holder, Keyring, UnassumableRoleError, caller_of
from fastlambda_cli.local.aws.source import Source
from fastlambda_cli.local.model import ACCOUNT_ID, REGION, Notice, Sink
from fastlambda_cli.local.serve import AsgiApp, Message, Receive, Scope, Send

_DECISION = "/_fastlambda/decision"
"""The launcher's own."""
_ARN_PARTS = 6
_SECRET_ENDING = re.compile(r"-[a-zA-Z0-9]{6}$")
"""What Secrets Manager puts behind a secret's name in its ARN."""
_EXPLICIT = "Deny"
"""The decision of a policy that forbids; of one that only does not allow it is `ImplicitDeny`."""
_OWN = b"x-fastlambda-"
_CALLER = b"x-fastlambda-caller"
_DENIED = b"x-fastlambda-denied"


class DeniedError(Exception):
    """The caller may not; the message is AWS's."""


class Permissions:
    """Asks the emulator, and tells what a function may not do.

    Args:
        source: The emulator.
        keyring: Knows who functions are.
        sink: Is told, once for each function, action and resource, until `tell_again`.

    """

    def __init__(self, source: Source, keyring: Keyring, sink: Sink) -> None:
        self._source = source
        self._keyring = keyring
        self._sink = sink
        self._told: set[tuple[str, str, str]] = set()

    def tell_again(self, function: str) -> None:
        """Tell anew what a function may not do: somebody has changed what it may."""
        self._told = {each for each in self._told if each[0] != function}

    async def check(self, scope: Scope, action: str, resource: str) -> None:
        """Check that the caller of a request has a permission.

        Args:
            scope: The request, as it came through the door.
            action: Such as lambda:InvokeFunction.
            resource: The ARN, or "*" where the action takes none.

        Raises:
            DeniedError: It has not.
            EmulatorError: The emulator does not answer.

        """
        if caller := caller_of(scope):
            await self.check_holder(caller, action, resource)

    async def check_function(self, configuration: Mapping[str, Any], action: str, resource: str) -> None:
        """Check that a function's role has a permission for what Lambda does with it; the rest is as for `check`."""
        try:
            keys = await self._keyring.of_function(configuration["FunctionName"], configuration["Role"])
        except UnassumableRoleError as problem:
            raise DeniedError(f"Lambda cannot assume {problem}") from problem
        await self.check_holder(await self._keyring.holder(keys.access_key_id, keys.session_token), action, resource)

    async def check_holder(
        self, holder: Holder, action: str, resource: str, context: Mapping[str, str] | None = None
    ) -> None:
        """Check that somebody has a permission; `context` is what conditions may ask, the rest is as for `check`."""
        question = {
            "caller": holder.described(),
            "action": action,
            "resource": resource,
            "region": REGION,
            "context": context or {},
        }
        await self._source.available()
        try:
            async with self._source.client() as client:
                answer = await client.post(_DECISION, json=question)
        except httpx.TransportError as problem:
            raise _unanswered(str(problem)) from problem
        if not answer.is_success:
            raise _unanswered(answer.text)
        decided = answer.json()
        if message := decided.get("message"):
            self._tell(holder, decided.get("decision", _EXPLICIT), action, resource)
            raise DeniedError(message)

    def asked(self, app: AsgiApp) -> AsgiApp:
        """Wrap the emulator so that it knows who asks, and what it denies is told."""

        async def asking(scope: Scope, receive: Receive, send: Send) -> None:
            caller = caller_of(scope)
            headers = [pair for pair in scope["headers"] if not pair[0].lower().startswith(_OWN)]
            if caller is None:
                await app({**scope, "headers": headers}, receive, send)
                return
            named = (_CALLER, json.dumps(caller.described()).encode())
            await app({**scope, "headers": [*headers, named]}, receive, self._telling(caller, send))

        return asking

    def _telling(self, caller: Holder, send: Send) -> Send:
        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                pairs = message.get("headers", ())
                for denied in (value for name, value in pairs if name == _DENIED):
                    self._tell(caller, *denied.decode().split(" ", 2))
                message = {**message, "headers": [pair for pair in pairs if pair[0] != _DENIED]}
            await send(message)

        return telling

    def _tell(self, caller: Holder, decision: str, action: str, resource: str) -> None:
        function = caller.function
        if function is None or (function, action, resource) in self._told:
            return
        self._told.add((function, action, resource))
        told = f"{function} may not {action} on {resource}, here as on AWS: "
        setting = _setting(action, _anywhere(resource))
        if decision == _EXPLICIT:
            why = "a policy denies it."
        elif self._keyring.is_of_folder(function):
            why = f"its role does not allow it. If it is to, add to pyproject.toml {setting}"
        else:
            role = caller.arn.split("/")[1]
            why = (
                f"its role {role} does not allow it. If it is to, allow it in a policy of the role, "
                f"which a service of FastLambda does by {setting}"
            )
        self._sink(Notice(f"{told}{why}", warning=True))


def _setting(action: str, resource: str) -> str:
    """What of a service's configuration allows something."""
    actions, resources = json.dumps([action]), json.dumps([resource])
    return f"[[tool.fastlambda.permissions]] with actions = {actions} and resources = {resources}"


def _anywhere(resource: str) -> str:
    """A resource of the local account, as a policy names it that holds in all accounts and Regions."""
    parts = resource.split(":", _ARN_PARTS - 1)
    if len(parts) < _ARN_PARTS:
        return resource
    _, _, service, region, account, name = parts
    if service == "logs":
        name = f"{name.partition(':log-stream:')[0]}:*"
    elif service == "secretsmanager":
        name = f"{_SECRET_ENDING.sub('', name)}-??????"
    region = "${AWS::Region}" if region == REGION else region
    account = "${AWS::AccountId}" if account == ACCOUNT_ID else account
    return f"arn:${{AWS::Partition}}:{service}:{region}:{account}:{name}"


def _unanswered(why: str) -> EmulatorError:
    return EmulatorError(
        "The AWS emulator does not say who may do what", why=why, remedy="Read its log in .fastlambda/aws."
    )
