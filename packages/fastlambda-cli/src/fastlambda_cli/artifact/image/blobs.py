"""A store of blobs by their digest, which is checked whenever one is put there."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO

from fastlambda_cli.artifact.image.model import Descriptor, checked_digest
from fastlambda_cli.errors import ToolchainError

_KEPT_BYTES = 4 * 2**30


class WrongDigestError(Exception):
    """What came is not what its digest names."""


class BlobStore:
    """Blobs in a folder of the cache; several commands may use it at once.

    Args:
        folder: Where; it is made when something is put there.

    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, wanted: str) -> Path | None:
        """The file of a blob, if it is here and still what its digest names; one that is damaged is deleted."""
        path = self._path(wanted)
        try:
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        except FileNotFoundError:
            return None
        if f"sha256:{digest}" != wanted:
            path.unlink(missing_ok=True)
            return None
        os.utime(path)
        return path

    async def put(self, blob: Descriptor, content: AsyncIterator[bytes]) -> Path:
        """Store a blob while it comes.

        Args:
            blob: What it has to be.
            content: It, in pieces.

        Raises:
            WrongDigestError: It is something else. Nothing is stored then.
            ToolchainError: The store cannot be written.

        """
        with self._written():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".partial-", delete=False) as file:
                try:
                    await _receive(blob, content, file)
                    file.flush()
                    path = self._path(blob.digest)
                    Path(file.name).replace(path)
                except BaseException:
                    Path(file.name).unlink(missing_ok=True)
                    raise
            self._forget_oldest(path)
        return path

    def put_bytes(self, content: bytes) -> str:
        """Store a small blob whole; returns its digest.

        Raises:
            ToolchainError: The store cannot be written.

        """
        digest = digest_of(content)
        with self._written():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".partial-", delete=False) as file:
                file.write(content)
            Path(file.name).replace(self._path(digest))
        return digest

    def _path(self, digest: str) -> Path:
        return self._folder / checked_digest(digest).removeprefix("sha256:")

    @contextlib.contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
        except OSError as problem:
            raise ToolchainError(
                "Cannot keep what an image is made of",
                why=str(problem),
                remedy=f"See that {self._folder} can be written to and its disk has room, then start again.",
            ) from problem

    def _forget_oldest(self, current: Path) -> None:
        """Keep the store bounded: the least recently used blobs go, never the one that has just come."""
        found: list[tuple[float, int, Path]] = []
        for path in self._folder.iterdir():
            # Another command may be forgetting the same ones.
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        total = 0
        for _, size, path in sorted(found, reverse=True):
            total += size
            if total > _KEPT_BYTES and path != current:
                path.unlink(missing_ok=True)


async def _receive(blob: Descriptor, content: AsyncIterator[bytes], file: IO[bytes]) -> None:
    digest, size = hashlib.sha256(), 0
    async for piece in content:
        digest.update(piece)
        size += len(piece)
        if size > blob.size:
            break
        file.write(piece)
    if size != blob.size or f"sha256:{digest.hexdigest()}" != blob.digest:
        raise WrongDigestError(f"{size:,} bytes with the digest sha256:{digest.hexdigest()} came for {blob.digest}")


def digest_of(content: bytes) -> str:
    """The digest that names some bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
