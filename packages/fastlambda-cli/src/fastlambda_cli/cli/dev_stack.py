"""The stack of the stage that `dev` runs, kept as the service describes it while everything else goes on."""

from __future__ import annotations

import asyncio

from fastlambda_cli.errors import FastLambdaError
from fastlambda_cli.local.cloud import LocalCloud
from fastlambda_cli.local.model import Notice, Sink, TelemetryEvent
from fastlambda_cli.service.model import Service


class DevStack:
    """Brings the stack up to date whenever the service has been read.

    Args:
        sink: Is told what was done, and what could not be.

    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._described: asyncio.Queue[Service] = asyncio.Queue()

    def describe(self, service: Service) -> None:
        """Have the stack follow this description, after those before it."""
        self._described.put_nowait(service)

    async def follow(self, cloud: LocalCloud) -> None:
        """Keep the stack in a running local cloud up to date, until cancelled.

        A description that cannot be deployed is told, and the stack waits for the next one. On cancellation a
        deployment that is under way comes to its end first, so the local cloud has to outlive this.
        """
        loop = asyncio.get_running_loop()

        def tell(event: TelemetryEvent) -> None:
            loop.call_soon_threadsafe(self._sink, event)

        while True:
            service = await self._described.get()
            # boto3 blocks, and the thread that waits for it cannot be cancelled.
            work = asyncio.ensure_future(asyncio.to_thread(_bring, service, cloud, tell))
            try:
                await asyncio.wait({work})
            finally:
                await asyncio.wait({work})
                self._report(service, work.exception())
            if work.exception() is None and self._described.empty():
                await self._assume_roles(service, cloud)

    async def _assume_roles(self, service: Service, cloud: LocalCloud) -> None:
        try:
            await cloud.assume_roles()
        except FastLambdaError as problem:
            self._report(service, problem)

    def _report(self, service: Service, problem: BaseException | None) -> None:
        if isinstance(problem, FastLambdaError):
            text = f"The stack of {service.name} is not up to date. {problem.in_one_line()}"
            self._sink(Notice(text, warning=True))
        elif problem is not None:
            # A bug of ours: with its traceback, and no reason to stop running the service.
            context = {"message": "Could not bring dev's stack up to date", "exception": problem}
            asyncio.get_running_loop().call_exception_handler(context)


def _bring(service: Service, cloud: LocalCloud, tell: Sink) -> None:
    # On this thread, while the first INIT runs: it brings the whole engine and AWS's SDK with it.
    from fastlambda_cli.cli.dev_deployment import bring_up_to_date  # noqa: PLC0415

    bring_up_to_date(service, cloud.stage, cloud.endpoint_url, cloud.keys, tell)
