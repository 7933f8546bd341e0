"""Bearer tokens: JWTs signed with the secret's `jwt_secret`, and refused as RFC 6750 says."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import jwt
from fastapi import Depends, HTTPException, Request, status
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from demo.secrets import SecretSource

ALGORITHM = "HS256"
WRITER = "Books.Write"
REALM = "fastapi-books"

_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description=f"A JWT with the role {WRITER}")


async def may_write(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> None:
    """Let a request through whose token carries the role Books.Write.

    Raises:
        HTTPException: 401 without a token or with one that is not valid, 403 without the role.

    """
    if credentials is None:
        _refuse(status.HTTP_401_UNAUTHORIZED, "A bearer token is required")
    try:
        claims = await verified(credentials.credentials, request.app.state.secrets)
    except jwt.InvalidTokenError as invalid:
        reason = str(invalid) if isinstance(invalid, jwt.ExpiredSignatureError) else "The token is not valid"
        _refuse(status.HTTP_401_UNAUTHORIZED, reason, error="invalid_token")
    roles = claims.get("roles")
    if not isinstance(roles, list) or WRITER not in roles:
        _refuse(status.HTTP_403_FORBIDDEN, f"The role {WRITER} is required", error="insufficient_scope", scope=WRITER)


async def verified(token: str, secrets: SecretSource) -> dict[str, Any]:
    """Return the claims of a token that one of the secret's versions signed; raises jwt.InvalidTokenError."""
    async with aclosing(_keys(secrets)) as keys:
        async for key in keys:
            try:
                # Only this algorithm: the token's own header, which may say "none", has no say.
                return jwt.decode(token, key, algorithms=[ALGORITHM], options={"require": ["exp"]})
            except jwt.InvalidSignatureError as error:
                failure = error
    raise failure


async def _keys(secrets: SecretSource) -> AsyncGenerator[str]:
    """Yield the keys to try, dearest last: in memory, then of before the rotation, then of since."""
    current = await secrets.get()
    yield current.jwt_secret.get_secret_value()
    if previous := await secrets.previous():
        yield previous.jwt_secret.get_secret_value()
    renewed = await secrets.refetch()
    if renewed != current:
        yield renewed.jwt_secret.get_secret_value()


def _refuse(code: int, detail: str, **parameters: str) -> NoReturn:
    """Raise the answer of RFC 6750, section 3: an error code only for a request that carried a token."""
    if parameters:
        parameters["error_description"] = detail
    challenge = ", ".join(f'{name}="{value}"' for name, value in {"realm": REALM, **parameters}.items())
    raise HTTPException(code, detail, headers={"WWW-Authenticate": f"Bearer {challenge}"})
