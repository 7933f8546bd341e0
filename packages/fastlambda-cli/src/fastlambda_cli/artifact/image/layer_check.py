"""What is in a gzipped layer, read once from its beginning to its end."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class LayerContents:
    """What a layer is.

    Attributes:
        digest: Of the file.
        diff_id: Of what is in it, uncompressed.
        unpacked: Bytes of that.
        orphan: The first path whose folder the layer has later or not at all; None if there is none.
        links: Where each path leads that is a symbolic link; an empty text for all others.

    """

    digest: str
    diff_id: str
    unpacked: int
    orphan: str | None
    links: Mapping[str, str]


def read_contents(path: Path) -> LayerContents:
    """Read a layer.

    Raises:
        OSError: It cannot be read, or is no gzip file.
        tarfile.TarError: It is no tar.

    """
    folders: set[str] = set()
    links: dict[str, str] = {}
    orphan = None
    with gzip.open(path) as uncompressed:
        stream = _Hashing(uncompressed)
        with tarfile.open(fileobj=io.BufferedReader(stream, _CHUNK), mode="r|") as tar:
            for member in tar:
                name = PurePosixPath("/", member.name.removeprefix("./")).relative_to("/")
                parents = {str(parent) for parent in name.parents} - {"."}
                if orphan is None and not parents <= folders:
                    orphan = str(name)
                if member.isdir():
                    folders.add(str(name))
                links[str(name)] = member.linkname if member.issym() else ""
        while stream.read(_CHUNK):  # what stands behind the end of the archive counts for its digest
            pass
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return LayerContents(f"sha256:{digest}", f"sha256:{stream.sha256.hexdigest()}", stream.size, orphan, links)


class _Hashing(io.RawIOBase):
    """Reads another stream, and knows the digest and the size of what came by."""

    def __init__(self, source: gzip.GzipFile) -> None:
        super().__init__()
        self._source = source
        self.sha256 = hashlib.sha256()
        self.size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._source.read(len(buffer))
        buffer[: len(data)] = data
        self.sha256.update(data)
        self.size += len(data)
        return len(data)
