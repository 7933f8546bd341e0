"""The check itself: no request goes further that AWS would have signed and its sender has not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.aws.proxy import ClientGoneError, answer_unavailable
from fastlambda_cli.local.aws.signatures.answers import answer_refused
from fastlambda_cli.local.aws.signatures.asked import Asked
from fastlambda_cli.local.aws.signatures.body import HASH, Body, checked, read_away
from fastlambda_cli.local.aws.signatures.claim import Claim, claim_of
from fastlambda_cli.local.aws.signatures.faults import (
    INCOMPLETE,
    MISMATCH,
    MISSING,
    NOT_SUPPORTED,
    URL_EXPIRED,
    RefusedRequest,
)
from fastlambda_cli.local.aws.signatures.keyring import Keyring
from fastlambda_cli.local.aws.signatures.public import is_public, is_public_form, may_be_public_by_its_body
from fastlambda_cli.local.aws.signatures.recomputed import is_signed, is_signed_by_version_2
from fastlambda_cli.local.aws.signatures.registry import RegistryLogin, answer_unknown, is_of_registry
from fastlambda_cli.local.serve import AsgiApp, Message, Receive, Scope, Send

_CONTENT_HASH = "x-amz-content-sha256"
_UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
_EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


class Door:
    """The local AWS for the holders of its keys: an ASGI app that refuses all others as AWS does.

    Checked are signatures of version 4 in a header or in a presigned URL, those of version 2 in presigned URLs of S3,
    and the password of the registry of images. A body is held against its hash: before it goes further where only its
    hash is signed with the rest, and while it streams where a header has the hash. Chunks of a body that are signed
    one by one (`STREAMING-AWS4-HMAC-SHA256-PAYLOAD`) are trusted for the signature that they begin with.

    Args:
        app: The local AWS.
        keyring: Whose keys are good.
        registry: Who may push and pull images.
        now: The time.

    """

    def __init__(
        self,
        app: AsgiApp,
        keyring: Keyring,
        registry: RegistryLogin,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._app = app
        self._keyring = keyring
        self._registry = registry
        self._now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        asked, progress = Asked.of(scope), _Progress(receive, send)
        try:
            if is_of_registry(asked) and not self._registry.accepts(asked.header("authorization")):
                await answer_unknown(asked, send, closing=not await progress.read_away(asked))
            elif is_of_registry(asked) or is_public(asked):
                await self._app(scope, receive, send)
            else:
                await self._check(asked, scope, progress)
        except RefusedRequest as refused:
            if progress.answering:
                raise
            closing = not await progress.read_away(asked)
            await answer_refused(asked, refused, send, closing=closing)
        except EmulatorError as problem:
            if progress.answering:
                raise
            await answer_unavailable(send, str(problem))
        except ClientGoneError:
            return

    async def _check(self, asked: Asked, scope: Scope, progress: _Progress) -> None:
        if not asked.query_is_text:
            raise RefusedRequest(MISMATCH)
        if may_be_public_by_its_body(asked):
            async with Body(progress.receive) as body:
                if not is_public_form(body.beginning):
                    raise RefusedRequest(MISSING)
                await self._app(scope, body.again, progress.send)
        elif asked.parameter("AWSAccessKeyId") is not None and asked.header("authorization") is None:
            await self._check_version_2(asked, scope, progress)
        else:
            claim = claim_of(asked)
            claim.check_headers(asked)
            holder = await self._keyring.holder(claim.access_key_id, claim.token)
            claim.check_time(self._now())
            await self._check_signature(asked, claim, holder.keys, holder.asking(scope), progress)

    async def _check_version_2(self, asked: Asked, scope: Scope, progress: _Progress) -> None:
        expires = asked.parameter("Expires") or ""
        if not expires.isdecimal():
            raise RefusedRequest(INCOMPLETE)
        if asked.parameter("Action") is not None or asked.header("x-amz-target") is not None:
            # Version 2 does not sign every parameter, and is S3's alone: nothing may make it another service's request.
            raise RefusedRequest(NOT_SUPPORTED)
        token = asked.parameter("x-amz-security-token")
        holder = await self._keyring.holder(asked.parameter("AWSAccessKeyId") or "", token)
        if self._now().timestamp() > int(expires):
            raise RefusedRequest(URL_EXPIRED)
        if not is_signed_by_version_2(asked, holder.keys):
            raise RefusedRequest(MISMATCH)
        await self._app(holder.asking(scope), progress.receive, progress.send)

    async def _check_signature(self, asked: Asked, claim: Claim, keys: Keys, scope: Scope, progress: _Progress) -> None:
        given = asked.header(_CONTENT_HASH)
        if given is None and claim.expires is not None and claim.of_s3:
            given = _UNSIGNED_PAYLOAD
        if given is None and asked.has_body:
            async with Body(progress.receive) as body:
                if not is_signed(asked, claim, keys, body.hash):
                    raise RefusedRequest(MISMATCH)
                await self._app(scope, body.again, progress.send)
            return
        if not is_signed(asked, claim, keys, given or _EMPTY):
            raise RefusedRequest(MISMATCH)
        hashed = given is not None and HASH.fullmatch(given)
        receive = checked(progress.receive, given) if hashed and given else progress.receive
        await self._app(scope, receive, progress.send)


class _Progress:
    """How far a request is: whether its body was read, and whether its answer has begun."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._read = False
        self.answering = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._read = self._read or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        self.answering = True
        await self._send(message)

    async def read_away(self, asked: Asked) -> bool:
        """Read what is left of the body; False when some of it was not read, and the connection has to end."""
        if self._read or not asked.has_body:
            return True
        if asked.header("expect") is not None:  # its sender waits for a word before it sends the body
            return False
        return await read_away(self.receive)
