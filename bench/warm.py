"""What a warm event costs, from the handler's call to its return: the runtime against the plain decorators.

Both serve the same FastAPI route behind Mangum with Powertools' Logger, Tracer and Metrics, and write their lines and
trace segments for real. The runtime does more: an access line, four metrics by route, annotations, failure handling.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from measured import table
from requested import CONTEXT, http_event

VARIANTS = ("plain", "runtime")
WARM_UP = 300


def environment(folder: str, xray_port: int) -> dict[str, str]:
    """The part of Lambda's environment variables that the libraries read."""
    return {
        **{name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ},
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_REGION": "us-east-1",
        "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{xray_port}",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "LAMBDA_TASK_ROOT": folder,
        "POWERTOOLS_METRICS_NAMESPACE": "Bench",
        "POWERTOOLS_SERVICE_NAME": "bench",
    }


def handler_of(variant: str) -> Callable[[dict[str, Any], Any], Any]:
    """Build the handler of a variant round the same app."""
    if variant == "runtime":
        from fastlambda import FastLambda  # noqa: PLC0415 - first, as in a function: it tunes INIT
    from fastapi import FastAPI  # noqa: PLC0415

    app = FastAPI()

    @app.get("/items/{item_id}")
    async def read(item_id: int) -> dict[str, int]:
        return {"item": item_id}

    if variant == "runtime":
        return FastLambda(app)

    from aws_lambda_powertools import Logger, Metrics, Tracer  # noqa: PLC0415
    from mangum import Mangum  # noqa: PLC0415

    logger, tracer, metrics, adapter = Logger(), Tracer(), Metrics(), Mangum(app, lifespan="off")

    @logger.inject_lambda_context(correlation_id_path="requestContext.requestId", clear_state=True)
    @tracer.capture_lambda_handler
    @metrics.log_metrics(capture_cold_start_metric=True)
    def handler(event: dict[str, Any], context: Any) -> Any:
        metrics.add_metric("Requests", "Count", 1)
        logger.info("request")
        return adapter(event, context)

    return handler


def work(variant: str, events: int, *, sampled: bool) -> None:
    """In a process of its own: print the median microseconds of one event on stderr."""
    handler = handler_of(variant)
    took: list[int] = []
    for number in range(WARM_UP + events):
        root = f"1-67891233-{number:024x}"
        os.environ["_X_AMZN_TRACE_ID"] = f"Root={root};Parent=53995c3f42cd8ad8;Sampled={int(sampled)}"
        event = http_event(f"/items/{number}")
        began = time.perf_counter_ns()
        answer = handler(event, CONTEXT)
        took.append(time.perf_counter_ns() - began)
        if answer["statusCode"] != 200:  # noqa: PLR2004
            raise SystemExit(f"{variant} answered {answer}")
    sys.stderr.write(json.dumps(statistics.median(took[WARM_UP:]) / 1000))


def main(rounds: int, events: int) -> None:
    """Run every variant in a fresh process per round, in random order, and print a table for each sampling decision."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon, tempfile.TemporaryDirectory() as folder:
        daemon.bind(("127.0.0.1", 0))
        env = environment(folder, daemon.getsockname()[1])
        for sampled in (True, False):
            samples: dict[str, list[float]] = {name: [] for name in VARIANTS}
            for _ in range(rounds):
                for name in random.sample(VARIANTS, k=len(VARIANTS)):
                    command = [sys.executable, __file__, "--work", name, "--events", str(events)]
                    flags = ["--sampled"] if sampled else []
                    done = subprocess.run(
                        [*command, *flags], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True
                    )
                    samples[name].append(json.loads(done.stderr.splitlines()[-1]))
            print("sampled" if sampled else "unsampled")
            print(table("µs", samples, base="plain"))


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--events", type=int, default=2000)
    options.add_argument("--work", choices=VARIANTS)
    options.add_argument("--sampled", action="store_true")
    chosen = options.parse_args()
    if chosen.work:
        work(chosen.work, chosen.events, sampled=chosen.sampled)
    else:
        main(chosen.rounds, chosen.events)
