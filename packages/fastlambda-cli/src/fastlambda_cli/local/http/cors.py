"""CORS as an HTTP API does it when it is configured: API Gateway developer guide, "Configure CORS for HTTP APIs".

The gateway then answers preflights by itself, and replaces the CORS headers of the function.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from fastlambda_cli.local.http.request import HttpRequest
from fastlambda_cli.local.http.response import Answer
from fastlambda_cli.service.deployment import CorsSpec

_PREFIX = "access-control-"


@dataclass(frozen=True, slots=True)
class Cors:
    """A CORS configuration; the fields are those of the API Gateway v2 API's `Cors`, and `max_age` is in seconds.

    Attributes:
        preflight_status: What a preflight is answered.
        keeps_others: Whether headers of the function stay that this configuration does not set.

    """

    allow_origins: tuple[str, ...] = ()
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    allow_credentials: bool = False
    max_age: int = 0
    preflight_status: int = 204
    keeps_others: bool = False

    @classmethod
    def of_url(cls, given: Mapping[str, Any]) -> Cors:
        """Read the `Cors` of a function URL, which takes precedence over the function's headers and drops none else.

        Lambda developer guide, "Creating and managing Lambda function URLs".
        """
        return dataclasses.replace(cls.from_api(given), preflight_status=200, keeps_others=True)

    @classmethod
    def from_api(cls, given: Mapping[str, Any]) -> Cors:
        """Read the `corsConfiguration` of an API; keys may begin with a capital, as in CloudFormation."""
        found = {key[:1].lower() + key[1:]: value for key, value in given.items()}
        return cls(
            allow_origins=tuple(found.get("allowOrigins") or ()),
            allow_methods=tuple(found.get("allowMethods") or ()),
            allow_headers=tuple(found.get("allowHeaders") or ()),
            expose_headers=tuple(found.get("exposeHeaders") or ()),
            allow_credentials=str(found.get("allowCredentials", False)).lower() == "true",
            max_age=int(found.get("maxAge") or 0),
        )

    @classmethod
    def configured(cls, spec: CorsSpec | None) -> Cors | None:
        """What a service configures; None when it leaves CORS to the app."""
        if spec is None:
            return None
        return cls(
            allow_origins=spec.origins,
            allow_methods=spec.methods,
            allow_headers=spec.headers,
            expose_headers=spec.expose_headers,
            allow_credentials=spec.credentials,
            max_age=spec.max_age,
        )

    def preflight(self, request: HttpRequest) -> Answer | None:
        """Answer a preflight request; None when it is none."""
        if request.method != "OPTIONS" or not request.header("access-control-request-method"):
            return None
        lists = (
            ("access-control-allow-methods", self.allow_methods),
            ("access-control-allow-headers", self.allow_headers),
        )
        headers = self._origin(request)
        if headers:
            headers += [(name, ",".join(values)) for name, values in lists if values]
            headers.append(("access-control-max-age", str(self.max_age)))
        return Answer(self.preflight_status, tuple(headers), b"")

    def applied(self, answer: Answer, request: HttpRequest) -> Answer:
        """Return the function's answer with the CORS headers of this configuration."""
        allowed = self._origin(request)
        if allowed and self.expose_headers:
            allowed.append(("access-control-expose-headers", ",".join(self.expose_headers)))
        ours = {name for name, _ in allowed}
        headers = [pair for pair in answer.headers if not (pair[0].startswith(_PREFIX) and self._drops(pair[0], ours))]
        return dataclasses.replace(answer, headers=(*headers, *allowed))

    def _drops(self, name: str, ours: Collection[str]) -> bool:
        return name in ours or not self.keeps_others

    def _origin(self, request: HttpRequest) -> list[tuple[str, str]]:
        origin = request.header("origin")
        if not origin or not {"*", origin}.intersection(self.allow_origins):
            return []
        headers = [("access-control-allow-origin", "*" if "*" in self.allow_origins else origin)]
        if self.allow_credentials:
            headers.append(("access-control-allow-credentials", "true"))
        return headers
