"""An image on its way into the repository, the login for it, and what a registry may have against it."""

from __future__ import annotations

import json

import pytest
from access_keys import NOBODYS
from built_artifacts import OWN_RUNTIME, service_in
from dockerfiles import PLATFORM, dockerfile, needs_builder, separate_storage
from image_registry import Fault, image_registry
from images import base_parts, small_image

from fastlambda_cli.artifact.image.authentication import Login
from fastlambda_cli.artifact.image.empty import empty_base
from fastlambda_cli.aws.session import connect
from fastlambda_cli.deploy.bootstrap import Bootstrap
from fastlambda_cli.deploy.image_package import ImagePackage, built_image, logins_for
from fastlambda_cli.deploy.model import Progressed, Remark, Target
from fastlambda_cli.errors import RegistryError, RegistryLoginError

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
BOOTSTRAP = Bootstrap("bucket", f"{HOST}/fastlambda", 1)


@pytest.fixture
def registry():
    with image_registry() as running:
        yield running


@pytest.fixture
def aws(registry):
    """An AWS of which nothing but the registry is there."""
    with connect(endpoint_url=f"http://{registry.host}", keys=NOBODYS) as connected:
        yield connected


@pytest.fixture
def package(tmp_path):
    return ImagePackage(small_image(tmp_path, empty_base("python3.13")))


def test_it_is_called_by_its_digest_before_there_is_a_repository_and_after(package, aws):
    assert package.published("shop-dev", aws, BOOTSTRAP).uri == f"{HOST}/fastlambda@{package.image.digest}"
    unpublished = package.published("shop-dev", aws, None)
    assert unpublished.uri == f"000000000000.dkr.ecr.us-east-1.amazonaws.com/fastlambda@{package.image.digest}"
    assert (unpublished.repository, unpublished.digest) == ("fastlambda", package.image.digest)


def test_the_layers_of_a_base_count_as_one(tmp_path, aws):
    base = base_parts().base()
    layers = ImagePackage(small_image(tmp_path, base)).published("shop-dev", aws, None).layers
    assert list(layers) == ["the base", "the locked packages", "the service's own files"]
    assert layers["the base"] == (sum(layer.size for layer in base.layers), base.digest)


def test_it_is_pushed_once_and_has_a_tag_for_every_stack(package, aws, registry):
    told = []
    package.publish("shop-dev", aws, BOOTSTRAP, told.append)
    digest = package.image.digest
    tag = f"shop-dev-{digest.removeprefix('sha256:')[:16]}"
    assert registry.repository("fastlambda").manifests.keys() == {tag, digest}
    (*_, last) = [happening for happening in told if isinstance(happening, Progressed)]
    assert last.done == last.total

    sent = registry.uploaded()
    package.publish("shop-dev", aws, BOOTSTRAP, told.append)
    assert registry.uploaded() == sent
    assert told[-1] == Remark("The image was there already.")

    package.publish("shop-prod", aws, BOOTSTRAP, told.append)
    assert registry.uploaded() - sent == len(package.image.manifest)
    assert "Sent 0 bytes of" in told[-1].text


@pytest.mark.parametrize(("status", "error"), [(403, RegistryLoginError), (400, RegistryError), (404, RegistryError)])
def test_what_the_registry_refuses_is_an_error_and_no_half_image(package, aws, registry, status, error):
    refused = b'{"errors": [{"code": "OTHER", "message": "not in this account"}]}'
    registry.faults.append(Fault(lambda asked: asked.method == "POST", status=status, body=refused, times=99))
    with pytest.raises(error, match="not in this account"):
        package.publish("shop-dev", aws, BOOTSTRAP, lambda _: None)
    assert registry.repository("fastlambda").manifests == {}


@needs_builder
def test_a_dockerfiles_image_is_for_aws_as_a_whole_and_its_layers_are_called_by_their_steps(tmp_path, monkeypatch):
    separate_storage(tmp_path, monkeypatch)
    monkeypatch.setenv("FASTLAMBDA_CACHE_DIR", str(tmp_path / "cache"))
    table = f'architecture = "{PLATFORM}"\npackage = {{ type = "image", dockerfile = "Dockerfile" }}'
    service = service_in(tmp_path / "shop", {"Dockerfile": dockerfile()}, table=table)
    with connect(region="eu-west-1") as aws:
        image = built_image(Target(service, "dev", OWN_RUNTIME), aws, lambda _: None)
    assert json.loads(image.config)["config"]["Entrypoint"] == ["/lambda-entrypoint.sh"]
    with connect(endpoint_url="http://127.0.0.1:1", keys=NOBODYS) as nobody:
        layers = ImagePackage(image).published("shop-dev", nobody, None).layers
    assert layers == {"COPY /var/task/lambda_handler.py": (image.size, image.layers[0].digest)}


def test_aws_credentials_log_in_to_amazon_ecr_in_their_region(local_aws):
    login = logins_for(local_aws)("000000000000.dkr.ecr.us-east-1.amazonaws.com")
    assert isinstance(login, Login)
    assert (login.user, bool(login.secret)) == ("AWS", True)
    assert login.secret not in repr(login)


def test_other_registries_get_the_logins_that_docker_has_kept(local_aws, tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("REGISTRY_AUTH_FILE", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "config.json").write_text('{"auths": {"registry.example": {"auth": "bWU6c2VjcmV0"}}}', encoding="utf-8")
    assert logins_for(local_aws)("registry.example") == Login("me", "secret")
    assert logins_for(local_aws)(HOST) is None
