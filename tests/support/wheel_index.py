"""A package index (PEP 503) on this machine, with one wheel in it."""

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

_METADATA = "Metadata-Version: 2.1\nName: shelf\nVersion: 1\n"
_WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@dataclass
class WheelIndex:
    """The index; `lock` pins its wheel by the hash."""

    url: str
    wheel: Path
    lock: str

    def yank(self, reason: str) -> None:
        """Withdraw the wheel: PEP 592 leaves it to those who have pinned it."""
        self._list(f' data-yanked="{html.escape(reason)}"')

    def publish(self) -> None:
        self._list("")

    def _list(self, attribute: str) -> None:
        digest = hashlib.sha256(self.wheel.read_bytes()).hexdigest()
        link = f'<a href="{self.wheel.name}#sha256={digest}"{attribute}>{self.wheel.name}</a>'
        (self.wheel.parent / "index.html").write_text(f"<!DOCTYPE html><html><body>{link}</body></html>", "utf-8")


@contextmanager
def wheel_index(folder: Path) -> Iterator[WheelIndex]:
    """Serve an index from a folder, which has `shelf`, version 1."""
    wheel = folder / "simple" / "shelf" / "shelf-1-py3-none-any.whl"
    wheel.parent.mkdir(parents=True)
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("shelf/__init__.py", "WOOD = 'oak'\n")
        file.writestr("shelf-1.dist-info/METADATA", _METADATA)
        file.writestr("shelf-1.dist-info/WHEEL", _WHEEL)
        file.writestr("shelf-1.dist-info/RECORD", "shelf/__init__.py,,\nshelf-1.dist-info/RECORD,,\n")
    lock = f"shelf==1 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
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
