"""The emulator's own process: ministack under uvicorn, on a listening socket it inherits.

Run by path with the Python of the emulator's environment, never imported by the engine:

    python launcher LISTENER_FD OWNER_FD [SERVICE ...]

It ends when SIGTERM arrives or when the other end of OWNER_FD closes, which happens even if the owner is killed.
What ministack holds in memory is saved while it runs, because ministack by itself saves only at a clean end.
Its standard output carries one message for the user a line; its log is on standard error.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, NoReturn, TypeAlias

import uvicorn
from activating import activate_at_once  # type: ignore[import-not-found,unused-ignore]
from alarms import evaluate_alarms_rightly  # type: ignore[import-not-found,unused-ignore]
from asking import ask_where_told  # type: ignore[import-not-found,unused-ignore]
from changes import Changes, count_changes  # type: ignore[import-not-found,unused-ignore]
from concurrency import keep_concurrency  # type: ignore[import-not-found,unused-ignore]
from configurations import check_configurations  # type: ignore[import-not-found,unused-ignore]
from delivering import ask_targets  # type: ignore[import-not-found,unused-ignore]
from fifo_topics import keep_order  # type: ignore[import-not-found,unused-ignore]
from firing import after_targets  # type: ignore[import-not-found,unused-ignore]
from hangup import ended_by_hangup  # type: ignore[import-not-found,unused-ignore]
from images import check_images  # type: ignore[import-not-found,unused-ignore]
from invoking import invoke_elsewhere  # type: ignore[import-not-found,unused-ignore]
from joining import join_values  # type: ignore[import-not-found,unused-ignore]
from mappings import check_mappings  # type: ignore[import-not-found,unused-ignore]
from ministack import app as ministack  # type: ignore[import-not-found,unused-ignore]
from rescheduling import count_anew  # type: ignore[import-not-found,unused-ignore]
from reserving import reserve_concurrency  # type: ignore[import-not-found,unused-ignore]
from roles import role  # type: ignore[import-not-found,unused-ignore]
from runtime_management import keep_runtime_management  # type: ignore[import-not-found,unused-ignore]
from saving import Saved, save_less  # type: ignore[import-not-found,unused-ignore]
from signing import Key, given_out, presign_code  # type: ignore[import-not-found,unused-ignore]
from urls import function_url, make_local_urls  # type: ignore[import-not-found,unused-ignore]
from websocket_apis import refuse_websockets  # type: ignore[import-not-found,unused-ignore]
from zones import follow_zones  # type: ignore[import-not-found,unused-ignore]

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

EXIT_STATE_UNREADABLE = 3

_SAVE_PAUSE_S = 1.0
_SAVE_SHARE = 0.02  # of the time may go into saving, however large the state grows
_IDLE_SAVE_S = 5.0  # queues change state without a request; the pause doubles while they do not
_LONGEST_IDLE_S = 20.0
_HEALTH = "/_ministack/health"
_MAPPINGS = "/2015-03-31/event-source-mappings/"
_OURS = "/_fastlambda/"
"""What only the engine asks, on the private socket."""
_SAVE = "/_fastlambda/save"
"""Answers once everything so far is on disk."""
_CODE = re.compile(r"/_fastlambda/lambda-code/(\d{12})/([a-z0-9-]+)/([^/]+)/([^/]+)")
"""Ours too: the deployment package of any version, by account, region and function; ministack's is always $LATEST's."""
_URL = "/_fastlambda/function-url/"
"""Ours as well, before the id of a function URL: whose it is."""
_KEYS = re.compile(r"/_fastlambda/keys/(\w+)")
"""Ours too: the secret and the holder of an access key that IAM or STS made, by its id."""
_ROLE = "/_fastlambda/roles/"
"""Ours too, before the name of a role: its id, and whether Lambda may assume it."""
_DECISION = "/_fastlambda/decision"
"""Ours too: whether somebody may do what the front door does itself."""
_CALLER = b"x-fastlambda-caller"
"""Who asks, in the front door's words; nobody else reaches the socket. The account's root is not named."""
_GRACE_S = 2
_LAST_RESORT_S = 3.0


class ProblemsWithState(logging.Handler):
    """Collects what ministack only logs: state it could not load, or could not save."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message."""
        self.messages.append(record.getMessage().splitlines()[0])

    def take(self) -> list[str]:
        """Return the messages since the last call."""
        messages, self.messages = self.messages, []
        return messages


