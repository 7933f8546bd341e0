"""What a deployment refuses before CloudFormation is asked for anything."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fastlambda_cli.aws.model import Stack
from fastlambda_cli.deploy.desired import Desired, Standing, as_text
from fastlambda_cli.deploy.proposing import propose
from fastlambda_cli.errors import StackError
from fastlambda_cli.service.load import load_service
from fastlambda_cli.template import render


@pytest.fixture
def document(tmp_path):
    """The template of a service and a stage."""

    def document(name, stage):
        (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "{name}"\n[tool.fastlambda]\n', encoding="utf-8")
        (tmp_path / "lambda_handler.py").write_text("handler = print\n", encoding="utf-8")
        return render(load_service(tmp_path, stage=stage), stage=stage, runtime="python3.13").document

    return document


def test_a_stack_of_the_same_name_that_is_another_services_is_left_alone(document):
    stack = Stack(id="arn", name="shop-eu-prod", status="CREATE_COMPLETE", updated=datetime.now(UTC))
    before = Standing(stack, as_text(document("shop-eu", "prod")), {"shop-eu-prod": "1"})
    desired = Desired("shop-eu-prod", document("shop", "eu-prod"), {}, artifact=None, health="/health")
    with pytest.raises(StackError, match="The stack shop-eu-prod is that of shop-eu, stage prod") as refused:
        propose(None, desired, stack, before)
    assert "shop, stage eu-prod would have the same name" in str(refused.value)
