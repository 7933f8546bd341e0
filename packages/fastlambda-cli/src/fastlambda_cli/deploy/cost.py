"""What a stack costs a month at a stated load, from a table of list prices with its date and source."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from fastlambda_cli.deploy.model import Cost, CostLine

_MONTH_S = 730 * 3600
"""The seconds of AWS's month of 730 hours."""

_POLLERS = 5
_LONG_POLL_S = 20
"""How Lambda asks an empty queue: five at a time (AWS Lambda Developer Guide, "Configuring scaling behavior
for SQS event source mappings"), each with the longest poll of SQS."""

_REQUEST_MS = 50
_LOG_BYTES = 1500
_MILLION = 1_000_000
_MB_IN_GB = 1024
_FREE_STORAGE_MB = 512
_OF_EVENTS = (
    "AWS::Lambda::EventSourceMapping",
    "AWS::SNS::Subscription",
    "AWS::Events::Rule",
    "AWS::Scheduler::Schedule",
)
_TRACES_A_SECOND = 1
_TRACED_BEYOND = 0.05
"""Lambda's sampling, which cannot be changed: the first request of a second, and 5 % of the others (AWS Lambda
Developer Guide, "Visualize Lambda function invocations using AWS X-Ray")."""


def estimate(document: Mapping[str, Any], secrets: int, *, requests_per_month: int = _MILLION) -> Cost:
    """Estimate what a template's stack costs.

    Args:
        document: The template, as it is for AWS.
        secrets: How many secrets the deployment made or makes for the stack.
        requests_per_month: Spread evenly.

    """
    stack = _Stack(document, secrets, requests_per_month, _prices())
    lines = tuple(stack.lines())
    load = f"{requests_per_month:,} requests a month of {_REQUEST_MS} ms, {_LOG_BYTES / 1000:g} KB of logs each"
    prices = stack.prices
    return Cost(load, lines, f"{prices['source']} ({prices['date']})", tuple(stack.unpriced()))


