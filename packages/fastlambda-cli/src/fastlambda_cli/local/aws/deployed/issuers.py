"""Issuers of tokens, those of Amazon Cognito that live in the emulator among them."""

from __future__ import annotations

import json
import re

from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.aws.deployed.state import DeployedState
from fastlambda_cli.local.http.issuers import Fetch, UnreachableError

_COGNITO = re.compile(
    r"(?P<issuer>https://cognito-idp\.[a-z0-9-]+\.amazonaws\.com/(?P<pool>[\w-]{1,55}))(?P<document>/\.well-known/.+)"
)


def with_cognito(state: DeployedState, otherwise: Fetch) -> Fetch:
    """Get the documents of user pools that the emulator has from there, and all others as `otherwise` does."""

    async def fetch(url: str) -> bytes:
        if found := _COGNITO.fullmatch(url):
            try:
                document = await state.of_user_pool(found["pool"], found["document"])
            except EmulatorError as problem:
                raise UnreachableError(problem.in_one_line()) from problem
            if document is not None:
                return _as_on_aws(document, found["issuer"])
        return await otherwise(url)

    return fetch


def _as_on_aws(document: bytes, issuer: str) -> bytes:
    """Put the keys where Amazon Cognito has them; the emulator names its own address (Cognito developer guide)."""
    found = json.loads(document)
    if "jwks_uri" in found:
        found["jwks_uri"] = f"{issuer}/.well-known/jwks.json"
    return json.dumps(found).encode()
