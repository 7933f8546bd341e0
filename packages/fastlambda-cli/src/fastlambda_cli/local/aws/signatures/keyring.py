"""Whose access keys are good: the user's, those of this start's functions, and whichever the local AWS gave out.

A function's are those of a session of its role, as on AWS, where Lambda assumes it and names the session after the
function (AWS Lambda Developer Guide, "Defining Lambda function permissions with an execution role").
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.aws.signatures.faults import EXPIRED_TOKEN, UNKNOWN_KEY, WRONG_TOKEN, RefusedRequest
from fastlambda_cli.local.aws.source import Source
from fastlambda_cli.local.keys import new_temporary_keys
from fastlambda_cli.local.model import ACCOUNT_ID, local_arn
from fastlambda_cli.local.serve import Scope

_GIVEN_OUT = "/_fastlambda/keys/"
"""The launcher's own: the secret of a key that IAM or STS made."""
_ROLES = "/_fastlambda/roles/"
"""The launcher's own: the id of a role, and whether Lambda may assume it."""
_ROLE_ARN = re.compile(rf"arn:aws:iam::{ACCOUNT_ID}:role/(?:.+/)?(?P<name>[\w+=,.@-]+)")
_ROOT = f"arn:aws:iam::{ACCOUNT_ID}:root"
_CALLER = "fastlambda.caller"
_ATTEMPTS = 3
_LONGEST_ID = 128


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose a key is (IAM User Guide, "IAM identifiers"), as STS says in GetCallerIdentity.

    Attributes:
        keys: The key.
        arn: The user's, the session's of a role, or the account's root.
        principal_id: The unique id of the same.
        function: The name of the function whose session it is; None for all others.

    """

    keys: Keys
    arn: str
    principal_id: str
    function: str | None = None

    @property
    def is_root(self) -> bool:
        """Whether it may do everything."""
        return self.arn == _ROOT

    def asking(self, scope: Scope) -> Scope:
        """A request of this one's, whose permissions are asked further on; the root has them all."""
        return scope if self.is_root else {**scope, _CALLER: self}

    def described(self) -> dict[str, Any]:
        """The same for the emulator's launcher."""
        function = local_arn("lambda", f"function:{self.function}") if self.function else None
        return {
            "key": self.keys.access_key_id,
            "arn": self.arn,
            "principal_id": self.principal_id,
            "function": function,
        }


def caller_of(scope: Scope) -> Holder | None:
    """Whose permissions a request needs; None when it may do everything."""
    caller: Holder | None = scope.get(_CALLER)
    return caller


class UnassumableRoleError(Exception):
    """Lambda may not assume a role, or there is none."""


class Keyring:
    """Finds the secret of an access key.

    Args:
        user: The key of the state, which people and programs of this machine sign with.
        source: The emulator, which knows the keys that CreateAccessKey, AssumeRole and their like made.

    Attributes:
        user: As given.
        emulator: What the emulator signs with when it invokes functions; made for this start, and nowhere on disk. So
            are the keys of functions.

    """

    def __init__(self, user: Keys, source: Source) -> None:
        self.user = user
        self.emulator = new_temporary_keys()
        self._source = source
        self._own = {keys.access_key_id: Holder(keys, _ROOT, ACCOUNT_ID) for keys in (self.user, self.emulator)}
        self._sessions: dict[tuple[str, str | None], Keys] = {}

    async def of_function(self, name: str, role: str) -> Keys:
        """The keys that a function has for its role.

        Args:
            name: The function's.
            role: The ARN of its role.

        Raises:
            UnassumableRoleError: Lambda may not assume the role, or there is none.
            EmulatorError: The emulator, which knows, does not answer.

        """
        session = await self._session(name, role)
        return self._kept(name, role, session)

    def of_folder(self, name: str) -> Keys:
        """The keys of a function that runs from a service's folder: the root's, until it is told its role."""
        return self._sessions.get((name, None)) or self._kept(name, None, (_ROOT, ACCOUNT_ID))

    def is_of_folder(self, name: str) -> bool:
        """Whether a function runs from a service's folder: its role is made of the service's configuration."""
        return (name, None) in self._sessions

    async def assume(self, name: str) -> None:
        """Have a folder's function be the role of the deployed one of its name; the rest is as for `of_function`."""
        deployed = await self._asked(f"/2015-03-31/functions/{quote(name, safe='')}/configuration")
        role = deployed.json().get("Role", "") if deployed.is_success else ""
        self._kept(name, None, await self._session(name, role))

    def leave(self, name: str) -> None:
        """Have a folder's function be the root again."""
        self._kept(name, None, (_ROOT, ACCOUNT_ID))

    async def _session(self, name: str, role: str) -> tuple[str, str]:
        """The ARN and the principal id of a function's session."""
        match = _ROLE_ARN.fullmatch(role)
        answer = await self._asked(f"{_ROLES}{quote(match['name'], safe='')}") if match else None
        found = answer.json() if answer is not None else None
        if match is None or not found or not found["assumable"]:
            raise UnassumableRoleError(role)
        return f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/{match['name']}/{name}", f"{found['id']}:{name}"

    def _kept(self, name: str, role: str | None, session: tuple[str, str]) -> Keys:
        keys = self._sessions.setdefault((name, role), new_temporary_keys())
        arn, principal_id = session
        self._own[keys.access_key_id] = Holder(keys, arn, principal_id, None if arn == _ROOT else name)
        return keys

    async def keys(self, access_key_id: str, token: str | None) -> Keys:
        """The key of an id; the parameters and what is raised are those of `holder`."""
        return (await self.holder(access_key_id, token)).keys

    async def holder(self, access_key_id: str, token: str | None) -> Holder:
        """The key of an id, with the session token that came along, and whose it is.

        Raises:
            RefusedRequest: There is none, it is over, or the token is another's.
            EmulatorError: The emulator, which may know, does not answer.

        """
        holder = self._own.get(access_key_id) or await self._given_out(access_key_id)
        wanted = (holder.keys.session_token or "").encode()
        if not hmac.compare_digest(wanted, (token or "").encode()):
            raise RefusedRequest(WRONG_TOKEN)
        return holder

    async def _given_out(self, access_key_id: str) -> Holder:
        if not access_key_id.isalnum() or len(access_key_id) > _LONGEST_ID:
            raise RefusedRequest(UNKNOWN_KEY)
        answer = await self._asked(f"{_GIVEN_OUT}{quote(access_key_id, safe='')}")
        if answer.status_code == httpx.codes.GONE:
            raise RefusedRequest(EXPIRED_TOKEN)
        if not answer.is_success:
            raise RefusedRequest(UNKNOWN_KEY)
        found = answer.json()
        keys = Keys(access_key_id, found["secret"], found["token"])
        return Holder(keys, found["arn"], found["principal_id"])

    async def _asked(self, path: str) -> httpx.Response:
        for _ in range(_ATTEMPTS):
            await self._source.available()
            try:
                async with self._source.client() as client:
                    return await client.get(path)
            except httpx.TransportError as problem:
                reason = problem
        raise EmulatorError(
            "The AWS emulator does not answer", why=str(reason), remedy="Read its log in .fastlambda/aws."
        ) from reason
