"""The guide's examples run."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path

import pytest
from access_keys import of_environment
from queue_events import failed, sns, sqs

GUIDE = Path(__file__).parents[2] / "docs" / "events.md"
AROUND = """
from pydantic import BaseModel

class BookCreate(BaseModel):
    title: str

Book = PriceChange = BookCreate
AsyncSession = object

async def session():
    yield object()
"""


DESTINATIONS = {
    "sqs:book-imports": "arn:aws:sqs:us-east-1:000000000000:book-imports",
    "sns:price-changes": "arn:aws:sns:us-east-1:000000000000:price-changes",
    "eventbridge:default": "arn:aws:events:us-east-1:000000000000:event-bus/default",
}


@pytest.mark.slow
def test_the_examples_of_the_guide_deliver_and_publish(deploy, local_aws) -> None:
    # The second one moves a consumer of the first to another function.
    consuming, _, publishing = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    source = textwrap.dedent(AROUND) + consuming.replace("handler =", f"{publishing}\nhandler =")
    local_aws.client("sqs").create_queue(QueueName="book-imports")
    function = deploy(
        source,
        AWS_ENDPOINT_URL=local_aws.endpoint_url,
        FASTLAMBDA_EVENT_DESTINATIONS=json.dumps(DESTINATIONS),
        **of_environment(local_aws.keys),
    )
    assert function.invoke(sqs({"title": "Dune"}, queue="stock")).answer == failed()
    assert function.invoke(sqs({"title": "Dune"}, {"name": "Dune"})).answer == failed("2")
    assert function.invoke(sns({"title": "Dune"})).error is None
