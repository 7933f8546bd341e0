"""Versions with a SnapStart snapshot, which cost by the second for as long as they are there, used or not."""

from __future__ import annotations

from collections.abc import Collection

from fastlambda_cli.aws.session import Aws, translated

_SNAPSHOT = "PublishedVersions"


def prune_snapshots(aws: Aws, function: str, live: str, keep: Collection[str]) -> tuple[str, ...]:
    """Delete a function's versions that have a snapshot and that nobody will ask any more.

    Those without one cost nothing and stay, and so does whatever is newer than the live version: it may belong to a
    deployment that is under way. A return to an earlier release publishes a version of its own and needs none of them.

    Args:
        aws: Where.
        function: Its name.
        live: The version that is live.
        keep: Other versions to keep; those that an alias leads to are kept by themselves.

    Returns:
        The versions that were deleted.

    Raises:
        AwsError: AWS refuses.

    """
    client = aws.client("lambda")
    with translated(f"look for snapshots of {function} that nobody asks"):
        versions = [
            version["Version"]
            for page in client.get_paginator("list_versions_by_function").paginate(FunctionName=function)
            for version in page["Versions"]
            if version["Version"].isdecimal() and version.get("SnapStart", {}).get("ApplyOn") == _SNAPSHOT
        ]
        aliases = [
            alias
            for page in client.get_paginator("list_aliases").paginate(FunctionName=function)
            for alias in page["Aliases"]
        ]
    used = {live, *keep}
    for alias in aliases:
        used |= {alias["FunctionVersion"], *alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})}
    unused = tuple(version for version in versions if version not in used and int(version) < int(live))
    for version in unused:
        with translated(f"delete version {version} of {function}"):
            client.delete_function(FunctionName=function, Qualifier=version)
    return unused
