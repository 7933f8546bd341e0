"""What a new artifact changes of the one that is live."""

from __future__ import annotations

from collections.abc import Mapping

from fastlambda_cli.deploy.model import ArtifactChange, FileChange, Published, PublishedImage, PublishedZip

Part = tuple[int, int | str]
"""Bytes of a file or a layer, and what tells its content from another."""


def artifact_change(new: Published, live: Published | None) -> ArtifactChange:
    """Compare an artifact with the live one, file by file or layer by layer.

    Args:
        new: The artifact.
        live: What is live; None when nothing is.

    """
    changed = live is None or _identity(live) != _identity(new)
    before = live.size if live is not None and changed else None
    if isinstance(new, PublishedImage):
        earlier = live.layers if isinstance(live, PublishedImage) else {}
        layers = _differences(earlier, new.layers)
        return ArtifactChange("image", new.size, None, changed=changed, previous_size=before, layers=layers)
    unpacked = sum(size for size, _ in new.files.values())
    # The record of a release may be older than the lists of files; then nothing is known to have changed.
    known = changed and isinstance(live, PublishedZip) and live.files
    files = sorted(_differences(known, new.files), key=lambda change: change.path) if known else ()
    return ArtifactChange("zip", new.size, unpacked, changed=changed, previous_size=before, files=tuple(files))


def _identity(artifact: Published) -> str:
    return artifact.digest if isinstance(artifact, PublishedImage) else artifact.sha256


def _differences(before: Mapping[str, Part], after: Mapping[str, Part]) -> tuple[FileChange, ...]:
    """What differs, in the order of what is new, as layers lie upon each other; what is gone comes last."""
    return tuple(
        FileChange(path, before[path][0] if path in before else None, after[path][0] if path in after else None)
        for path in dict.fromkeys((*after, *before))
        if _differ(before.get(path), after.get(path))
    )


def _differ(before: Part | None, after: Part | None) -> bool:
    # A record that was read back from JSON has lists where there were tuples.
    return (before and tuple(before)) != (after and tuple(after))
