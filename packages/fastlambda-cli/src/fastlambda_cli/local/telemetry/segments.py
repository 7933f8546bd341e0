"""X-Ray's segment documents: what is accepted, and how the pieces of a trace make whole segments.

AWS X-Ray Developer Guide, "AWS X-Ray segment documents".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

Document: TypeAlias = Mapping[str, Any]
"""One segment, or one subsegment that was sent by itself."""

TRACE_ID = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")

_ID = re.compile(r"[0-9a-f]{16}")
_NAME = re.compile(r"[\w\s.:/%&#=+\\\-@]{1,200}")
_DEEPEST = 100
"""How deep subsegments may lie within each other: what nobody nests by hand would exhaust Python's stack."""
_OWN_ONLY = frozenset({"trace_id", "parent_id", "type"})
"""What says where a subsegment belongs; within its segment its place says that."""


def defect(document: Document) -> str | None:
    """Return the code for what X-Ray refuses in a document, such as `MissingId`; None when it takes it."""
    subsegment = document.get("type") == "subsegment"
    for field, pattern in (("name", _NAME), ("id", _ID), ("trace_id", TRACE_ID), ("parent_id", _ID)):
        value = document.get(field)
        called = "".join(part.capitalize() for part in field.split("_"))
        if value is None:
            if field != "parent_id" or subsegment:
                return f"Missing{called}"
        elif not isinstance(value, str) or not pattern.fullmatch(value):
            return f"Invalid{called}"
    if not _is_time(document.get("start_time")):
        return "MissingStartTime" if "start_time" not in document else "InvalidStartTime"
    if document.get("in_progress") is not True and not _is_time(document.get("end_time")):
        return "MissingEndTime" if "end_time" not in document else "InvalidEndTime"
    return None if _well_formed(document) else "ParseError"


def whole(documents: Iterable[dict[str, Any]]) -> tuple[list[dict[str, Any]], bool]:
    """Put the subsegments of a trace that were sent by themselves into the segments that they belong to.

    Args:
        documents: The trace's documents, which become parts of each other.

    Returns:
        The segments, by their start; and whether all of them have ended and every subsegment has its place.

    """
    every = list(documents)
    places = {part["id"]: part for document in every for part in parts(document) if "id" in part}
    complete = True
    segments: list[dict[str, Any]] = []
    for document in every:
        complete = complete and not document.get("in_progress")
        if document.get("type") != "subsegment":
            segments.append(document)
        elif (place := places.get(document["parent_id"])) is not None:
            inner = {key: value for key, value in document.items() if key not in _OWN_ONLY}
            places[document["id"]] = inner
            place.setdefault("subsegments", []).append(inner)
        else:
            complete = False
    segments.sort(key=lambda segment: float(segment["start_time"]))
    return segments, complete


def parts(document: Document) -> Iterator[Any]:
    """A segment and every subsegment in it, outermost first."""
    yield document
    for inner in document.get("subsegments", ()):
        yield from parts(inner)


def _well_formed(part: Document, depth: int = 0) -> bool:
    """Whether everything in a segment or subsegment that is read later has its type, and an end."""
    http = part.get("http", {})
    objects = [part.get("aws", {}), part.get("annotations", {}), http]
    if not all(isinstance(each, dict) for each in objects):
        return False
    if not all(isinstance(http.get(side, {}), dict) for side in ("request", "response")):
        return False
    if not all(isinstance(value, str | int | float) for value in part.get("annotations", {}).values()):
        return False
    if not all(isinstance(part.get(field, ""), str) for field in ("user", "origin", "resource_arn")):
        return False
    inner = part.get("subsegments", [])
    if depth == _DEEPEST or not isinstance(inner, list):
        return False
    return all(isinstance(each, dict) and _well_formed(each, depth + 1) for each in inner)


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
