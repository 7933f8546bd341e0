"""A request's ids are its headers', when those are what they should be."""

from __future__ import annotations

import pytest

from fastlambda.serve.identity import Identity

ROOT = "1-65f0c0de-aaaaaaaaaaaaaaaaaaaaaaaa"
PARENT = "bbbbbbbbbbbbbbbb"
W3C = f"00-{'1234567890abcdef' * 2}-{PARENT}"
W3C_ROOT = "1-12345678-90abcdef1234567890abcdef"


def identity(**headers):
    return Identity.of([(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()])


def test_the_client_names_its_request():
    assert identity(x_request_id="abc", x_amzn_trace_id=f"Root={ROOT}").correlation_id == "abc"


@pytest.mark.parametrize("name", ["", "a b", "a\tb", "\xe9", "x" * 129])
def test_what_is_no_id_is_not_taken(name):
    found = identity(x_request_id=name)
    assert found.correlation_id == found.request_id


def test_a_request_without_an_id_is_called_as_its_trace():
    assert identity(x_amzn_trace_id=f"Root={ROOT}").correlation_id == ROOT


def test_no_two_requests_have_the_same_id_of_their_own():
    assert identity(x_request_id="abc").request_id != identity(x_request_id="abc").request_id


@pytest.mark.parametrize(
    ("amazon", "w3c", "root", "parent", "sampled"),
    [
        (f"Root={ROOT};Parent={PARENT};Sampled=1", f"{W3C}-00", ROOT, PARENT, 1),
        (f"Root={ROOT};Parent={PARENT};Sampled=0", "", ROOT, PARENT, 0),
        (f"Root={ROOT}", "", ROOT, None, None),
        (f"Self=1-00000000-000000000000000000000000;Root={ROOT}", f"{W3C}-01", W3C_ROOT, PARENT, 1),
        ("", f"{W3C}-00", W3C_ROOT, PARENT, 0),
        ("", f"00-{'0' * 32}-{PARENT}-01", None, None, None),
        ("", f"00-{'a' * 32}-{'0' * 16}-01", None, None, None),
        ("Root=of all evil;Parent=x;Sampled=1", "no-trace", None, None, 1),
    ],
)
def test_the_trace_is_the_one_that_says_where_in_it_the_caller_stands(amazon, w3c, root, parent, sampled):
    trace = identity(x_amzn_trace_id=amazon, traceparent=w3c).trace
    assert (trace.root, trace.parent, trace.sampled) == (root, parent, sampled)
