"""A service of two functions without packages: the engine reads what its consumers are, and nobody imports them."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path
from typing import Self

_CONSUMERS = """
from fastlambda import EventRouter

events = EventRouter()


@events.sqs("imports", max_receive_count=5{worker})
async def take(book): ...


@events.sqs("stock")
async def count(stock): ...
"""

_HANDLER = """
import contextlib, json, os, socket

if "READ" in os.environ:  # read by the engine; what runs here has no packages
    from fastlambda import FastLambda
    from consumers import events
    FastLambda(print, events=events)

NAME = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
VERSION = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
{body}

def handler(event, context):
    if "rawPath" in event:
        return {{"statusCode": 200, "body": f"{text} of {{NAME}}:{{VERSION}}"}}
    for record in event["Records"]:
        hold = json.loads(record["body"]).get("hold")
        if hold:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", hold)) as held:
                held.sendall(NAME.encode())
                held.recv(1)
        print(json.dumps({{"taken": record["body"], "by": f"{{NAME}}:{{VERSION}}"}}))
    return {{"batchItemFailures": []}}
"""


class Held:
    """Holds messages while the block runs: their functions ask here, for they share no files with the tests.

    Attributes:
        port: Names it in a message.
        names: The functions that have such a message.

    """

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._asking: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, name="held messages")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for connection in (self._server, *self._asking):
            connection.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # shut down
            while True:
                connection, _ = self._server.accept()
                self._asking.append(connection)
                self.names.add(connection.recv(100).decode())


def declare(folder: Path, worker: str = ', function="worker"') -> None:
    """Declare a consumer of the queue `imports`, the worker's unless other arguments are given, and one of `stock`."""
    (folder / "consumers.py").write_text(_CONSUMERS.format(worker=worker), encoding="utf-8")


def handler(text: str, body: str = "") -> str:
    """A handler that answers HTTP with the text and its name, and writes down by which name a message was taken.

    A message with the port of a `Held` as `hold` is not handled before that is over.
    """
    return _HANDLER.format(text=text, body=body)
