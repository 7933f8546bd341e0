"""What a JSON Web Token says, once its signature and its times are right.

Imported with the first token: PyJWT and what it stands on take a tenth of a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jwt

ALGORITHMS = ("RS256", "RS384", "RS512")
"""API Gateway takes tokens that are signed with RSA only."""

_SEGMENTS = 3


class TokenError(Exception):
    """A token is not valid; the text is what the client is told.

    What AWS documents or others have recorded of it: the segments, the signing method, the audience and the expiry.
    """


def header(token: str) -> tuple[str, str]:
    """Read which algorithm signed a token, with which key.

    Raises:
        TokenError: It is no token, is signed otherwise, or names no key.

    """
    if token.count(".") != _SEGMENTS - 1:
        raise TokenError("token contains an invalid number of segments")
    try:
        found = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError as problem:
        raise TokenError(f"the token cannot be decoded: {problem}") from problem
    if found.get("alg") not in ALGORITHMS:
        raise TokenError(f"signing method {found.get('alg')} is invalid")
    if not isinstance(found.get("kid"), str):
        raise TokenError("the token has no kid")
    return found["alg"], found["kid"]


def claims(token: str, algorithm: str, key: Mapping[str, Any], issuer: str, audience: tuple[str, ...]) -> Any:
    """Return a token's claims.

    Args:
        token: The token.
        algorithm: The one that its header names.
        key: The public key, as a JSON Web Key.
        issuer: Who must have issued it.
        audience: For one of whom it must be.

    Raises:
        TokenError: The signature does not fit, it is not valid now, or it is of or for somebody else.

    """
    try:
        public = jwt.PyJWK.from_dict(dict(key), algorithm).key
        found = jwt.decode(
            token,
            public,
            algorithms=[algorithm],
            issuer=issuer,
            # `aud` is looked at below: without it `client_id` counts. Nobody looks at `sub` and `jti`.
            options={"require": ["exp", "iss"], "verify_aud": False, "verify_sub": False, "verify_jti": False},
        )
    except jwt.InvalidSignatureError as problem:
        raise TokenError("crypto/rsa: verification error") from problem
    except jwt.ExpiredSignatureError as problem:
        raise TokenError("the token has expired") from problem
    except jwt.InvalidIssuerError as problem:
        raise TokenError("issuer does not match") from problem
    except (jwt.PyJWTError, ValueError) as problem:  # ValueError: the key is none
        raise TokenError(str(problem)) from problem
    if not _for_one_of(found, audience):
        raise TokenError("the token does not have a valid audience")
    return found


def _for_one_of(found: Mapping[str, Any], audience: tuple[str, ...]) -> bool:
    named = found["aud"] if found.get("aud") is not None else found.get("client_id")
    return any(each in audience for each in (named if isinstance(named, list) else [named]))
