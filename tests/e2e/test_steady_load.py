"""Requests through a deployed API while its service is deployed again and again."""

from __future__ import annotations

import pytest
from deployments import Shop
from steady_load import Load

HANDLER = """
import os

def handler(event, context):
    return "{text} in " + os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] + " MB by version " + context.function_version
"""


def change(shop: Shop, number: int) -> None:
    """Change the code by even numbers, the configuration by odd ones."""
    if number % 2:
        shop.configure(f"memory = {512 + number}")
    else:
        shop.write(HANDLER.format(text=f"code {number}"))


@pytest.fixture
def shop(tmp_path, local_aws, unique):
    shop = Shop(tmp_path / "shop", local_aws, unique("shop"))
    change(shop, 0)
    change(shop, 1)
    return shop


@pytest.mark.slow
def test_ten_deployments_and_three_rollbacks_take_over_at_once_and_fail_no_request(shop):
    url = shop.deploy().outputs["ApiUrl"]
    answers = {}
    with Load(url, clients=2) as load:
        for number in range(2, 12):
            change(shop, number)
            release = shop.deploy().release
            (answers[release.number],) = load.now()
        assert len(set(answers.values())) == 10
        for number in (10, 5, 3):
            shop.rollback(number)
            (answer,) = load.now()
            assert answer.partition(" by ")[0] == answers[number].partition(" by ")[0]
    assert load.failures() == []
    assert {answer.text for answer in load.answers} >= set(answers.values())
