"""An issuer of tokens: an RSA key, what OpenID Connect Discovery wants of it, and tokens that it signs."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
import time
from collections.abc import Iterator
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

AUDIENCE = "books"


@cache
def _private_key(name: str) -> rsa.RSAPrivateKey:  # noqa: ARG001 - what it is cached by
    """One key a name and process: making one takes a tenth of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class TokenIssuer:
    """Signs tokens in the name of its URL; `key` names the key it signs with, and publishes."""

    def __init__(self, url: str, key: str = "first") -> None:
        self.url = url
        self.key = key
        self.asked: list[str] = []

    def token(self, *, signed_as: str | None = None, kid: str | None = None, **claims: Any) -> str:
        """Sign a token that is valid for an hour; a claim that is None is left out."""
        now = int(time.time())
        standard = {"iss": self.url, "aud": AUDIENCE, "iat": now, "exp": now + 3600, "sub": "momo"}
        stated = {name: value for name, value in (standard | claims).items() if value is not None}
        headers = {"kid": kid or self.key}
        return jwt.encode(stated, _private_key(signed_as or self.key), "RS256", headers=headers)

    def document(self, url: str) -> dict[str, Any]:
        """Return what is published at a URL of its own; raises KeyError."""
        self.asked.append(url)
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(_private_key(self.key).public_key()))
        return {
            f"{self.url}/.well-known/openid-configuration": {"issuer": self.url, "jwks_uri": f"{self.url}/keys"},
            f"{self.url}/keys": {"keys": [public | {"kid": self.key, "use": "sig", "alg": "RS256"}]},
        }[url]


@contextlib.contextmanager
def running_issuer() -> Iterator[TokenIssuer]:
    """Run an issuer on this machine while the block runs."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                body, status = json.dumps(issuer.document(issuer.url + self.path)).encode(), 200
            except KeyError:
                body, status = b"{}", 404
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer = TokenIssuer(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="token issuer")
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
