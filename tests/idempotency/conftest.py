"""Handlers in real awslambdaric processes, with the table that the template makes in a real DynamoDB of a local AWS."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from access_keys import of_environment
from background import eventually
from deployed_function import DeployedFunction
from function_fixtures import deploy, runtime_dir

from fastlambda_cli.aws.session import Aws
from fastlambda_cli.service.load import load_service
from fastlambda_cli.template import render

__all__ = ["deploy", "runtime_dir"]

SHOP = (Path(__file__).parent / "shop.py").read_text(encoding="utf-8")


class Stage:
    """A table of a stage's own, and execution environments of one function that share it."""

    def __init__(self, aws: Aws, start: Callable[..., DeployedFunction], table: dict[str, Any]) -> None:
        self._client, self._start = aws.client("dynamodb"), start
        self._cloudformation = aws.client("cloudformation")
        self.name = f"shop-{uuid.uuid4().hex[:8]}"
        self.table = f"{self.name}-idempotency"
        template = {"Resources": {"Table": table | {"Properties": table["Properties"] | {"TableName": self.table}}}}
        self._cloudformation.create_stack(StackName=self.name, TemplateBody=json.dumps(template))
        self._wait("stack_create_complete")

    def environment(self) -> DeployedFunction:
        return self._start(SHOP, fresh=True, FASTLAMBDA_IDEMPOTENCY_TABLE=self.table)

    def record(self, before: list[dict[str, Any]]) -> dict[str, Any]:
        """The one record that was not there before."""
        (new,) = [record for record in self.records() if record["id"] not in [old["id"] for old in before]]
        return new

    def records(self) -> list[dict[str, Any]]:
        return self._client.scan(TableName=self.table)["Items"]

    def tables(self) -> list[str]:
        return self._client.list_tables()["TableNames"]

    def delete(self) -> None:
        self._cloudformation.delete_stack(StackName=self.name)
        self._wait("stack_delete_complete")

    def _wait(self, state: str) -> None:
        waiter = self._cloudformation.get_waiter(state)
        waiter.wait(StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})


@pytest.fixture(scope="session")
def table_resource(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The table as the template has it."""
    folder = tmp_path_factory.mktemp("declaring")
    (folder / "pyproject.toml").write_text('[project]\nname = "shop"\n', encoding="utf-8")
    (folder / "lambda_handler.py").write_text(SHOP, encoding="utf-8")
    resources = render(load_service(folder), stage="dev", runtime="python3.13").document["Resources"]
    (table,) = [one for one in resources.values() if one["Type"] == "AWS::DynamoDB::Table"]
    return table


@pytest.fixture(scope="module")
def start_stage(local_aws, deploy, table_resource):
    """Make a stage: `start_stage()`."""
    start = partial(deploy, AWS_ENDPOINT_URL=local_aws.endpoint_url, **of_environment(local_aws.keys))
    return lambda: Stage(local_aws, start, table_resource)


@pytest.fixture(scope="module")
def stage(start_stage) -> Stage:
    """The stage that the tests of a module share: each has keys of its own."""
    return start_stage()


@pytest.fixture(scope="module")
def function(stage) -> DeployedFunction:
    """An environment that stays alive."""
    return stage.environment()


@pytest.fixture(scope="module")
def other(stage) -> DeployedFunction:
    """A second one."""
    return stage.environment()


@dataclass
class Hold:
    """Work that goes on from `begun` until it is told to end."""

    folder: Path

    @property
    def order(self) -> str:
        return f"wait {self.folder / 'begun'} {self.folder / 'until'}"

    def wait_until_begun(self) -> None:
        eventually((self.folder / "begun").exists)

    def end(self) -> None:
        (self.folder / "until").touch()


@pytest.fixture
def hold(tmp_path: Path) -> Hold:
    return Hold(tmp_path)
