"""A registry of container images on a socket, small and strict, that fails in whatever way a test asks it to.

It keeps to the OCI distribution specification: digests are checked, a manifest needs all that it names, an upload goes
on only where it ended.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

DIGEST = "docker-content-digest"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass
class Repository:
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)


@dataclass
class Asked:
    """A request; `sent` is how many bytes of its body arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    sent: int = 0


@dataclass
class Fault:
    """What goes wrong with the first requests that fit.

    Attributes:
        fits: Which requests.
        status: What is answered instead.
        headers: Of that answer.
        break_after: After how many bytes of the request's body, or of the answer's, the connection is cut.
        garble: Whether the answer's body is something else.
        times: How many requests it meets.

    """

    fits: Callable[[Asked], bool]
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    break_after: int | None = None
    garble: bool = False
    times: int = 1


class ImageRegistry:
    """What the registry holds, what it was asked, and what it does wrong."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.uploads: dict[str, bytearray] = {}
        self.asked: list[Asked] = []
        self.faults: list[Fault] = []
        self.login: tuple[str, str] | None = None
        self.tokens: set[str] | None = None
        """Those that are good; None is to want no token."""
        self.mounts = True
        self.tells_progress = True
        self.host = ""

    def repository(self, name: str) -> Repository:
        return self.repositories.setdefault(name, Repository())

    def blob(self, repository: str, content: bytes) -> str:
        digest = digest_of(content)
        self.repository(repository).blobs[digest] = content
        return digest

    def manifest(self, repository: str, tag: str, document: Any) -> str:
        content = json.dumps(document).encode()
        media_type = document["mediaType"]
        digest = digest_of(content)
        for key in (tag, digest):
            self.repository(repository).manifests[key] = (media_type, content)
        return digest

    def count(self, method: str, part: str = "") -> int:
        return sum(asked.method == method and part in asked.path for asked in self.asked)

    def uploaded(self) -> int:
        """Bytes that came in bodies."""
        return sum(asked.sent for asked in self.asked)


@contextmanager
def image_registry() -> Iterator[ImageRegistry]:
    """Run one, as long as the block lasts."""
    registry = ImageRegistry()
    handler = type("Handler", (_Handler,), {"registry": registry})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    registry.host = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _CutError(Exception):
    """The connection is to be cut now."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: ClassVar[ImageRegistry]

    def do_GET(self) -> None:
        self._handle()

    do_HEAD = do_POST = do_PATCH = do_PUT = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass

    def _handle(self) -> None:
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.asked = Asked(self.command, url.path, parse_qs(url.query), headers)
        self.registry.asked.append(self.asked)
        self.fault = next((fault for fault in self.registry.faults if fault.times and fault.fits(self.asked)), None)
        if self.fault is not None:
            self.fault.times -= 1
        try:
            self._route(url.path)
        except _CutError:
            self.close_connection = True

    def _route(self, path: str) -> None:
        fault = self.fault
        if fault is not None and fault.status is not None:
            self._body()
            self._answer(fault.status, fault.body, fault.headers)
        elif path == "/token":
            self._token()
        elif not self._let_in():
            self._body()
            self._refuse_to_strangers()
        elif "/blobs/uploads/" in path:
            repository, _, upload = path.removeprefix("/v2/").partition("/blobs/uploads/")
            self._upload(repository, upload)
        elif "/blobs/" in path:
            repository, _, digest = path.removeprefix("/v2/").partition("/blobs/")
            content = self.registry.repository(repository).blobs.get(digest)
            if content is None:
                self._error(404, "BLOB_UNKNOWN")
            else:
                self._answer(200, content, {DIGEST: digest})
        else:
            repository, _, key = path.removeprefix("/v2/").partition("/manifests/")
            self._manifest(repository, key)

    def _manifest(self, repository: str, key: str) -> None:
        held = self.registry.repository(repository)
        if self.command == "PUT":
            content = self._body()
            document = json.loads(content)
            for blob in (document["config"], *document["layers"]):
                if blob["digest"] not in held.blobs:
                    self._error(400, "MANIFEST_BLOB_UNKNOWN", blob["digest"])
                    return
            for name in (key, digest_of(content)):
                held.manifests[name] = (self.asked.headers["content-type"], content)
            self._answer(201, b"", {DIGEST: digest_of(content)})
        elif key in held.manifests:
            media_type, content = held.manifests[key]
            self._answer(200, content, {DIGEST: digest_of(content), "content-type": media_type})
        else:
            self._error(404, "MANIFEST_UNKNOWN", "manifest unknown")

    def _upload(self, repository: str, upload: str) -> None:
        held, query = self.registry.repository(repository), self.asked.query
        if self.command == "POST":
            self._body()
            mount, source = query.get("mount", [""])[0], query.get("from", [""])[0]
            if self.registry.mounts and mount in self.registry.repository(source).blobs:
                held.blobs[mount] = self.registry.repository(source).blobs[mount]
                self._answer(201, b"", {"location": f"/v2/{repository}/blobs/{mount}"})
                return
            upload = str(uuid.uuid4())
            self.registry.uploads[upload] = bytearray()
            self._progress(202, repository, upload)
        elif upload not in self.registry.uploads or (self.command == "GET" and not self.registry.tells_progress):
            self._body()
            self._error(404, "BLOB_UPLOAD_UNKNOWN")
        elif self.command == "GET":
            self._progress(204, repository, upload)
        elif self.command == "PATCH":
            self._patch(repository, upload)
        else:
            self._body()
            content = bytes(self.registry.uploads.pop(upload))
            if digest_of(content) == query["digest"][0]:
                held.blobs[digest_of(content)] = content
                self._answer(201, b"", {"location": f"/v2/{repository}/blobs/{digest_of(content)}"})
            else:
                self._error(400, "DIGEST_INVALID", "the digest is another one")

    def _patch(self, repository: str, upload: str) -> None:
        received = self.registry.uploads[upload]
        begin = self.asked.headers.get("content-range", f"{len(received)}-").partition("-")[0]
        if int(begin) != len(received):
            self._body()
            self._error(416, "BLOB_UPLOAD_INVALID")
            return
        self._body(received)
        self._progress(202, repository, upload)

    def _progress(self, status: int, repository: str, upload: str) -> None:
        last = max(len(self.registry.uploads[upload]) - 1, 0)
        location = f"/v2/{repository}/blobs/uploads/{upload}?state={last}"
        self._answer(status, b"", {"location": location, "range": f"0-{last}"})

    def _body(self, into: bytearray | None = None) -> bytes:
        body = bytearray() if into is None else into
        left = int(self.headers.get("content-length", 0))
        limit = self.fault.break_after if self.fault else None
        while left:
            wanted = min(left, 65536, limit - self.asked.sent if limit is not None else left)
            if not wanted:
                raise _CutError
            piece = self.rfile.read(wanted)
            if not piece:
                raise _CutError
            body += piece
            self.asked.sent += len(piece)
            left -= len(piece)
        return bytes(body)

    def _answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        if self.fault and self.fault.garble:
            content = bytes(byte ^ 1 for byte in content)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("content-length", str(len(content)))
        self.end_headers()
        if self.command == "HEAD" or status == 204:
            return
        if self.fault and self.fault.break_after is not None and self.command == "GET":
            self.wfile.write(content[: self.fault.break_after])
            raise _CutError
        self.wfile.write(content)

    def _error(self, status: int, code: str, message: str = "") -> None:
        self._answer(status, json.dumps({"errors": [{"code": code, "message": message}]}).encode(), {})

    def _let_in(self) -> bool:
        registry, given = self.registry, self.headers.get("authorization", "")
        if registry.tokens is not None:
            return given.removeprefix("Bearer ") in registry.tokens
        return registry.login is None or given == _basic(*registry.login)

    def _refuse_to_strangers(self) -> None:
        bearer = f'Bearer realm="http://{self.registry.host}/token",service="here"'
        wanted = 'Basic realm="here"' if self.registry.tokens is None else bearer
        body = json.dumps({"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}).encode()
        self._answer(401, body, {"www-authenticate": wanted})

    def _token(self) -> None:
        registry = self.registry
        form = parse_qs(self._body().decode())
        secret = form.get("refresh_token", [""])[0]
        known = registry.login is None or self.headers.get("authorization") == _basic(*registry.login)
        if not known and not (registry.login and secret == registry.login[1]):
            self._error(401, "UNAUTHORIZED", "who are you?")
            return
        token = str(uuid.uuid4())
        assert registry.tokens is not None
        registry.tokens.add(token)
        self._answer(200, json.dumps({"token": token}).encode(), {"content-type": "application/json"})


def _basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
