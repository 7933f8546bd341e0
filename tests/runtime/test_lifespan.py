"""The lifespan runs once per environment, in INIT, on the loop that all invocations share."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest
from deployed_function import DEADLINE, InitFailedError
from http_events import body_of, http_api

APP = """
    import asyncio
    from contextlib import asynccontextmanager

    from fastlambda import FastLambda
    from fastapi import FastAPI, Request

    @asynccontextmanager
    async def lifespan(app):
        print("started")
        app.state.queue = asyncio.Queue()
        app.state.loop = asyncio.get_running_loop()
        yield {"from_lifespan": ["a value"]}
        print("stopped")

    app = FastAPI(lifespan=lifespan)

    @app.get("/loop")
    async def same_loop(request: Request):
        await request.app.state.queue.put(1)
        return {
            "same": request.app.state.loop is asyncio.get_running_loop(),
            "items": request.app.state.queue.qsize(),
            "state": request.state.from_lifespan,
        }

    @app.get("/asyncio-run")
    def runs_a_loop_of_its_own():
        asyncio.run(asyncio.sleep(0))

    @app.get("/leave-running")
    async def leave_running(request: Request):
        request.app.state.left = asyncio.create_task(asyncio.Event().wait())
        return await asyncio.to_thread(lambda: "left")

    handler = FastLambda(app)
"""


IN_PROCESS = f"""
    from types import SimpleNamespace
    context = SimpleNamespace(
        function_name="f", memory_limit_in_mb=128, invoked_function_arn="arn", aws_request_id="id"
    )
    with FastLambda(app) as handler:
        print(handler({http_api("/leave-running")!r}, context)["statusCode"])
    handler.close()
    print("closed")
"""


def test_startup_runs_in_init_and_only_there(deploy):
    function = deploy(APP, fresh=True)
    assert "started" in function.init.lines
    for _ in range(3):
        assert "started" not in function.invoke(http_api("/loop")).lines


def test_every_invocation_runs_on_the_loop_of_the_startup(deploy):
    function = deploy(APP, fresh=True)
    answers = [body_of(function.invoke(http_api("/loop")).answer) for _ in range(2)]
    assert answers == [
        b'{"same":true,"items":1,"state":["a value"]}',
        b'{"same":true,"items":2,"state":["a value"]}',
    ]


def test_a_route_that_runs_a_loop_of_its_own_does_not_take_ours_away(deploy):
    function = deploy(APP)
    assert function.invoke(http_api("/asyncio-run")).answer["statusCode"] == 200
    assert function.invoke(http_api("/loop")).answer["statusCode"] == 200


def test_sigterm_runs_the_shutdown_and_exits_0(deploy):
    # The runtimes from Python 3.12 on wait for events in a thread, so that the main thread gets signals.
    function = deploy(APP, fresh=True, AWS_EXECUTION_ENV="AWS_Lambda_python3.12")
    function.invoke(http_api("/loop"))
    function.process.send_signal(signal.SIGTERM)
    assert function.process.wait(DEADLINE) == 0
    assert function.output().splitlines()[-1] == "stopped"


def test_sigterm_keeps_a_handler_that_was_there_before(deploy):
    earlier = """
    import signal
    signal.signal(signal.SIGTERM, lambda number, frame: print("earlier handler"))
    """
    function = deploy(earlier + APP, fresh=True, AWS_EXECUTION_ENV="AWS_Lambda_python3.12")
    function.process.send_signal(signal.SIGTERM)
    assert function.process.wait(DEADLINE) == 0
    assert function.output().splitlines()[-2:] == ["stopped", "earlier handler"]


def test_a_failing_startup_fails_init_with_its_cause_and_the_line_of_the_app(deploy):
    source = """
    from contextlib import asynccontextmanager
    from fastlambda import FastLambda
    from fastapi import FastAPI

    @asynccontextmanager
    async def lifespan(app):
        connect_to_nowhere()
        yield

    def connect_to_nowhere():
        raise ConnectionError("no database")

    handler = FastLambda(FastAPI(lifespan=lifespan))
    """
    with pytest.raises(InitFailedError) as failure:
        deploy(source)
    report = failure.value.report
    assert report["errorType"] == "StartupError"
    assert "ConnectionError: no database" in report["errorMessage"]
    assert any("connect_to_nowhere" in frame for frame in report["stackTrace"])


@pytest.mark.parametrize(
    ("what", "app"),
    [
        ("refuses the lifespan scope", "assert scope['type'] == 'http'"),
        ("leaves its lifespan at once", "if scope['type'] != 'http': return"),
    ],
)
def test_an_asgi_app_without_a_lifespan_works(deploy, what, app):
    source = f"""
    from fastlambda import FastLambda

    async def app(scope, receive, send):
        {app}
        await send({{"type": "http.response.start", "status": 204, "headers": []}})
        await send({{"type": "http.response.body"}})

    handler = FastLambda(app)
    """
    assert deploy(source).invoke(http_api("/")).answer["statusCode"] == 204, what


def test_an_app_that_reports_its_failed_startup_without_raising_fails_init(deploy):
    source = """
    from fastlambda import FastLambda

    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "the cache is cold"})

    handler = FastLambda(app)
    """
    with pytest.raises(InitFailedError, match="the cache is cold"):
        deploy(source)


def test_a_startup_that_exits_ends_init(deploy):
    source = """
    import sys
    from contextlib import asynccontextmanager
    from fastlambda import FastLambda, StartupError
    from fastapi import FastAPI

    @asynccontextmanager
    async def lifespan(app):
        sys.exit("no way")
        yield

    try:
        FastLambda(FastAPI(lifespan=lifespan))
    except SystemExit as exit:
        raise RuntimeError(f"the process would exit: {exit}")
    """
    with pytest.raises(InitFailedError, match="the process would exit: no way"):
        deploy(source)


@pytest.mark.slow
def test_a_handler_that_is_built_in_a_test_of_the_app_starts_and_stops_it(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(APP).replace("handler = FastLambda(app)", textwrap.dedent(IN_PROCESS)))
    environment = {"PATH": os.defpath, "POWERTOOLS_TRACE_DISABLED": "true", "POWERTOOLS_METRICS_DISABLED": "true"}
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", script],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    said = [line for line in done.stdout.splitlines() if not line.startswith("{")]
    assert said == ["started", "200", "stopped", "closed"]
    assert done.stderr == ""
