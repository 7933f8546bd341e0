"""A deployment in a process of its own, to be killed: it stops for good when it tells something with a word in it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from deployments import target_in

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.aws.model import StackEvent
from fastlambda_cli.aws.session import connect
from fastlambda_cli.deploy import deploy
from fastlambda_cli.deploy.model import Happening


def words(happening: Happening) -> str:
    return f"{happening.logical_id} {happening.status}" if isinstance(happening, StackEvent) else happening.text


def main(folder: str, endpoint: str, stop_at: str) -> None:
    def tell(happening: Happening) -> None:
        if stop_at in words(happening):
            print("stopped", flush=True)  # noqa: T201
            signal.pause()

    keys = Keys(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
    with connect(endpoint_url=endpoint, keys=keys) as aws:
        deploy(target_in(Path(folder)), aws, tell, confirm=lambda _: True)


main(*sys.argv[1:])
