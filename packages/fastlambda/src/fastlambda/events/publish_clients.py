"""The SDK's clients by which messages are published, and the ARNs of where they go.

The clients are botocore's, which Tracer brings into every function, and not boto3's: that adds nothing to a client but
its import, and Lambda's own boto3 may be older than the botocore that is deployed. Neither is imported before the first
message: making a client costs as much as half an INIT.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastlambda.errors import PublishError
from fastlambda.settings import Settings, current

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastlambda.events.declarations import Destination

_CONNECT_S = 3
_READ_S = 10

_lock = threading.Lock()
_clients: dict[tuple[str, str], Any] = {}
_session: Any = None


@dataclass(frozen=True, slots=True)
class Arn:
    """The ARN of a queue, a topic or a bus."""

    partition: str
    service: str
    region: str
    account: str
    name: str

    @classmethod
    def parsed(cls, text: str) -> Arn:
        """Read an ARN; raises ValueError for a text that is none."""
        prefix, *parts = text.split(":", 5)
        if prefix != "arn" or len(parts) != 5:  # noqa: PLR2004 - the parts of an ARN
            raise ValueError(text)
        return cls(*parts)

    def __str__(self) -> str:
        """The ARN as AWS writes it."""
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.name}"


def client(service: str, region: str) -> Any:
    """Return the process's client of a service in a region; made by the first call, which takes its time."""
    global _session  # noqa: PLW0603
    with _lock:  # making clients is not thread-safe, using them is
        if (service, region) not in _clients:
            import botocore.config  # noqa: PLC0415
            import botocore.session  # noqa: PLC0415

            config = botocore.config.Config(
                connect_timeout=_CONNECT_S, read_timeout=_READ_S, retries={"mode": "standard"}, tcp_keepalive=True
            )
            _session = _session or botocore.session.get_session()
            _clients[service, region] = _session.create_client(service, region, config=config)
        return _clients[service, region]


def destination_arn(destination: Destination) -> Arn:
    """Return where a destination is on AWS: what was declared, or what FASTLAMBDA_EVENT_DESTINATIONS says.

    Raises:
        PublishError: Nothing says where it is.

    """
    text = destination.arn or current().event_destinations.get(destination.key)
    try:
        return Arn.parsed(text or "")
    except ValueError:
        raise _unknown(destination, current()) from None


def check_destinations(destinations: Iterable[Destination]) -> None:
    """Check at start that it is known where everything goes; outside of Lambda the first message finds out.

    Raises:
        PublishError: Nothing says where one is.

    """
    if current().in_lambda:
        for destination in destinations:
            destination_arn(destination)


def _unknown(destination: Destination, settings: Settings) -> PublishError:
    return PublishError(
        f"Nothing says where {destination.key} is",
        why=f"FASTLAMBDA_EVENT_DESTINATIONS has {', '.join(settings.event_destinations) or 'nothing'}",
        remedy="Declare it at the top level of a module, where a deployment sees it, or by its ARN.",
    )
