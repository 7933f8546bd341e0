"""Times in AWS's answers, read faster than botocore reads them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from boto3.session import Session


def read_times_faster(session: Session) -> None:
    """Have a session's clients read ISO 8601 with Python, and with botocore's dateutil what else there is.

    A page of CloudFormation's events has a hundred times, and every deployment reads dozens of pages.
    """
    core: Any = session._session  # noqa: SLF001  boto3 does not show botocore's session
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=parsed)


def parsed(value: Any) -> datetime:
    """The time that AWS means by a text or a number; one without an offset is read as botocore reads it.

    Raises:
        ValueError: It is no time.

    """
    if isinstance(value, str):
        try:
            time = datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            if time.tzinfo is not None:
                return time
    from botocore.utils import parse_timestamp  # noqa: PLC0415

    other: datetime = parse_timestamp(value)
    return other
