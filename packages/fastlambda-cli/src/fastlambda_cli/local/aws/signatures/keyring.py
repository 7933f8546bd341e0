"""Whose access keys are good: the user's, those of this start's functions, and whichever the local AWS gave out."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

import httpx

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.aws.signatures.faults import EXPIRED_TOKEN, UNKNOWN_KEY, WRONG_TOKEN, RefusedRequest
from fastlambda_cli.local.keys import new_temporary_keys
from fastlambda_cli.local.model import ACCOUNT_ID

_GIVEN_OUT = "/_fastlambda/keys/"
"""The launcher's own: the secret of a key that IAM or STS made."""
_ATTEMPTS = 3
_LONGEST_ID = 128


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose a key is (IAM User Guide, "IAM identifiers"), as STS says in GetCallerIdentity.

    Attributes:
        keys: The key.
        arn: The user's, the session's of a role, or the account's root.
        principal_id: The unique id of the same.

    """

    keys: Keys
    arn: str
    principal_id: str


class Source(Protocol):
    """What is needed of an emulator."""

    def client(self) -> httpx.AsyncClient:
        """Make an HTTP client that reaches it."""

    async def available(self) -> None:
        """Wait until it answers; raises EmulatorError."""


class Keyring:
    """Finds the secret of an access key.

    Args:
        user: The key of the state, which people and programs of this machine sign with.
        source: The emulator, which knows the keys that CreateAccessKey, AssumeRole and their like made.

    Attributes:
        user: As given.
        functions: What functions find in their environment; made for this start, and nowhere on disk.
        emulator: What the emulator signs with when it invokes functions; likewise.

    """

    def __init__(self, user: Keys, source: Source) -> None:
        self.user = user
        self.functions = new_temporary_keys()
        self.emulator = new_temporary_keys()
        self._source = source
        root = f"arn:aws:iam::{ACCOUNT_ID}:root"
        own = (self.user, self.functions, self.emulator)
        self._own = {keys.access_key_id: Holder(keys, root, ACCOUNT_ID) for keys in own}

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
