"""Debug information of a shared object: half of what many wheels weigh, and nothing that a function ever reads.

A loader looks at program headers and never at sections, so what stands behind the last segment of a file can be cut
off with the table that names it. Nothing moves, and no tool of the machine decides what the result looks like.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_ELF_64_LITTLE = b"\x7fELF\x02\x01"
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_NOBITS = 8
_ALLOC = 2
_DEBUG = b".debug_"


@dataclass(frozen=True, slots=True)
class _Section:
    name: bytes
    begin: int
    end: int
    loaded: bool


def without_debug_information(content: bytes) -> bytes:
    """Cut off what the debuggers of a shared object read, if nothing else would go with it.

    Args:
        content: A file. What is no 64-bit little-endian ELF file (System V gABI, "Object Files"), has no debug
            information, or has anything else behind its last segment, comes back as it is.

    """
    try:
        return _cut(content) if content.startswith(_ELF_64_LITTLE) else content
    except (struct.error, IndexError, ValueError):  # its headers lead out of it: nothing here can say what it is
        return content


def _cut(content: bytes) -> bytes:
    fields = list(_HEADER.unpack_from(content))
    segments_at, sections_at, header_size = fields[5], fields[6], fields[8]
    segment_size, segments, section_size, count, names_in = fields[9:]
    if (header_size, segment_size, section_size) != (_HEADER.size, _SEGMENT.size, _SECTION.size):
        return content
    table = segments_at + segments * segment_size
    ends = (_segment_end(content, segments_at + number * segment_size) for number in range(segments))
    end = max(table, *ends)
    sections = list(_sections(content, sections_at, count, names_in))
    if not any(section.name.startswith(_DEBUG) for section in sections):
        return content
    behind = sorted((section.begin, section.end) for section in sections if not section.loaded)
    behind.append((sections_at, sections_at + count * section_size))
    if behind[0][0] < end or not _covers(content, end, sorted(behind)):
        return content
    fields[6] = fields[12] = fields[13] = 0  # no table of sections, none in it, none with their names
    return _HEADER.pack(*fields) + content[_HEADER.size : end]


def _segment_end(content: bytes, at: int) -> int:
    _, _, offset, _, _, size, _, _ = _SEGMENT.unpack_from(content, at)
    return int(offset + size)


def _sections(content: bytes, at: int, count: int, names_in: int) -> Iterator[_Section]:
    headers = [_SECTION.unpack_from(content, at + number * _SECTION.size) for number in range(count)]
    names = headers[names_in][4]
    for name, kind, flags, _, offset, size, *_ in headers[1:]:
        if kind != _NOBITS:
            begin = names + name
            yield _Section(
                content[begin : content.index(b"\0", begin)], offset, offset + size, loaded=bool(flags & _ALLOC)
            )


def _covers(content: bytes, begin: int, ranges: list[tuple[int, int]]) -> bool:
    """Whether these ranges are all that a file has from there on, but for zeroes between them."""
    reached = begin
    for start, end in itertools.chain(ranges, [(len(content), len(content))]):
        if end > len(content) or any(content[reached:start]):
            return False
        reached = max(reached, end)
    return True
