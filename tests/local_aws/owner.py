"""An owner to be killed: runs a local AWS, prints where it is as one JSON line, and waits for its end."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from fastlambda_cli.local.aws import LocalAws


async def main(directory: Path) -> None:
    async with LocalAws(directory, lambda _: None, port=0) as aws:
        print(json.dumps({"url": aws.endpoint_url, "emulator": aws.emulator_pid}), flush=True)  # noqa: T201
        await asyncio.Event().wait()


asyncio.run(main(Path(sys.argv[1])))
