"""A package index (PEP 503) on this machine, with wheels of one package."""

from __future__ import annotations

import hashlib
import html
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_METADATA = "Metadata-Version: 2.1\nName: shelf\nVersion: {version}\n"
_WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n"


@dataclass
class WheelIndex:
    """The index; `lock` pins its first wheel by the hash."""

    url: str
    wheel: Path
    lock: str

    def yank(self, reason: str) -> None:
        """Withdraw the wheel: PEP 592 leaves it to those who have pinned it."""
        self._list(f' data-yanked="{html.escape(reason)}"')

    def publish(self) -> None:
        self._list("")

    def add(self, version: str, tag: str) -> None:
        """Publish one more wheel, of another version or for another platform."""
        _write_wheel(self.wheel.parent, version, tag)
        self.publish()

    def _list(self, attribute: str) -> None:
        links = "".join(
            f'<a href="{wheel.name}#sha256={_sha256(wheel)}"{attribute}>{wheel.name}</a>'
            for wheel in sorted(self.wheel.parent.glob("*.whl"))
        )
        (self.wheel.parent / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>", "utf-8")


def _write_wheel(folder: Path, version: str, tag: str) -> Path:
    wheel = folder / f"shelf-{version}-{tag}.whl"
    information = f"shelf-{version}.dist-info"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("shelf/__init__.py", "WOOD = 'oak'\n")
        file.writestr(f"{information}/METADATA", _METADATA.format(version=version))
        file.writestr(f"{information}/WHEEL", _WHEEL.format(tag=tag))
        file.writestr(f"{information}/RECORD", f"shelf/__init__.py,,\n{information}/RECORD,,\n")
    return wheel


def _sha256(wheel: Path) -> str:
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


@contextmanager
def wheel_index(folder: Path, *, tag: str = "py3-none-any") -> Iterator[WheelIndex]:
    """Serve an index from a folder, which has `shelf`, version 1."""
    shelf = folder / "simple" / "shelf"
    shelf.mkdir(parents=True)
    wheel = _write_wheel(shelf, "1", tag)
    lock = f"shelf==1 --hash=sha256:{_sha256(wheel)}\n"
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        index = WheelIndex(f"http://127.0.0.1:{server.server_port}/simple", wheel, lock)
        index.publish()
        yield index
    finally:
        server.shutdown()
        server.server_close()


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""
