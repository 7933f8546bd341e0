"""X-Ray patches, one library at a time, when the app imports it.

Powertools' `auto_patch` imports every supported library at once, botocore with all it needs among them, to patch what
the app may never use: about a sixth of INIT.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from types import ModuleType

import wrapt

_log = logging.getLogger(__name__)

# The X-Ray SDK's name of each library, and the module whose import makes the library patchable.
_TRIGGERS = {
    "aiobotocore": "aiobotocore.client",
    "botocore": "botocore.client",
    "httpx": "httpx",
    "mysql": "mysql.connector",
    "pg8000": "pg8000",
    "psycopg": "psycopg",
    "psycopg2": "psycopg2.extras",
    "pymongo": "pymongo.monitoring",
    "pymysql": "pymysql",
    "pynamodb": "pynamodb",
    "requests": "requests",
    "sqlalchemy_core": "sqlalchemy",
    "sqlite3": "sqlite3",
}


def patch_when_imported() -> None:
    """Have every library that the SDK supports patched as soon as its import ends, or now if it is imported."""
    sdk = logging.getLogger("aws_xray_sdk")
    if sdk.level == logging.NOTSET:
        sdk.setLevel(logging.WARNING)  # it tells every patch at INFO, in every INIT
    for library, trigger in _TRIGGERS.items():
        wrapt.register_post_import_hook(_patcher(library), trigger)


def _patcher(library: str) -> Callable[[ModuleType], None]:
    def patch(module: ModuleType) -> None:
        from aws_xray_sdk.core import patch as xray_patch  # noqa: PLC0415 - nothing to patch, nothing to import

        # The import system binds a submodule to its package only after the hooks, and the SDK looks it up there.
        parent, _, child = module.__name__.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)
        try:
            xray_patch((library,))
        except Exception as error:  # noqa: BLE001 - tracing must not break the import of what it would trace
            _log.warning("Calls of %s are not traced: the X-Ray SDK cannot patch it: %r", library, error)

    return patch