class SavedWhileRunning:
    """ministack's ASGI app with its state saved soon after every request.

    Args:
        tell: Takes one line for the user.
        saved: What its files have.
        mappings: Counts changes of event source mappings, which answers tell.

    """

    def __init__(self, tell: Callable[[str], None], saved: Saved, mappings: Changes) -> None:
        self._tell = tell
        self._saved = saved
        self._mappings = mappings
        self._problems = ProblemsWithState()
        for name in ("persistence", "ministack"):
            logging.getLogger(name).addHandler(self._problems)
        self._changed = False
        self._save_failed = False
        self._saving: asyncio.Task[None] | None = None
        self._answering = 0
        self._ministack = ended_by_hangup(ministack.app)
        self.state_unreadable = False
        self.end_gracefully: Callable[[], None] = lambda: None

    def changed(self) -> None:
        """Save soon: something has changed without a request. From any thread."""
        self._changed = True

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, or run the lifespan."""
        if scope["type"] == "lifespan":
            await ministack.app(scope, receive, self._watch_startup(send))
            return
        if scope["path"].startswith(_OURS):
            await self._answer(scope["path"], receive, send)
            return
        self._answering += 1
        try:
            scope, send = _asked(scope, send)
            await self._ministack(scope, receive, self._mappings.told(send))
        finally:
            self._answering -= 1
            self._changed = self._changed or not _only_looks(scope)

    async def _answer(self, path: str, receive: Receive, send: Send) -> None:
        """Answer what only the engine asks."""
        if path == _SAVE:
            await self._save_now(send)
        elif code := _CODE.fullmatch(path):
            await _send_code(send, *code.groups())
        elif path == _DECISION:
            question = json.loads(await _body(receive))
            await _send_json(send, 200, importlib.import_module("permissions").decide(question))
        elif path.startswith(_ROLE):
            found = role(path.removeprefix(_ROLE))
            await _send_json(send, 404 if found is None else 200, found)
        elif key := _KEYS.fullmatch(path):
            await _send_json(send, *given_out(key[1]))
        else:
            await _send(send, function_url(path.removeprefix(_URL)))

    def _watch_startup(self, send: Send) -> Send:
        async def watched(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                if problems := self._problems.take():
                    # ministack would go on with empty state, and write that over the file it could not read.
                    self.state_unreadable = True
                    for problem in problems:
                        self._tell(problem)
                    await send({"type": "lifespan.startup.failed", "message": "; ".join(problems)})
                    return
                self._saving = asyncio.create_task(self._save_regularly())
                self._saving.add_done_callback(self._saving_ended)
                asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._terminated)
            elif message["type"] == "lifespan.shutdown.complete" and self._saving is not None:
                self._saving.cancel()
            await send(message)

        return watched

    def _terminated(self) -> None:
        """End at once when no request is left to wait for: uvicorn and ministack take a quarter of a second to."""
        if self._answering:
            self.end_gracefully()
            return
        self._save()
        end(0)

    async def _save_regularly(self) -> None:
        saved_at = time.monotonic()
        pause, idle = _SAVE_PAUSE_S, _IDLE_SAVE_S
        while True:
            await asyncio.sleep(pause)
            if not self._changed and time.monotonic() - saved_at < idle:
                continue
            started, written, asked = time.monotonic(), self._saved.written, self._changed
            self._save()
            saved_at = time.monotonic()
            pause = max(_SAVE_PAUSE_S, (saved_at - started) / _SAVE_SHARE)
            nothing_new = self._saved.written == written and not asked
            idle = min(idle * 2, _LONGEST_IDLE_S) if nothing_new else _IDLE_SAVE_S

    async def _save_now(self, send: Send) -> None:
        self._save()
        status = 500 if self._save_failed else 204
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    def _save(self) -> None:
        self._changed = False
        # On the loop, not on a thread: no request changes the state while it is written.
        self._saved.everything(ministack._build_persistence_save_dict())  # noqa: SLF001
        self._report([problem for problem in self._problems.take() if problem.startswith("Persistence:")])

    def _saving_ended(self, saving: asyncio.Task[None]) -> None:
        problem = None if saving.cancelled() else saving.exception()
        if problem is not None:
            self._tell(f"state is no longer saved until the end: {problem!r}")

    def _report(self, failures: list[str]) -> None:
        """Tell the first time that saving fails, not every time."""
        if failures and not self._save_failed:
            more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
            self._tell(f"state is not saved: {failures[0]}{more}")
        self._save_failed = bool(failures)
        if failures:
            self._saved.forget()
        self._changed = self._changed or self._save_failed


def _only_looks(scope: Message) -> bool:
    """Whether it is one of the requests that the engine makes every second."""
    return bool(scope["path"] == _HEALTH or (scope["path"] == _MAPPINGS and scope["method"] == "GET"))


def _asked(scope: Message, send: Send) -> tuple[Message, Send]:
    """A request and its answer's way out, as ministack is to have them: with its caller asked for permissions."""
    caller = next((value for name, value in scope["headers"] if name == _CALLER), None)
    if caller is None:
        return scope, send
    kept = [pair for pair in scope["headers"] if pair[0] != _CALLER]
    return {**scope, "headers": kept}, importlib.import_module("permissions").asked(caller, send)


