"""A service in a folder of its own that is deployed to the local AWS, and looked at from outside."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from no_tls import NO_TLS

from fastlambda_cli import deploy as engine
from fastlambda_cli.aws.session import Aws
from fastlambda_cli.deploy.model import Happening, Outcome, Plan, Remark, Target
from fastlambda_cli.service.load import load_service

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"

ANSWERS = """
def handler(event, context):
    return {{"statusCode": {status}, "body": "{body}"}}
"""

RAISES = 'handler = None\nraise RuntimeError("no such table")\n'


def target_in(folder: Path, stage: str = "dev") -> Target:
    return Target(load_service(folder, stage=stage), stage, RUNTIME)


class Shop:
    """A service with a plain handler and no packages; `told` is everything that its deployments told."""

    def __init__(self, folder: Path, aws: Aws, name: str) -> None:
        self.folder, self.aws, self.name = folder, aws, name
        self.stack = f"{name}-dev"
        self.told: list[Happening] = []
        folder.mkdir(exist_ok=True)
        self.answer("one")
        self.configure()

    def answer(self, body: str, status: int = 200) -> None:
        self.write(ANSWERS.format(body=body, status=status))

    def write(self, source: str) -> None:
        (self.folder / "lambda_handler.py").write_text(source, encoding="utf-8")

    def configure(self, *lines: str) -> None:
        table = "\n".join(("[tool.fastlambda]", *lines))
        project = f'[project]\nname = "{self.name}"\nversion = "1"\ndependencies = []\n{table}\n'
        (self.folder / "pyproject.toml").write_text(project, encoding="utf-8")

    def target(self, stage: str = "dev") -> Target:
        return target_in(self.folder, stage)

    def plan(self) -> Plan:
        return engine.plan(self.target(), self.aws, self.told.append)

    def deploy(self, stage: str = "dev", *, aws: Aws | None = None, confirm=lambda _: True) -> Outcome | None:
        return engine.deploy(self.target(stage), aws or self.aws, self.told.append, confirm=confirm)

    def rollback(self, to: int | None = None) -> Outcome | None:
        return engine.rollback(self.aws, self.stack, self.told.append, to=to, confirm=lambda _: True)

    def destroy(self, *, purge: bool) -> None:
        engine.destroy(self.aws, self.stack, self.told.append, purge=purge)

    def remarks(self) -> list[str]:
        return [happening.text for happening in self.told if isinstance(happening, Remark)]

    def live(self) -> str:
        """The version behind the alias, by Lambda's own word."""
        return self.aws.client("lambda").get_alias(FunctionName=self.stack, Name="live")["FunctionVersion"]

    def versions(self) -> list[str]:
        found = self.aws.client("lambda").list_versions_by_function(FunctionName=self.stack)["Versions"]
        return [version["Version"] for version in found if version["Version"] != "$LATEST"]

    def status(self) -> str | None:
        return engine.status(self.aws, self.stack).status

    def releases(self) -> list[tuple[int, str]]:
        return [(release.number, release.status) for release in engine.releases(self.aws, self.stack)]

    def get(self, stage: str = "dev") -> str:
        """What a client of the API is answered."""
        stacks = self.aws.client("cloudformation").describe_stacks(StackName=f"{self.name}-{stage}")["Stacks"]
        url = next(item["OutputValue"] for item in stacks[0]["Outputs"] if item["OutputKey"] == "ApiUrl")
        return ask(url)


def ask(url: str) -> str:
    host = urlsplit(url).netloc
    address = f"http://127.0.0.1:{urlsplit(url).port}/"
    response = httpx.get(address, headers={"host": host}, timeout=30, verify=NO_TLS)
    return f"{response.status_code} {response.text}"
