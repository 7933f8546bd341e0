"""What a new artifact changes of the one that is live."""

from __future__ import annotations

from collections.abc import Mapping

from fastlambda_cli.deploy.model import ArtifactChange, FileChange, Published

Files = Mapping[str, tuple[int, int]]


def artifact_change(*, sha256: str, size: int, files: Files, live: Published | None) -> ArtifactChange:
    """Compare an artifact with the live one, file by file.

    Args:
        sha256: In base64.
        size: Bytes of the zip.
        files: Size and CRC-32 of each file by its path.
        live: What is live; None when nothing is.

    """
    unpacked = sum(file_size for file_size, _ in files.values())
    if live is None:
        return ArtifactChange(size, unpacked, changed=True)
    if live.sha256 == sha256:
        return ArtifactChange(size, unpacked, changed=False)
    return ArtifactChange(size, unpacked, changed=True, previous_size=live.size, files=_differences(live.files, files))


def _differences(before: Files, after: Files) -> tuple[FileChange, ...]:
    # The record of a release may be older than the lists of files; then nothing is known to have changed.
    if not before:
        return ()
    paths = sorted(before.keys() | after.keys())
    return tuple(
        FileChange(path, before[path][0] if path in before else None, after[path][0] if path in after else None)
        for path in paths
        if _differ(before.get(path), after.get(path))
    )


def _differ(before: tuple[int, int] | None, after: tuple[int, int] | None) -> bool:
    # A record that was read back from JSON has lists where there were tuples.
    return (before and tuple(before)) != (after and tuple(after))
