"""The least that Invoke can take on asyncio: ours against two hops of HTTP that understand nothing, in one run.

The hops are what any local Lambda has to do for an event: take a POST of the client, answer the runtime's GET with it,
take the runtime's POST, answer that, and answer the client when the runtime asks again. Nothing is parsed, checked or
kept, and there is one environment. The runtime is awslambdaric with the same no-op.

    python floor.py serve       is the hops, by itself
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from clients import Asked, ask
from lambdas import EVENTS, emulated, ended, ours, runtime_interface_emulator
from measured import table

from fastlambda_cli.local.function import FunctionSpec

_SERVE = "serve"
_JSON = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n\r\n%s"
_ABOUT = (
    b"Lambda-Runtime-Aws-Request-Id: 8b4a1c1e-6f2e-4a55-9d4e-3d1c34f9a0aa\r\n"
    b"Lambda-Runtime-Deadline-Ms: 4102444800000\r\n"
    b"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:000000000000:function:noop\r\n"
    b"Lambda-Runtime-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0\r\n"
)
_EVENT = _JSON % (b"200 OK", _ABOUT, 2, b"{}")
_ACCEPTED = _JSON % (b"202 Accepted", b"", 16, b'{"status":"OK"}\n')
_ANSWER = _JSON % (b"200 OK", b"", 4, b"null")
_NULL = b"null"
OURS, AWS, FLOOR = "fastlambda", "aws-lambda-rie", "floor"


class _Hops(asyncio.Protocol):
    """A connection, of the client or of the runtime: the two that wait are remembered."""

    waiting: dict[str, asyncio.WriteTransport] = {}  # noqa: RUF012 - there is one environment

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"POST /2015-03-31/"):
            self.waiting["client"] = self._transport
            if runtime := self.waiting.get("runtime"):  # else it still starts, and asks soon
                runtime.write(_EVENT)
        elif data.startswith(b"GET "):
            started, self.waiting["runtime"] = "runtime" in self.waiting, self._transport
            if "client" in self.waiting:
                self.waiting.pop("client").write(_ANSWER) if started else self._transport.write(_EVENT)
        elif data.endswith(_NULL):  # the head of what the runtime posts comes apart from its body
            self._transport.write(_ACCEPTED)


async def serve() -> None:
    """Tell the port, and serve until this process is ended."""
    server = await asyncio.get_running_loop().create_server(_Hops, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def hops(spec: FunctionSpec) -> Iterator[Sequence[Asked]]:
    """Run the hops with one environment of a function."""
    server = subprocess.Popen([sys.executable, __file__, _SERVE], stdout=subprocess.PIPE, start_new_session=True)
    with ended(server):
        assert server.stdout is not None  # noqa: S101 - it is a pipe
        address = f"127.0.0.1:{int(server.stdout.readline())}"
        environment = spec.environment(address, spec.new_log_stream())
        runtime = subprocess.Popen(spec.command, env=environment, cwd=spec.task_root, start_new_session=True)
        with ended(runtime):
            yield [Asked(f"http://{address}/2015-03-31/functions/noop/invocations", EVENTS["noop"])]


def main(rounds: int, seconds: float) -> None:
    """Print a table of medians."""
    took: dict[str, list[float]] = {AWS: [], OURS: [], FLOOR: []}
    with contextlib.ExitStack() as stack:
        program = stack.enter_context(runtime_interface_emulator())
        local = stack.enter_context(ours(Path(stack.enter_context(tempfile.TemporaryDirectory())), 1))
        spec = local.specs["noop"]
        bare = stack.enter_context(hops(spec))
        targets = {AWS: stack.enter_context(emulated(program, spec, 1)), OURS: local.asked("noop", 1), FLOOR: bare}
        for clients in targets.values():
            ask(clients, requests=200)
        for _ in range(rounds):
            for name in random.sample(list(targets), k=len(targets)):
                answered = ask(targets[name], seconds=seconds)
                took[name].append(answered.median_ms)
    print(table("ms", took, base=AWS))


if __name__ == "__main__":
    if sys.argv[1:] == [_SERVE]:
        asyncio.run(serve())
    else:
        options = argparse.ArgumentParser(description=__doc__)
        options.add_argument("--rounds", type=int, default=9)
        options.add_argument("--seconds", type=float, default=0.5)
        chosen = options.parse_args()
        main(chosen.rounds, chosen.seconds)
