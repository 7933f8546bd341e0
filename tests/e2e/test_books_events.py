"""What a request to the books causes: other work, under its correlation id and in its trace."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import boto3
import pytest
from access_keys import of_boto3
from background import eventually
from botocore.config import Config

BOOKS = "/api/v1/books"
GROUP = "/aws/lambda/fastapi-books-dev"


@pytest.fixture(scope="module")
def writer(dev):
    command = [sys.executable, "-m", "demo.token"]
    env = {**os.environ, **dev.variables}
    token = subprocess.run(command, cwd=dev.service, env=env, capture_output=True, text=True, check=True).stdout.strip()
    return {"Authorization": f"Bearer {token}"}


def logged(dev, correlation_id):
    """The function's log lines of a correlation id, by their message."""
    options = {"endpoint_url": dev.endpoint_url, "region_name": "us-east-1", "config": Config(proxies={})}
    logs = boto3.client("logs", **options, **of_boto3(dev.keys))
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP)
    texts = [event["message"] for page in pages for event in page["events"]]
    lines = [json.loads(text) for text in texts if text.startswith("{") and '"message"' in text]
    found = {}
    for line in lines:
        if line.get("correlation_id") == correlation_id:
            found.setdefault(line["message"], []).append(line)
    return found


def consequences(dev, answer, *messages):
    """All log lines of a request once these messages are among them."""
    correlation_id = answer.headers["apigw-requestid"]
    return eventually(lambda: found if (found := logged(dev, correlation_id)).keys() >= set(messages) else None)


@pytest.mark.slow
def test_imported_books_are_created_behind_the_answer_in_its_trace_and_under_its_correlation_id(dev, writer):
    dev.wait_for(r"Stack fastapi-books-dev: made")
    books = [{"title": f"Momo {number}", "author": "Michael Ende", "year": 1973} for number in range(12)]
    answer = dev.client.post(f"{BOOKS}/imports", json=books, headers=writer)
    assert answer.status_code == 202, answer.text
    ids = answer.json()["ids"]

    eventually(lambda: all(dev.client.get(f"{BOOKS}/{book_id}").status_code == 200 for book_id in ids))

    def everything():
        lines = logged(dev, answer.headers["apigw-requestid"])
        both = len(lines.get("Imported a book", ())) == len(lines.get("A book is new", ())) == len(ids)
        return lines if both else None

    lines = eventually(everything)
    assert {line["book_id"] for line in lines["A book is new"]} == set(ids)
    assert len({line["xray_trace_id"] for of_message in lines.values() for line in of_message}) == 1


def test_a_price_in_euros_reaches_its_subscriber_in_the_same_trace(dev, writer):
    dev.wait_for(r"Stack fastapi-books-dev: made")
    book = dev.client.post(BOOKS, json={"title": "Jim", "author": "Michael Ende", "year": 1960}, headers=writer).json()
    price = {"amount": "9.90", "currency": "EUR"}
    answer = dev.client.put(f"{BOOKS}/{book['id']}/price", json=price, headers=writer)
    assert answer.status_code == 200, answer.text

    lines = consequences(dev, answer, "A price has changed")
    assert lines["A price has changed"][0]["amount"] == "9.90"
    assert len({line["xray_trace_id"] for of_message in lines.values() for line in of_message}) == 1
