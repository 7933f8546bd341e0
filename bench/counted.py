"""Load a handler as the runtime client does, answer a number of requests, and stop dead: `init.py` counts the work."""

from __future__ import annotations

import importlib
import os
import sys


def main(module: str, events: int) -> None:
    """Import the module from the working directory and call its `handler`."""
    here, sys.path[0] = sys.path[0], os.getcwd()  # noqa: PTH109 - nothing that INIT itself may not import
    handler = importlib.import_module(module).handler
    if events:
        sys.path.append(here)
        from requested import CONTEXT, http_event  # noqa: PLC0415

        for _ in range(events):
            answer = handler(http_event("/api/v1/books"), CONTEXT)
            if answer["statusCode"] != 200:  # noqa: PLR2004
                raise SystemExit(f"{module} answered {answer}")
    sys.stdout.flush()
    # What an interpreter does to end is no part of INIT.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
