"""`python -m demo.token`: print a bearer token for the API of `fastlambda dev`, good for an hour."""

from __future__ import annotations

import asyncio
import os
import sys
import time

import jwt

from demo.auth import ALGORITHM, WRITER
from demo.settings import SECRET_ENV, AppSecrets
from fastlambda.secrets import Secret, SecretError
from fastlambda.secretsmanager import SecretsManagerProvider

LIFETIME_S = 3600


def minted(secrets: AppSecrets, now: float) -> str:
    """Return a token with the role Books.Write that ends LIFETIME_S seconds after `now` (seconds since the epoch)."""
    claims = {"sub": "local", "roles": [WRITER], "iat": int(now), "exp": int(now) + LIFETIME_S}
    return jwt.encode(claims, secrets.jwt_secret.get_secret_value(), ALGORITHM)


def main() -> None:
    """Read the local secret and print a token, or one line that says why there is none."""
    if "AWS_ENDPOINT_URL" not in os.environ:
        sys.exit('No token: this shell does not know the local AWS. Run `eval "$(fastlambda env)"` first.')
    os.environ.setdefault(SECRET_ENV, "fastapi-books-dev/app")
    secret = Secret(AppSecrets, env=SECRET_ENV, provider=SecretsManagerProvider())
    try:
        secrets = asyncio.run(secret.get())
    except SecretError as error:
        sys.exit(f"No token: {error.what}: {error.why}. Is `fastlambda dev examples/books` running?")
    print(minted(secrets, time.time()))  # noqa: T201


if __name__ == "__main__":
    main()
