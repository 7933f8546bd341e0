"""Every failure of the runtime itself; an app's own exceptions pass through untouched."""

from __future__ import annotations

from collections.abc import Mapping

from fastlambda.frozen import Frozen


class FastLambdaError(Exception):
    """What happened, why, and what to do, in one line: Lambda shows nothing but an exception's type and text.

    Args:
        what: What happened, without a full stop.
        why: The cause, when it is known.
        remedy: What the developer can do about it.

    """

    def __init__(self, what: str, *, why: str = "", remedy: str = "") -> None:
        self.what = what
        self.why = why
        self.remedy = remedy
        text = f"{what}: {why}" if why else what
        super().__init__(f"{text}. {remedy}" if remedy else text)


class SettingsError(FastLambdaError):
    """An environment variable of the function has a name or a value that means nothing."""


class ServeError(FastLambdaError):
    """`fastlambda.serve` was given something that it cannot serve."""


class StartupError(FastLambdaError):
    """The app's lifespan failed to start; the app's own exception is the cause."""


class UnknownEventError(FastLambdaError):
    """The function was invoked with an event that is neither an HTTP request nor one that it has a consumer for."""


class NoAnswerError(FastLambdaError):
    """The app returned from a request without a complete answer: its client gets a 500."""


class AppExitedError(FastLambdaError):
    """The app raised SystemExit or the like, which is its cause: it fails the invocation, not the environment."""


class BadRequestError(FastLambdaError):
    """An HTTP event carries a request that no ASGI scope can describe, such as one with a malformed Host header."""


class EventDeclarationError(FastLambdaError):
    """A consumer is declared in a way that AWS would refuse, or that the runtime could not deliver."""


class InvalidMessageError(FastLambdaError):
    """A record's message is not what its consumer takes; the values of the message are in no part of the text."""


class UnfinishedRecordError(FastLambdaError):
    """A record was still being handled when the invocation had to end: it goes back to its queue."""


class IdempotencyError(FastLambdaError):
    """The table of the idempotency records could not be asked, or for no such key, so nothing was done."""


class InProgressError(IdempotencyError):
    """The same is being done already, or its environment was killed and its deadline has not passed."""


class KeyReusedError(IdempotencyError):
    """An idempotency key came with another payload than before."""


class FailedMessage(Frozen):
    """A message that its service has not taken.

    Attributes:
        index: Which one of those that were to be published, from 0.
        code: The service's code for the reason, such as `InternalError`; `NotSent` for one that was held back.
        message: The service's words.

    """

    index: int
    code: str
    message: str


class PublishError(FastLambdaError):
    """Messages could not be published.

    Attributes:
        failed: Those that their service has not taken; empty when it was not asked.
        sent: The ids of those that it has taken, by index.

    """

    def __init__(
        self,
        what: str,
        *,
        why: str = "",
        remedy: str = "",
        failed: tuple[FailedMessage, ...] = (),
        sent: Mapping[int, str] | None = None,
    ) -> None:
        self.failed = failed
        self.sent = sent or {}
        super().__init__(what, why=why, remedy=remedy)
