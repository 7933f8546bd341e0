"""The formats in which a gateway and a function speak."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from fastlambda_cli.local.http import payload, payload_v1
from fastlambda_cli.local.http.payload import Gateway, Match, Received
from fastlambda_cli.local.http.response import Answer, convert, convert_v1


class MakeEvent(Protocol):
    """Makes an event of a request."""

    def __call__(
        self,
        given: Received,
        *,
        gateway: Gateway,
        match: Match | None = None,
        authorizer: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Make it."""


@dataclass(frozen=True, slots=True)
class Payloads:
    """A payload format.

    Attributes:
        event: Makes an event of a request.
        answer: Makes an answer of what the function returned; raises MalformedResponseError.

    """

    event: MakeEvent
    answer: Callable[[bytes], Answer]


V1 = Payloads(payload_v1.event, convert_v1)
V2 = Payloads(payload.event, convert)
