"""Amazon ECR's registries: whose they are, and the login that AWS credentials are good for."""

from __future__ import annotations

import base64
import re

from fastlambda_cli.aws.session import Aws, translated

# Amazon ECR user guide, "Amazon ECR private registries"; the second form is the dual-stack endpoint.
_HOST = re.compile(
    r"(?P<account>[0-9]{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)"
)


def region_of_registry(host: str) -> str | None:
    """The Region of a private ECR registry; None for every other registry."""
    found = _HOST.fullmatch(host)
    return found["region"] if found else None


def registry_login(aws: Aws, host: str) -> tuple[str, str]:
    """User name and password for a private ECR registry; they hold for twelve hours.

    Args:
        aws: In the registry's Region.
        host: The registry's.

    Raises:
        AwsError: The credentials do not work, or may not ecr:GetAuthorizationToken.

    """
    with translated(f"log in to {host}"):
        answer = aws.client("ecr").get_authorization_token()
    user, _, password = base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode().partition(":")
    return user, password
