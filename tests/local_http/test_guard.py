"""A stranger's page in the developer's browser must not act on the service."""

from __future__ import annotations

import asyncio

import pytest

from fastlambda_cli.local.http.cors import Cors
from fastlambda_cli.service.deployment import CorsSpec

FRIENDS = {
    "no browser": {},
    "a front end's development server": {"Origin": "http://localhost:5173"},
    "a page of this very API": {"Origin": "http://127.0.0.1:8000"},
    "a front end on IPv6": {"Origin": "http://[::1]:3000"},
    "a front end under a name of its own": {"Origin": "https://shop.localhost"},
    "an address typed into the browser": {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
    "a link on another site": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    "an image in a front end of another local name": {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "no-cors",
        "Referer": "http://localhost:5173/",
    },
    "another name of this machine": {"Host": "books.localhost:8000"},
    "an IPv6 host": {"Host": "[::1]:8000"},
    "a host with a final dot": {"Host": "LOCALHOST.:8000"},
}


@pytest.mark.parametrize("headers", FRIENDS.values(), ids=FRIENDS)
def test_a_local_caller_passes(ask, headers):
    outcome = ask(headers=headers)
    assert outcome.answer.status_code == 200
    assert outcome.event is not None


STRANGERS = {
    "another site": {"Origin": "https://evil.example"},
    "another site that looks local": {"Origin": "http://localhost.evil.example"},
    "another site with a local user name": {"Origin": "http://localhost@evil.example"},
    "a sandboxed page or a local file": {"Origin": "null"},
    "an origin that is no URL": {"Origin": "http://[::1"},
    "an image on another site": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    "an image on another site that says so": {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "no-cors",
        "Referer": "https://evil.example/",
    },
    "a rebound name": {"Host": "evil.example:8000"},
    "a rebound name that looks local": {"Host": "127.0.0.1.evil.example"},
    "an address of the network": {"Host": "192.168.1.7:8000"},
    "an empty host": {"Host": ""},
}


@pytest.mark.parametrize("headers", STRANGERS.values(), ids=STRANGERS)
def test_a_stranger_is_refused_with_a_reason_and_never_reaches_the_function(ask, headers):
    outcome = ask("POST", headers={"Content-Type": "text/plain", **headers})
    assert outcome.answer.status_code == 403
    assert outcome.answer.json()["message"].startswith("Forbidden: the local API ")
    assert outcome.exchange.error
    assert outcome.event is None


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_a_stranger_is_refused_whatever_the_method(ask, method):
    assert ask(method, headers={"Origin": "https://evil.example"}).answer.status_code == 403


def test_a_local_front_end_is_left_to_the_apps_own_cors(ask):
    preflight = {"Origin": "http://localhost:5173", "Access-Control-Request-Method": "PUT"}
    allowed = {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "http://localhost:5173"}}
    outcome = ask("OPTIONS", headers=preflight, returned=allowed)
    assert outcome.event["headers"]["access-control-request-method"] == "PUT"
    assert outcome.answer.headers["access-control-allow-origin"] == "http://localhost:5173"


def test_a_configured_cors_answers_a_local_front_end_by_itself(gateway, function):
    origin = "http://localhost:5173"
    cors = CorsSpec(origins=(origin,), methods=("GET",))

    async def scenario():
        asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}
        async with gateway(function({"statusCode": 200}), cors=lambda: Cors.configured(cors)) as api:
            preflight = await api.client.options("/", headers=asked)
            allowed = await api.client.get("/", headers={"Origin": origin})
            assert (preflight.status_code, preflight.headers["access-control-allow-methods"]) == (204, "GET")
            assert preflight.headers["access-control-max-age"] == "600"
            assert allowed.headers["access-control-allow-origin"] == origin
            assert len(api.invocations) == 1

    asyncio.run(scenario())