async def _send_code(send: Send, account: str, region: str, name: str, version: str) -> None:
    function = ministack._get_module("lambda_svc")._functions.get_scoped(account, region, name) or {}  # noqa: SLF001
    record = function if version == "$LATEST" else function.get("versions", {}).get(version, {})
    await _send(send, record.get("code_zip") or b"")


async def _send(send: Send, found: bytes) -> None:
    """Answer what was found; 404 when that is nothing."""
    headers = [(b"content-length", b"%d" % len(found))]
    await send({"type": "http.response.start", "status": 200 if found else 404, "headers": headers})
    await send({"type": "http.response.body", "body": found})


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


async def _send_json(send: Send, status: int, found: object) -> None:
    body = json.dumps(found).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def tell_user() -> Callable[[str], None]:
    """Reserve standard output for messages to the user; whatever else is printed joins the log."""
    messages = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)

    def tell(line: str) -> None:
        print(line, file=messages)

    return tell


def end_with_owner(owner: int, server: uvicorn.Server) -> None:
    """End the server once the owner is gone, even when the event loop hangs."""

    def watch() -> None:
        while os.read(owner, 1):
            pass
        server.should_exit = True
        time.sleep(_LAST_RESORT_S)
        os._exit(1)

    threading.Thread(target=watch, name="owner watch", daemon=True).start()


def load_ahead(services: Sequence[str]) -> None:
    """Import services before the first request for them; ministack does it in that request, CloudFormation for long."""

    def load() -> None:
        for name in services:
            importlib.import_module(f"ministack.services.{name}")

    threading.Thread(target=load, name="services ahead", daemon=True).start()


def main(listener: int, owner: int, *services: str) -> int:
    """Serve until told to end; return the exit code."""
    tell = tell_user()
    port, key = int(os.environ["GATEWAY_PORT"]), Key.of_emulator()
    invoke_elsewhere(port, key)
    make_local_urls(port)
    presign_code(key)
    activate_at_once()
    evaluate_alarms_rightly()
    join_values()
    keep_order()
    ask_where_told()
    ask_targets(tell)
    follow_zones(tell)
    count_anew()
    keep_concurrency(port, key)
    check_images()
    check_configurations()
    keep_runtime_management()
    refuse_websockets()
    reserve_concurrency()
    changes = count_changes()
    check_mappings()
    app = SavedWhileRunning(tell, save_less(), changes)
    after_targets(app.changed)
    config = uvicorn.Config(
        app,
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        date_header=False,  # ministack sets its own
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_GRACE_S,
    )
    server = uvicorn.Server(config)
    app.end_gracefully = lambda: setattr(server, "should_exit", True)
    end_with_owner(owner, server)
    load_ahead(services)
    asyncio.run(server.serve(sockets=[socket.socket(fileno=listener)]))
    return EXIT_STATE_UNREADABLE if app.state_unreadable else 0


def end(code: int) -> NoReturn:
    """End the process, whose state is saved: no worker thread of the emulator may keep it."""
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    end(main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]))
