"""`fastlambda schema`: what [tool.fastlambda] may hold, for editors."""

from __future__ import annotations

import json

from fastlambda_cli.service.schema import json_schema


def schema() -> None:
    """Print the JSON schema of `[tool.fastlambda]`, for editors.

    An editor that knows it completes the keys of the table and marks what is wrong while you type.
    """
    print(json.dumps(json_schema(), indent=2))
