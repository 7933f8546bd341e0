"""The check of requests that are whole finds good what the door finds good, and nothing else."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.local.aws.signatures.whole import WholeRequests

KEYS = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
INVOKE = "/2015-03-31/functions/books/invocations"


def signed(target=INVOKE, body=b"{}", keys=KEYS, service="lambda", headers=(), token=None):
    """Method, target, headers and body as they arrive."""
    request = AWSRequest("POST", f"http://localhost:4566{target}", {"Host": "localhost:4566", **dict(headers)}, body)
    credentials = Credentials(keys.access_key_id, keys.secret_access_key, token)
    SigV4Auth(credentials, service, "us-east-1").add_auth(request)
    arrived = {name.lower().encode(): value.encode() for name, value in request.headers.items()}
    return b"POST", target.encode(), arrived, body


def is_signed(request, service="lambda", now=time.time):
    return WholeRequests(KEYS, service, now).is_signed(*request)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"body": b""},
        {"target": f"{INVOKE}?Qualifier=live"},
        {"target": f"{INVOKE}?Qualifier=%24LATEST"},
        {"target": "/2015-03-31/functions/books%3Alive/invocations"},
        {"headers": {"X-Amz-Client-Context": "e30=", "Content-Type": "application/json"}},
        {"headers": {"X-Amz-Note": "two   words  "}},
    ],
    ids=str,
)
def test_what_botocore_signs_is_good(options):
    assert is_signed(signed(**options))


def changed(request, dice):
    """The same request with one byte of it changed, or with one header more or less."""
    method, target, headers, body = request
    name = dice.choice(sorted(headers.keys() - {b"content-type"}))
    match dice.randrange(5):
        case 0:
            return method, target, headers, body[:-1] + bytes([body[-1] ^ 1])
        case 1:
            return method, target[:-1] + bytes([target[-1] ^ 1]), headers, body
        case 2:
            value = headers[name]
            at = dice.randrange(len(value))
            return method, target, {**headers, name: value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]}, body
        case 3:
            return method, target, {each: value for each, value in headers.items() if each != name}, body
        case _:
            return method, target, {**headers, b"x-amz-invocation-type": b"Event"}, body


@pytest.mark.parametrize("seed", range(4))
def test_no_part_of_it_can_be_changed(seed):
    dice = random.Random(seed)  # noqa: S311 - the same requests in every run
    request = signed(headers={"X-Amz-Client-Context": "e30="}, body=b'{"title": "Emma"}')
    assert is_signed(request)

    for _ in range(200):
        other = changed(request, dice)
        assert not is_signed(other), other


@pytest.mark.parametrize(
    "options",
    [
        {"keys": Keys(KEYS.access_key_id, "another")},
        {"keys": Keys("AKIDANOTHER", KEYS.secret_access_key)},
        {"service": "sqs"},
        {"service": "s3"},
        {"token": "session"},
        {"target": f"{INVOKE}?b=1&a=2"},
        {"target": "/a//b"},
    ],
    ids=str,
)
def test_what_is_anothers_or_of_another_kind_is_for_the_door(options):
    assert not is_signed(signed(**options))


@pytest.mark.parametrize(("later_s", "good"), [(0, True), (299, True), (-299, True), (301, False), (-302, False)])
def test_it_is_good_for_five_minutes(later_s, good):
    request = signed()

    assert is_signed(request, now=lambda: time.time() + later_s) is good


class Stamped(SigV4Auth):
    """Signs with another time than now, as it is written here."""

    stamp = ""

    def _modify_request_before_signing(self, request):
        request.context["timestamp"] = self.stamp
        super()._modify_request_before_signing(request)


@pytest.mark.parametrize(("stamp", "good"), [("20261128T123405Z", True), ("20261128T12345Z", False)])
def test_the_time_is_written_as_aws_writes_it(stamp, good):
    request = AWSRequest("POST", f"http://localhost:4566{INVOKE}", {"Host": "localhost:4566"}, b"{}")
    signer = Stamped(Credentials(KEYS.access_key_id, KEYS.secret_access_key), "lambda", "us-east-1")
    signer.stamp = stamp
    signer.add_auth(request)
    arrived = {name.lower().encode(): value.encode() for name, value in request.headers.items()}
    moment = datetime(2026, 11, 28, 12, 34, 5, tzinfo=UTC).timestamp()

    assert is_signed((b"POST", INVOKE.encode(), arrived, b"{}"), now=lambda: moment) is good


def test_a_request_without_a_signature_is_none():
    method, target, headers, body = signed()
    del headers[b"authorization"]

    assert not is_signed((method, target, headers, body))
