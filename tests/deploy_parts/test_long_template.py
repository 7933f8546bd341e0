"""Templates of more than 51,200 bytes, which CloudFormation reads from the artifact bucket."""

from __future__ import annotations

import json

import pytest
from deployments import Shop

from fastlambda_cli.aws.stacks import MAX_TEMPLATE_BODY
from fastlambda_cli.deploy.bootstrap import find_bootstrap

ORIGINS = [f"https://{number:04}.{'a-long-name.' * 8}example.com" for number in range(450)]


@pytest.fixture
def shop(tmp_path, local_aws, unique, stacks):
    """A service with a long template, in an account that has no bucket yet to read it from."""
    assert find_bootstrap(stacks) is None
    shop = Shop(tmp_path / "shop", local_aws, unique("shop"))
    shop.configure(f"http.cors = {{ origins = {json.dumps(ORIGINS)} }}")
    return shop


def length_of_template(shop):
    body = shop.aws.client("cloudformation").get_template(StackName=shop.stack)["TemplateBody"]
    return len(json.dumps(body, separators=(",", ":")).encode())


@pytest.mark.slow
def test_a_long_template_is_planned_deployed_changed_and_rolled_back_like_any_other(shop):
    planned = shop.plan()
    assert planned.creates
    assert planned.bootstrap
    assert "Function" in {change.logical_id for change in planned.changes}

    shop.deploy()
    assert length_of_template(shop) > MAX_TEMPLATE_BODY
    assert (shop.live(), shop.get()) == ("1", "200 one")

    shop.answer("two")
    shop.deploy()
    assert (shop.live(), shop.get()) == ("2", "200 two")
    assert shop.plan().empty

    shop.rollback()
    assert (shop.live(), shop.get()) == ("3", "200 one")
