from __future__ import annotations

from local_aws import local_aws, unique  # noqa: F401