@cache
def _prices() -> Mapping[str, Any]:
    return tomllib.loads((files(__package__) / "prices.toml").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class _Stack:
    document: Mapping[str, Any]
    secrets: int
    requests: int
    prices: Mapping[str, Any]

    def lines(self) -> Iterator[CostLine]:
        """Tell what has a price."""
        yield from self._lambda()
        yield self._line("HTTP API", f"{self.requests:,} requests", self._millions("http_api", "million_requests"))
        gigabytes = self.requests * _LOG_BYTES / 1e9
        yield self._line("Logs, ingested", f"{gigabytes:.2f} GB", gigabytes * self.prices["logs"]["ingested_gb"])
        yield from self._queues()
        yield from self._fixed()
        if self._function.get("TracingConfig", {}).get("Mode") == "Active":
            traces = self._traces()
            price = self.prices["xray"]["million_traces"]
            yield self._line("X-Ray", f"{traces:,} traces", traces / _MILLION * price)

    def unpriced(self) -> Iterator[str]:
        """Tell what costs as well and is not in the sum, and why."""
        if self._of_type("AWS::ApplicationAutoScaling::ScalableTarget"):
            yield "environments that scaling provisions beyond the minimum"
        if self._snap_start:
            price = self.prices["lambda"]["snap_start_restored_gb"]
            yield f"SnapStart's restores, {price:.5f} USD a GB each, and the caches of earlier versions"
        if self._function.get("PackageType") == "Image":
            yield f"images in Amazon ECR, {self.prices['ecr']['stored_gb']:.2f} USD a GB each month"
        if "VpcConfig" in self._function:
            yield "the VPC's NAT gateways and endpoints"
        if any(self._of_type(kind) for kind in _OF_EVENTS):
            yield "messages, notifications and events, and the work that they bring"
        if self._of_type("AWS::DynamoDB::Table"):
            yield "reads and writes of idempotency records: two writes for each message or request that is done once"
        price = self.prices["metrics"]["custom_metric"]
        yield f"custom metrics, {price:.2f} USD a month each: their number is that of the routes in use"
        yield "stored logs, secrets' calls, data that leaves AWS, cold starts"

    @property
    def _function(self) -> Mapping[str, Any]:
        """The one that answers HTTP, which is what the load is of."""
        return next(iter(self._of_type("AWS::Lambda::Function")), {})

    @property
    def _architecture(self) -> str:
        return str(self._function.get("Architectures", ["x86_64"])[0])

    @property
    def _gigabytes(self) -> float:
        return _gigabytes(self._function)

    @property
    def _snap_start(self) -> bool:
        return bool(self._function.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions")

    @property
    def _provisioned(self) -> int:
        return _provisioned(next(iter(self._of_type("AWS::Lambda::Alias")), {}))

    def _waiting_consumers(self) -> Iterator[tuple[int, float]]:
        """Of each function that only consumes: its environments that wait, and their GB."""
        for alias in self._of_type("AWS::Lambda::Alias")[1:]:
            function = self.document["Resources"][alias["FunctionName"]["Ref"]]["Properties"]
            if waiting := _provisioned(alias):
                yield waiting, _gigabytes(function)

    @property
    def _extra_storage(self) -> float:
        """GB of /tmp beyond what costs nothing."""
        size = int(self._function.get("EphemeralStorage", {}).get("Size", _FREE_STORAGE_MB))
        return (size - _FREE_STORAGE_MB) / _MB_IN_GB

    def _lambda(self) -> Iterator[CostLine]:
        prices, architecture = self.prices["lambda"], self._architecture
        yield self._line(
            "Lambda, requests", f"{self.requests:,} requests", self._millions("lambda", "million_requests")
        )
        seconds = self.requests * _REQUEST_MS / 1000
        worked = seconds * self._gigabytes
        a_second = prices["provisioned_duration_gb_second" if self._provisioned else "gb_second"][architecture]
        yield self._line(f"Lambda, duration on {architecture}", f"{worked:,.0f} GB-s", worked * a_second)
        if self._provisioned:
            waiting = self._provisioned * _MONTH_S * self._gigabytes
            what = f"Lambda, {self._provisioned} provisioned"
            yield self._line(what, f"{waiting:,.0f} GB-s", waiting * prices["provisioned_gb_second"][architecture])
        for number, gigabytes in self._waiting_consumers():
            seconds_gb = number * _MONTH_S * gigabytes
            price = seconds_gb * prices["provisioned_gb_second"][architecture]
            yield self._line(f"Lambda, {number} provisioned for consumers", f"{seconds_gb:,.0f} GB-s", price)
        if self._extra_storage:
            stored = seconds * self._extra_storage
            what = "Lambda, ephemeral storage"
            yield self._line(what, f"{stored:,.0f} GB-s", stored * prices["ephemeral_gb_second"])
        if self._snap_start:
            snapped = [one for one in self._of_type("AWS::Lambda::Function") if one.get("SnapStart")]
            cached = _MONTH_S * sum(_gigabytes(one) for one in snapped)
            price = prices["snap_start_cached_gb_second"]
            versions = "one cached version" if len(snapped) == 1 else f"{len(snapped)} cached versions"
            yield self._line(f"SnapStart, {versions}", f"{cached:,.0f} GB-s", cached * price)

    def _queues(self) -> Iterator[CostLine]:
        polled = [one for one in self._of_type("AWS::Lambda::EventSourceMapping") if one.get("Enabled", True)]
        if polled:
            requests = len(polled) * _POLLERS * _MONTH_S // _LONG_POLL_S
            price = requests / _MILLION * self.prices["sqs"]["million_requests"]
            queues = "an empty queue" if len(polled) == 1 else f"{len(polled)} empty queues"
            yield self._line(f"SQS, asking {queues}", f"{requests:,} requests", price)

    def _fixed(self) -> Iterator[CostLine]:
        metrics = self.prices["metrics"]
        if self.secrets:
            price = self.prices["secrets_manager"]["secret"]
            yield self._line("Secrets Manager", _counted(self.secrets, "secret"), self.secrets * price)
        if alarms := len(self._of_type("AWS::CloudWatch::Alarm")):
            yield self._line("CloudWatch alarms", _counted(alarms, "alarm"), alarms * metrics["alarm"])
        if self._of_type("AWS::CloudWatch::Dashboard"):
            free = f"1; an account's first {metrics['free_dashboards']} cost nothing"
            yield self._line("CloudWatch dashboard", free, metrics["dashboard"])

    def _traces(self) -> int:
        first = min(self.requests, _TRACES_A_SECOND * _MONTH_S)
        return round(first + (self.requests - first) * _TRACED_BEYOND)

    def _millions(self, service: str, key: str) -> float:
        return float(self.requests / _MILLION * self.prices[service][key])

    def _of_type(self, kind: str) -> list[Mapping[str, Any]]:
        resources = self.document["Resources"].values()
        return [resource.get("Properties", {}) for resource in resources if resource["Type"] == kind]

    @staticmethod
    def _line(what: str, quantity: str, usd: float) -> CostLine:
        return CostLine(what, quantity, usd)


def _provisioned(alias: Mapping[str, Any]) -> int:
    return int(alias.get("ProvisionedConcurrencyConfig", {}).get("ProvisionedConcurrentExecutions", 0))


def _gigabytes(function: Mapping[str, Any]) -> float:
    return int(function.get("MemorySize", 128)) / _MB_IN_GB


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
