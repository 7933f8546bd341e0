"""The access keys that requests to the local AWS are signed with."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Keys:
    """An access key, as AWS makes them (IAM User Guide, "Manage access keys for IAM users").

    Attributes:
        access_key_id: Names the key; anybody may see it.
        secret_access_key: Signs; nobody may see it.
        session_token: Goes with temporary keys; None with others.

    """

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
