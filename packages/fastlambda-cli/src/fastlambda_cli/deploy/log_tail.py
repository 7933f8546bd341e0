"""The end of an invocation's log, which says why an answer is a 500 when the answer itself does not."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_FAILURES = {"ERROR", "CRITICAL", "FATAL"}
_END_OF_TRACEBACK = re.compile(r'\\n(?P<last>(?:[^"\\]|\\["\\/]|\\u[0-9a-fA-F]{4})*)(?:\\n)*", *"exception_name": *"')
"""The last line of a traceback, as Powertools writes it into JSON: its line breaks are escaped."""


def last_failure(log_result: str | None) -> str | None:
    """The last exception or error in a log of JSON lines; None when there is none, or no such line.

    Args:
        log_result: As Invoke gives it for the log type Tail: the last 4 KB in base64, so that the first line may be cut
            off (AWS Lambda API Reference, "Invoke").

    """
    text = base64.b64decode(log_result or "").decode("utf-8", "replace")
    failures = [line for line in _objects(text) if str(line.get("level", "")).upper() in _FAILURES]
    return _in_one_line(failures[-1]) if failures else _cut_off(text)


def _objects(text: str) -> Iterator[Mapping[str, Any]]:
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except ValueError:  # cut off, or what somebody printed
            continue
        if isinstance(found, Mapping):
            yield found


def _cut_off(text: str) -> str | None:
    """The exception in a line whose beginning is lost, as a framework's traceback of more than 4 KB makes it be."""
    found = _END_OF_TRACEBACK.search(text.partition("\n")[0])
    if found is None:
        return None
    last: str = json.loads(f'"{found["last"]}"')
    return last.strip() or None


def _in_one_line(line: Mapping[str, Any]) -> str | None:
    """What a line of Powertools, of Lambda's runtime or of anybody else says went wrong."""
    match line:
        case {"exception": str(traceback)} if traceback.strip():
            return traceback.strip().splitlines()[-1]
        case {"errorType": str(kind), "errorMessage": str(message)}:
            return f"{kind}: {message}"
        case {"message": str(message)} if message.strip():
            return message.strip()
    return None
