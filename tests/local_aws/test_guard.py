"""A web page, whoever wrote it, cannot use the local AWS through the browser that shows it."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

CREATE_SECRET = b'{"Name": "planted", "SecretString": "by a web page"}'
TARGET = ("X-Amz-Target", "secretsmanager.CreateSecret")
HOST = ("Host", "127.0.0.1")


def secret_names(aws):
    return [secret["Name"] for secret in aws.client("secretsmanager").list_secrets()["SecretList"]]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:4566", "http://localhost:3000"])
def test_a_post_that_needs_no_preflight_is_refused_and_changes_nothing(aws, origin):
    headers = [HOST, ("Origin", origin), ("Content-Type", "text/plain"), TARGET]

    status, _, body = aws.http("POST", "/", body=CREATE_SECRET, headers=headers)

    assert status == 403
    assert b"Origin" in body
    assert "planted" not in secret_names(aws)


def test_the_same_post_without_an_origin_is_no_web_pages_and_has_to_be_signed(aws):
    status, _, body = aws.http("POST", "/", body=CREATE_SECRET, headers=[HOST, ("Content-Type", "text/plain"), TARGET])

    assert (status, json.loads(body)["__type"]) == (400, "MissingAuthenticationTokenException")
    assert "planted" not in secret_names(aws)


def test_a_preflight_is_refused(aws):
    headers = [HOST, ("Origin", "https://evil.example"), ("Access-Control-Request-Method", "POST")]

    status, answered, _ = aws.http("OPTIONS", "/", headers=headers)

    assert status == 403
    assert "Access-Control-Allow-Origin" not in answered


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:4566",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil-localhost",
        "evil.example#.localhost",
        "127.0.0.2",
        "0.0.0.0:4566",
        "2130706433",
        "localhost.",
        "",
    ],
)
def test_a_name_that_its_owner_can_point_at_this_machine_is_refused(aws, host):
    status, _, body = aws.http("POST", "/", body=CREATE_SECRET, headers=[("Host", host), TARGET])

    assert status == 403
    assert b"localhost" in body
    assert "planted" not in secret_names(aws)


@pytest.mark.parametrize("hosts", [[], [HOST, ("Host", "evil.example")]])
def test_a_request_with_no_host_or_two_is_refused(aws, hosts):
    status, _, _ = aws.http("POST", "/", body=CREATE_SECRET, headers=[*hosts, TARGET])

    assert status in {400, 403}
    assert "planted" not in secret_names(aws)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:4566", "localhost", "LocalHost:80"])
def test_the_names_that_sdks_use_for_this_machine_are_answered(aws, host):
    status, _, _ = aws.http("GET", "/_ministack/health", headers=[("Host", host)])

    assert status == 200


def test_the_name_of_a_bucket_is_s3s(aws):
    status, _, body = aws.http("GET", "/emma", headers=[("Host", "bucket.localhost:4566")])

    assert (status, b"<Code>AccessDenied</Code>" in body) == (403, True)


@pytest.mark.parametrize("site", ["cross-site", "something-new"])
def test_an_image_or_a_link_on_another_site_is_refused(aws, site):
    status, _, body = aws.http("GET", "/?Action=ListQueues", headers=[HOST, ("Sec-Fetch-Site", site)])

    assert status == 403
    assert b"another site" in body


def test_an_address_that_the_user_typed_is_answered(aws):
    status, _, _ = aws.http("GET", "/_ministack/health", headers=[HOST, ("Sec-Fetch-Site", "none")])

    assert status == 200


@pytest.mark.parametrize("path", ["/_ministack/reset", "/%5Fministack/reset", "/_ministack/config", "/_localstack/x"])
def test_the_emulators_own_administration_is_hidden(aws, path):
    secrets = aws.client("secretsmanager")
    secrets.create_secret(Name=f"kept{path}", SecretString="still here")

    status, _, _ = aws.http("POST", path, body=b"{}", headers=[HOST])

    assert status == 404
    assert secrets.get_secret_value(SecretId=f"kept{path}")["SecretString"] == "still here"


@pytest.mark.parametrize(
    ("method", "more", "wanted"),
    [("PUT", [], 200), ("PUT", [("Origin", "http://localhost:3000")], 403), ("POST", [], 404), ("GET", [], 404)],
)
def test_the_answers_of_custom_resources_are_put_and_by_no_web_page(aws, method, more, wanted):
    path = f"/_ministack/cfn-response/{uuid.uuid4()}"

    status, _, _ = aws.http(method, path, body=b"{}", headers=[HOST, *more])

    assert status == wanted


def test_no_answer_carries_cors_headers(aws):
    status, headers, _ = aws.http("GET", "/_ministack/health", headers=[HOST])

    assert status == 200
    assert [name for name in headers if name.lower().startswith("access-control-")] == []


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's tables of sockets")
def test_the_emulator_listens_on_no_network_port(aws):
    links = [fd.readlink() for fd in Path(f"/proc/{aws.aws.emulator_pid}/fd").iterdir()]
    rows = [
        line.split()
        for table in ("tcp", "tcp6", "udp", "udp6")
        for line in Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()[1:]
    ]
    inodes = {f"socket:[{row[9]}]" for row in rows}

    assert any(str(link).startswith("socket:") for link in links)
    assert inodes.isdisjoint(str(link) for link in links)
