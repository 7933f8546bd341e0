"""What goes wrong between here and a registry: tried again where that helps, else told; nothing is half-done."""

from __future__ import annotations

import json
import os

import pytest
from image_registry import Fault
from images import Login, base_parts, put_base, small_image

from fastlambda_cli.errors import (
    ImageNotFoundError,
    RegistryError,
    RegistryLoginError,
    RegistryUnreachableError,
    ToolchainError,
)

BIG = os.urandom(3 * 2**20)
TAG = "3.13-arm64"


def sends_a_blob(asked):
    return asked.method == "PATCH" and int(asked.headers["content-length"]) > 2**20


def completes_a_blob(asked):
    return asked.method == "PUT" and "/blobs/uploads/" in asked.path


def is_first(asked):
    return asked.path.endswith("/manifests/one") and asked.method == "HEAD"


@pytest.fixture
def base(registry, client):
    """A base image that has been found."""
    put_base(registry, base_parts())
    return client.find(f"{registry.host}/lambda/python:{TAG}")


@pytest.fixture
def image(base, tmp_path):
    """An image whose packages are three megabytes."""
    return small_image(tmp_path, base, big=BIG)


@pytest.fixture
def target(registry):
    """Where it goes."""
    return f"{registry.host}/books:one"


def is_there(registry, image):
    return registry.repository("books").manifests["one"][1] == image.manifest


def test_an_upload_that_breaks_off_goes_on_where_it_ended(registry, client, image, target):
    registry.faults = [Fault(sends_a_blob, break_after=2**20)]
    client.push(image, target)
    assert is_there(registry, image)
    first, second = [asked for asked in registry.asked if asked.method == "PATCH" and asked.sent > 2**19]
    assert first.sent == 2**20
    size = image.layers[0].size
    assert second.headers["content-range"] == f"{2**20}-{size - 1}"
    assert second.sent == size - 2**20
    assert len(client.waited) == 1


def test_an_upload_begins_anew_where_the_registry_forgets_it(registry, client, image, target):
    registry.tells_progress = False
    registry.faults = [Fault(sends_a_blob, break_after=2**20)]
    client.push(image, target)
    assert is_there(registry, image)
    sent = [asked.sent for asked in registry.asked if asked.method == "PATCH"]
    assert image.layers[0].size in sent


def test_an_upload_begins_anew_when_what_was_put_together_is_wrong(registry, client, image, target):
    registry.faults = [
        Fault(sends_a_blob, break_after=2**20),
        Fault(lambda asked: "content-range" in asked.headers, status=416),
    ]
    client.push(image, target)
    assert is_there(registry, image)


def test_a_registry_that_dies_in_every_upload_is_said_so_and_the_next_run_goes_through(registry, client, image, target):
    dying = Fault(sends_a_blob, break_after=2**20, times=100)
    registry.faults = [dying]
    registry.tells_progress = False
    with pytest.raises(RegistryUnreachableError, match=f"Could not reach {registry.host}"):
        client.push(image, target)
    assert "one" not in registry.repository("books").manifests
    assert client.waited == [0.5, 1.0, 2.0, 4.0]

    dying.times = 0
    registry.asked.clear()
    pushed = client.push(image, target)
    assert is_there(registry, image)
    assert pushed.uploaded < image.layers[0].size + 5000, "what had come through before is not sent again"


def test_a_registry_that_is_busy_says_how_long_to_wait(registry, client, image, target):
    registry.faults = [
        Fault(is_first, status=429, headers={"retry-after": "7"}),
        Fault(is_first, status=503),
        Fault(completes_a_blob, status=502),
        Fault(completes_a_blob, status=500),
    ]
    client.push(image, target)
    assert is_there(registry, image)
    assert client.waited[:2] == [7.0, 1.0]


def test_a_registry_that_stays_busy_is_said_so(registry, client, image, target):
    busy = json.dumps({"errors": [{"code": "TOOMANYREQUESTS", "message": "Rate exceeded"}]}).encode()
    registry.faults = [
        Fault(lambda asked: asked.method == "POST", status=429, body=busy, headers={"retry-after": "900"}, times=100)
    ]
    with pytest.raises(RegistryError, match=r"Could not upload to .*: Rate exceeded \(TOOMANYREQUESTS\)") as refused:
        client.push(image, target)
    assert "wait a while" in refused.value.remedy
    assert max(client.waited) == 30


def test_a_full_registry_is_quoted(registry, client, image, target):
    full = json.dumps({"errors": [{"code": "LIMIT_EXCEEDED", "message": "The repository is full"}]}).encode()
    registry.faults = [Fault(lambda asked: asked.method == "POST", status=400, body=full, times=9)]
    with pytest.raises(RegistryError, match=r"The repository is full \(LIMIT_EXCEEDED\)"):
        client.push(image, target)
    assert client.waited == []


def test_a_tag_that_may_not_move_has_a_remedy(registry, client, image, target):
    fixed = {"code": "TAG_INVALID", "message": "The image tag 'one' already exists and the repository is immutable."}
    body = json.dumps({"errors": [fixed]}).encode()
    registry.faults = [Fault(lambda asked: asked.method == "PUT" and "/manifests/" in asked.path, 400, body=body)]
    with pytest.raises(RegistryError, match="immutable") as refused:
        client.push(image, target)
    assert refused.value.remedy == "Push with another tag, or with none."


def test_a_repository_that_is_not_there_is_named(registry, client, image, target):
    body = json.dumps({"errors": [{"code": "NAME_UNKNOWN", "message": "The repository does not exist"}]}).encode()
    registry.faults = [Fault(lambda asked: asked.method == "POST", status=404, body=body, times=9)]
    with pytest.raises(ImageNotFoundError, match="The repository does not exist"):
        client.push(image, target)


