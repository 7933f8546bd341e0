"""Which service a request is signed for: Signature Version 4 names it in the credential's scope."""

from __future__ import annotations

import re

from fastlambda_cli.local.serve import Scope

_CREDENTIAL = re.compile(rb"Credential=[^/\s]+/\d+/[^/\s]+/(?P<service>[a-z0-9-]+)/aws4_request")


def signed_for(scope: Scope) -> bytes | None:
    """The signing name of the service, such as `lambda`; None when the request is not signed in its headers."""
    for name, value in scope["headers"]:
        if name == b"authorization" and (found := _CREDENTIAL.search(value)):
            return bytes(found["service"])
    return None
