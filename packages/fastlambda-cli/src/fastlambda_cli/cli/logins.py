"""Who the user is to a registry of images: to Amazon ECR by the AWS credentials, to others as docker or podman know."""

from __future__ import annotations

from fastlambda_cli.artifact.image.authentication import Login, Logins
from fastlambda_cli.artifact.image.logins import KeptLogins, login_files
from fastlambda_cli.aws.registry import region_of_registry, registry_login


def logins_of(profile: str | None) -> Logins:
    """Find logins for registries.

    Args:
        profile: Of the AWS configuration files, for Amazon ECR.

    """
    kept = KeptLogins(login_files())

    def login(host: str) -> Login | None:
        region = region_of_registry(host)
        if region is None:
            return kept(host)
        from fastlambda_cli.aws.session import connect  # noqa: PLC0415 - AWS's SDK, which other registries do without

        with connect(profile, region) as aws:
            return Login(*registry_login(aws, host))

    return login
