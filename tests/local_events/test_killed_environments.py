"""No message is lost, whatever is killed.

A thousand messages, of which most of the time is two visibility timeouts; the emulator takes minutes for ten thousand:
`FASTLAMBDA_TEST_MESSAGES=10000 pytest tests/local_events/test_killed_environments.py -s`.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import sqlite3
import sys
import sysconfig
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from background import eventually

MESSAGES = int(os.environ.get("FASTLAMBDA_TEST_MESSAGES", "1000"))
BAD = MESSAGES // 100
KILLS = max(5, MESSAGES // 500)
PATIENCE_S = 30 + MESSAGES / 50
SEED = 20260101

# A message's row is written with its effect, in one transaction: what a killed environment had not committed never was.
SHOP = """
    import os, site, sqlite3
    from pathlib import Path
    site.addsitedir(os.environ["PACKAGES"])
    from typing import Annotated

    from fastapi import Depends, FastAPI
    from fastlambda import EventRouter, FastLambda
    from fastlambda.events import SqsMessage
    from pydantic import BaseModel

    class Order(BaseModel):
        number: int
        bad: bool = False

    shop = sqlite3.connect(os.environ["SHOP"], timeout=30, isolation_level=None)
    shop.execute("PRAGMA synchronous = OFF")  # a process that is killed takes nothing from the disk's cache with it

    async def transaction():
        shop.execute("BEGIN IMMEDIATE")
        try:
            yield shop
        except BaseException:
            shop.execute("ROLLBACK")
            raise
        shop.execute("COMMIT")

    events = EventRouter()

    @events.sqs(os.environ["QUEUE"], batch_size=50, window=1, concurrency=1)
    async def sell(order: Order, message: SqsMessage, shop: Annotated[sqlite3.Connection, Depends(transaction)]):
        shop.execute("INSERT INTO deliveries VALUES (?, ?)", (order.number, message.receive_count))
        if shop.execute("INSERT OR IGNORE INTO sold VALUES (?)", (order.number,)).rowcount:
            shop.execute("UPDATE account SET balance = balance + 1")
        if order.bad:
            raise ValueError("a bad order")

    handler = FastLambda(FastAPI(), events=events)
    Path(os.environ["ENVIRONMENTS"], str(os.getpid())).touch()
"""


@pytest.fixture
def shop(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "shop.db", isolation_level=None)) as shop:
        shop.executescript(
            "PRAGMA journal_mode = WAL; CREATE TABLE deliveries (number, receive_count);"
            "CREATE TABLE account (balance); CREATE TABLE sold (number PRIMARY KEY); INSERT INTO account VALUES (0)"
        )
        yield shop


@pytest.mark.slow
@pytest.mark.timeout(PATIENCE_S + 60)
def test_every_message_is_handled_or_dead_and_counts_once_however_many_environments_are_killed(sources, shop, tmp_path):
    dice = random.Random(SEED)  # noqa: S311 - the same moments and environments in each run
    environments = tmp_path / "environments"
    environments.mkdir()
    dead_url, dead = sources.queue()
    redrive = f'{{"deadLetterTargetArn": "{dead}", "maxReceiveCount": 2}}'
    url, arn = sources.queue(VisibilityTimeout="8", RedrivePolicy=redrive)
    variables = {
        "PACKAGES": sysconfig.get_path("purelib"),
        "SHOP": str(tmp_path / "shop.db"),
        "QUEUE": arn,
        "ENVIRONMENTS": str(environments),
        "POWERTOOLS_METRICS_NAMESPACE": "Shop",
    }
    function = sources.aws.create(SHOP, MemorySize=512, Timeout=8, Environment={"Variables": variables})
    bad = set(dice.sample(range(MESSAGES), BAD))

    def send(start: int) -> bool:
        entries = [
            {"Id": str(number), "MessageBody": f'{{"number": {number}, "bad": {str(number in bad).lower()}}}'}
            for number in range(start, min(start + 10, MESSAGES))
        ]
        answer = sources.client("sqs").send_message_batch(QueueUrl=url, Entries=entries)
        return len(answer["Successful"]) == len(entries)

    with ThreadPoolExecutor(2) as senders:
        sending = senders.map(send, range(0, MESSAGES, 10))
        mapping = sources.mapped(
            function, arn, BatchSize=50, MaximumBatchingWindowInSeconds=1, ScalingConfig={"MaximumConcurrency": 2}
        )
        for moment in sorted(dice.sample(range(MESSAGES * 9 // 10), KILLS)):
            eventually(lambda moment=moment: deliveries(shop) >= moment, PATIENCE_S)
            kill_one_of(environments, dice)
        assert all(sending)
    sources.eventually_empty(url, PATIENCE_S, pause_s=0.2)  # for long nothing happens but a visibility timeout
    sources.aws.lambda_.delete_event_source_mapping(UUID=mapping)

    died = Counter(json.loads(body)["number"] for body in sources.emptied(dead_url))
    sold = {number for (number,) in shop.execute("SELECT number FROM sold")}
    received = Counter(shop.execute("SELECT number, receive_count FROM deliveries").fetchall())
    handled = {number for number, _ in received}
    (balance,) = shop.execute("SELECT balance FROM account").fetchone()

    assert handled | set(died) == set(range(MESSAGES)), "some are lost"
    assert set(died) >= bad
    assert not sold & bad
    assert handled == sold
    assert max(died.values()) == 1
    assert balance == len(sold), "some orders were sold twice"
    assert set(received.values()) == {1}, "some were handled twice for one delivery"
    again = {number for number, count in received if count > 1}
    assert again <= handled
    assert len(list(environments.iterdir())) > KILLS, "nothing was killed"
    sys.stdout.write(
        f"{MESSAGES} messages, {KILLS} kills: {len(sold)} sold, {len(again)} of them at a second delivery, "
        f"{len(set(died) - bad)} good and {len(bad)} bad ones dead\n"
    )


def deliveries(shop: sqlite3.Connection) -> int:
    return shop.execute("SELECT count(*) FROM deliveries").fetchone()[0]


def kill_one_of(environments: Path, dice: random.Random) -> None:
    """Kill -9 an environment that lives, however idle or busy it is."""

    def living() -> list[psutil.Process]:
        pids = sorted(int(file.name) for file in environments.iterdir())
        processes = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
        return [one for one in processes if one.status() != psutil.STATUS_ZOMBIE]

    chosen = dice.choice(eventually(living, PATIENCE_S))
    assert "awslambdaric" in " ".join(chosen.cmdline())
    chosen.kill()
