"""`fastlambda dev --stage`: another stage's configuration under its own names."""

from __future__ import annotations

from dev_command import running

HANDLER = """
import os
def handler(event, context):
    return {"statusCode": 200, "body": f"{os.environ['GREETING']} from {context.function_name}"}
"""
PROJECT = """
[project]
name = "shop"
version = "1"

[tool.fastlambda.environment]
GREETING = "hello"

[tool.fastlambda.stages.prod]
environment.GREETING = "welcome"
"""


def test_the_stage_decides_on_configuration_and_names(tmp_path):
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "lambda_handler.py").write_text(HANDLER)
    with running(tmp_path, "--stage", "prod") as dev:
        assert dev.client.get("/").text == "welcome from shop-prod"
