"""The signature that is checked in every request's time is botocore's own, for whatever request."""

from __future__ import annotations

import random
import string
from urllib.parse import quote

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.local.aws.signatures import canonical
from fastlambda_cli.local.aws.signatures.asked import Asked
from fastlambda_cli.local.aws.signatures.claim import claim_of
from fastlambda_cli.local.aws.signatures.recomputed import by_botocore, is_signed

KEYS = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
AWKWARD = string.printable.replace("\r", "").replace("\n", "") + "äß☃\u00a0\u2003"
"""What may stand in a query string or a header; among it spaces of all sorts."""


def dice_of(seed):
    return random.Random(seed)  # noqa: S311 - the same requests in every run


def some(dice, letters, most):
    return "".join(dice.choices(letters, k=dice.randint(0, most)))


def random_path(dice):
    """Mostly of names, and now and then of what a signer has to rewrite."""
    parts = dice.choices(
        ["functions", "a.b", "~x_-", "books%3Alive", "%C3%A4", "2015-03-31", *PARTS], k=dice.randint(0, 5)
    )
    return "/" + "/".join(parts) + dice.choice(["", "/"])


PARTS = ["", ".", "..", ".hidden", "a b", "ä", "*", "a+b", "a:b", "$LATEST"]


def signed_by_botocore(dice, service, path):
    query = [(some(dice, AWKWARD, 5), some(dice, AWKWARD, 8)) for _ in range(dice.randint(0, 3))]
    written = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query)
    url = f"http://localhost:4566{path}{'?' if written else ''}{written}"
    request = AWSRequest(dice.choice(["GET", "POST", "put"]), url, {"Host": "localhost:4566"}, b"")
    for _ in range(dice.randint(0, 4)):
        request.headers[f"X-Amz-{some(dice, string.ascii_letters, 3)}x"] = some(dice, AWKWARD.strip(), 12)
    signer = dice.choice([SigV4Auth, SigV4Auth, SigV4QueryAuth])
    signer(Credentials(KEYS.access_key_id, KEYS.secret_access_key), service, "eu-central-1").add_auth(request)
    return asked_of(request)


def asked_of(request):
    _, _, rest = request.url.partition("//")
    target = "/" + rest.partition("/")[2]
    path, _, query = target.partition("?")
    headers = [(name.lower(), value) for name, value in request.headers.items()]
    return Asked.of_head(request.method, path, path, query, headers)


def values_of(asked, claim):
    values = {}
    for name, value in asked.headers:
        if name in claim.signed_headers:
            values.setdefault(name, []).append(value)
    return values


@pytest.mark.parametrize("seed", range(8))
def test_it_is_the_one_that_botocore_makes(seed):
    dice = dice_of(seed)
    computed = 0
    for _ in range(100):
        asked = signed_by_botocore(dice, dice.choice(["lambda", "sqs", "execute-api"]), random_path(dice))
        claim = claim_of(asked)
        values = values_of(asked, claim)

        own = canonical.signature(asked, claim, values, KEYS.secret_access_key, HASH)

        computed += own is not None
        assert own in {None, by_botocore(asked, claim, values, KEYS, HASH)}
    assert computed > 10


@pytest.mark.parametrize("path", ["/", "/2015-03-31/functions/books%3Alive/invocations", "/v1/apis/", "/a.b/c~d"])
def test_plain_paths_are_not_left_to_botocore(path):
    asked = signed_by_botocore(dice_of(1), "lambda", path)
    claim = claim_of(asked)

    own = canonical.signature(asked, claim, values_of(asked, claim), KEYS.secret_access_key, HASH)

    assert own == by_botocore(asked, claim, values_of(asked, claim), KEYS, HASH)


@pytest.mark.parametrize("path", ["//", "/a//b", "/./a", "/a/..", "/.hidden", "/ä", "/a:b", "", "a"])
def test_paths_that_a_signer_rewrites_are(path):
    asked = signed_by_botocore(dice_of(1), "lambda", "/")
    other = Asked.of_head(asked.method, path, path, "", asked.headers)

    assert canonical.signature(other, claim_of(asked), {}, KEYS.secret_access_key, HASH) is None


@pytest.mark.parametrize("seed", range(4))
def test_no_part_of_a_request_can_be_changed(seed):
    dice = dice_of(seed)
    asked = signed_by_botocore(dice, "lambda", "/2015-03-31/functions/books/invocations")
    claim = claim_of(asked)
    assert is_signed(asked, claim, KEYS, HASH)

    for changed in every_change(asked):
        assert not is_signed(changed, claim, KEYS, HASH), changed
    assert not is_signed(asked, claim, KEYS, HASH.replace("e", "f"))
    assert not is_signed(asked, claim, Keys(KEYS.access_key_id, KEYS.secret_access_key + "x"), HASH)


def every_change(asked):
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in asked.query)
    headers = list(asked.headers)
    twice = [pair for pair in headers if pair[0] == "host"]
    yield Asked.of_head("DELETE", asked.path, asked.path, query, headers)
    yield Asked.of_head(asked.method, asked.path + "x", asked.path, query, headers)
    yield Asked.of_head(asked.method, asked.path, asked.path, f"{query}&Qualifier=live", headers)
    yield Asked.of_head(asked.method, asked.path, asked.path, f"{query}&Qualifier=%FF", headers)
    yield Asked.of_head(asked.method, asked.path, asked.path, query, [*headers, *twice])
    yield Asked.of_head(asked.method, asked.path, asked.path, query, [pair for pair in headers if pair not in twice])
    yield Asked.of_head(asked.method, asked.path, asked.path, query, [*headers[1:], (headers[0][0], "another")])