def test_a_manifest_that_does_not_arrive_is_noticed(registry, client, image, target):
    registry.faults = [Fault(lambda asked: asked.method == "PUT" and "/manifests/" in asked.path, status=201)]
    with pytest.raises(RegistryError, match="keeps something else than what was pushed"):
        client.push(image, target)


def test_a_token_is_asked_for_once(registry, client, image, target):
    registry.tokens, registry.login, client.login = set(), ("ann", "s3cret"), Login("ann", "s3cret")
    client.push(image, target)
    assert is_there(registry, image)
    assert registry.count("GET", "/token") == 1
    (asked,) = [asked for asked in registry.asked if asked.path == "/token"]
    assert asked.query["scope"] == ["repository:books:pull,push", "repository:lambda/python:pull"]


def test_a_token_that_expires_is_asked_for_again(registry, client, image, target):
    registry.tokens = set()

    def expires(asked):
        if sends_a_blob(asked) and registry.count("GET", "/token") == 1:
            registry.tokens.clear()
        return False

    registry.faults = [Fault(expires)]
    client.push(image, target)
    assert is_there(registry, image)
    assert registry.count("GET", "/token") == 2


def test_an_identity_token_is_exchanged(registry, client, image, target):
    registry.tokens, registry.login, client.login = set(), ("ann", "refresh"), Login("", "refresh")
    client.push(image, target)
    assert is_there(registry, image)
    assert registry.count("POST", "/token") == 1


def test_basic_authentication_is_given_where_it_is_wanted(registry, client, image, target):
    registry.login, client.login = ("ann", "s3cret"), Login("ann", "s3cret")
    client.push(image, target)
    assert is_there(registry, image)


@pytest.mark.parametrize("tokens", [None, set()])
def test_a_wrong_password_is_said_so_and_never_shown(registry, client, image, target, tokens):
    registry.tokens, registry.login, client.login = tokens, ("ann", "s3cret"), Login("ann", "wr0ng")
    with pytest.raises(RegistryLoginError) as refused:
        client.push(image, target)
    assert "docker login" in refused.value.remedy
    assert "wr0ng" not in f"{refused.value.in_one_line()} {client.login!r}"
    assert client.waited == [], "trying again helps nobody"


def test_a_stranger_is_told_how_to_log_in(registry, client, image, target):
    registry.login = ("ann", "s3cret")
    with pytest.raises(RegistryLoginError, match="wants to know who you are: no login for it was found") as refused:
        client.push(image, target)
    assert "docker login" in refused.value.remedy


def test_a_login_is_sent_to_nobody_else(registry, client, base, target, tmp_path):
    """The upload goes on at another server, which is told nothing about who asks."""
    registry.login, client.login = ("ann", "s3cret"), Login("ann", "s3cret")
    port = registry.host.partition(":")[2]
    elsewhere = f"http://localhost:{port}/v2/books/blobs/uploads/x"
    registry.faults = [Fault(lambda asked: asked.method == "POST", 202, headers={"location": elsewhere}, times=99)]
    with pytest.raises(RegistryError):
        client.push(small_image(tmp_path, base), target)
    sent = [asked for asked in registry.asked if asked.headers["host"] == f"localhost:{port}"]
    assert sent
    assert not any("authorization" in asked.headers for asked in sent)


def test_nothing_is_sent_to_another_machine_without_tls(registry, client, image, target):
    registry.faults = [
        Fault(lambda asked: asked.method == "POST", 202, headers={"location": "http://registry.example/up"}, times=99)
    ]
    with pytest.raises(RegistryUnreachableError, match=r"registry\.example would be spoken to without TLS"):
        client.push(image, target)


def test_a_host_that_is_not_there_is_said_so(client, base, tmp_path):
    with pytest.raises(RegistryUnreachableError, match=r"Could not reach 127\.0\.0\.1:1"):
        client.push(small_image(tmp_path, base), "127.0.0.1:1/books:one")
    assert len(client.waited) == 4


def test_a_base_that_breaks_off_is_fetched_again(registry, client):
    put_base(registry, base_parts())
    registry.faults = [Fault(lambda asked: "/blobs/" in asked.path, break_after=10)]
    base = client.find(f"{registry.host}/lambda/python:{TAG}")
    assert base.config["os"] == "linux"
    assert client.waited == [0.5]


def test_a_base_that_comes_garbled_is_never_used(registry, client):
    put_base(registry, base_parts())
    registry.faults = [Fault(lambda asked: "/blobs/" in asked.path, garble=True, times=99)]
    with pytest.raises(RegistryError, match="gave something else than sha256:"):
        client.find(f"{registry.host}/lambda/python:{TAG}")
    assert [path.name for path in (client.folder / "blobs").iterdir() if path.name.startswith(".partial")] == []


def test_a_manifest_that_comes_garbled_is_never_used(registry, client):
    put_base(registry, base_parts())
    registry.faults = [Fault(lambda asked: "/manifests/" in asked.path, garble=True)]
    with pytest.raises(RegistryError, match="gave something else than lambda/python"):
        client.find(f"{registry.host}/lambda/python:{TAG}")


def test_a_cache_that_cannot_be_written_is_said_so(registry, client):
    put_base(registry, base_parts())
    client.folder.parent.mkdir(exist_ok=True)
    client.folder.mkdir()
    (client.folder / "blobs").touch()
    with pytest.raises(ToolchainError, match="Cannot keep what an image is made of"):
        client.find(f"{registry.host}/lambda/python:{TAG}")
