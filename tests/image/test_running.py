"""The image in the tools that people have: in the reference registry, inspected, unpacked, and run as Lambda would.

What a tool is missing for is skipped, with the tool's name. The Debian packages are docker-registry, skopeo, umoci,
podman and runc.
"""

from __future__ import annotations

import asyncio
import json
import sys

import pytest
from built_artifacts import OWN_RUNTIME, service_in
from deployed_function import deployed
from lambda_like_base import ARCHITECTURE, lambda_like_base
from podman import needs, needs_root, podman_with, run
from real_registry import PROGRAM, put_into, real_registry

from fastlambda_cli.artifact.image.making import Wanted, make_image
from fastlambda_cli.artifact.image.reference import Reference
from fastlambda_cli.artifact.interpreter import OWN, own_python
from fastlambda_cli.artifact.model import Platform
from fastlambda_cli.local.packages import install_runtime

PLATFORM = {"amd64": Platform.X86_64, "arm64": Platform.ARM64}[ARCHITECTURE]
HANDLER = """
import os
import pathlib
import idna
import demo.names

def handler(event, context):
    try:
        pathlib.Path("/var/task/new").touch()
        refused = ""
    except OSError as problem:
        refused = problem.strerror
    cached = [pathlib.Path(module.__cached__).exists() for module in (idna, demo.names)]
    return {"host": idna.encode(event["host"]).decode(), "uid": os.getuid(), "refused": refused, "cached": cached}
"""
READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'
LAUNCHER = """
import json, os, sys
root, folder, variables, *command = sys.argv[1:]
os.chroot(root)
os.chdir(folder)
os.setgroups([])
os.setgid(990)
os.setuid(993)
os.execve(command[0], command, json.loads(variables))
"""

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="docker-registry is not installed")


@pytest.fixture(scope="module")
def runtime_dir():
    """Lambda's own runtime packages, where `fastlambda dev` keeps them."""
    return asyncio.run(install_runtime(own_python(), OWN, lambda _: None))


@pytest.fixture(scope="module")
def pushed(tmp_path_factory, runtime_dir):
    """An image in the reference registry, and in a tar."""
    folder = tmp_path_factory.mktemp("pushed")
    files = {"lambda_handler.py": HANDLER, "demo/__init__.py": "", "demo/names.py": "NAMES = []\n"}
    service = service_in(folder / "mine", files, table=f'architecture = "{PLATFORM}"')
    with real_registry(folder) as host:
        wanted = Wanted(
            service=service,
            runtime=OWN_RUNTIME,
            platform=PLATFORM,
            base=Reference.parse(put_into(host, lambda_like_base(runtime_dir), "test")),
            output=folder / "mine.tar",
            target=Reference.parse(f"{host}/mine:one"),
        )

        def tell(_, /, *, warning=False):
            assert not warning

        making = make_image(wanted, cache=folder / "cache", logins=lambda _: None, tell=tell, moved=lambda *_: None)
        yield asyncio.run(making), folder


def invoke(folder, command):
    (folder / "empty").mkdir(exist_ok=True)
    with deployed(folder / "empty", "", folder, command=command) as function:
        return function.invoke({"host": "bücher.example"}).answer


def is_as_on_lambda(answer, refused):
    return answer == {"host": "xn--bcher-kva.example", "uid": 993, "refused": refused, "cached": [True, True]}


def test_the_reference_registry_mounts_the_base_and_keeps_the_digest(pushed):
    made, _ = pushed
    assert made.pushed.mounted == sum(layer.size for layer in made.image.base.layers)
    assert made.pushed.uploaded == sum(layer.size for layer in made.image.layers) + len(made.image.config)


@needs("skopeo")
def test_skopeo_reads_the_one_manifest_in_the_registry(pushed):
    made, _ = pushed
    name = f"docker://{made.pushed.reference}"
    assert run("skopeo", "inspect", "--raw", "--tls-verify=false", name) == made.image.manifest.decode()
    inspected = json.loads(run("skopeo", "inspect", "--tls-verify=false", name))
    assert inspected["Digest"] == made.image.digest
    assert inspected["Layers"] == [layer.digest for layer in made.image.descriptors]
    assert inspected["Architecture"] == ARCHITECTURE


@pytest.mark.slow
@needs("skopeo")
@pytest.mark.parametrize("kind", ["oci-archive", "docker-archive"])
def test_the_tar_is_read_by_what_docker_and_podman_load(pushed, tmp_path, kind):
    made, folder = pushed
    copied = tmp_path / "copied"
    run("skopeo", "copy", f"{kind}:{folder / 'mine.tar'}", f"dir:{copied}")
    manifest = json.loads((copied / "manifest.json").read_bytes())
    assert manifest["config"]["digest"] == made.image.config_descriptor.digest
    assert len(manifest["layers"]) == len(made.image.descriptors)


@pytest.mark.slow
@needs("skopeo", "umoci", "unshare")
@needs_root
def test_the_image_unpacked_answers_an_event_read_only_and_as_nobody(pushed, tmp_path):
    made, _ = pushed
    run("skopeo", "copy", "--src-tls-verify=false", f"docker://{made.pushed.reference}", f"oci:{tmp_path}/oci:one")
    run("umoci", "unpack", "--image", f"{tmp_path}/oci:one", str(tmp_path / "bundle"))
    root = str(tmp_path / "bundle" / "rootfs")
    described = json.loads(made.image.config)["config"]

    def command(environment):
        variables = dict(variable.split("=", 1) for variable in described["Env"]) | of_lambda(environment)
        started = [*described["Entrypoint"], *described["Cmd"]]
        launcher = [sys.executable, "-I", "-c", LAUNCHER, root, described["WorkingDir"], json.dumps(variables)]
        return ["unshare", "--mount", "sh", "-c", READ_ONLY, "sh", root, *launcher, *started]

    assert is_as_on_lambda(invoke(tmp_path, command), "Read-only file system")


@pytest.mark.slow
@needs("podman", "runc")
@needs_root
def test_podman_runs_the_image_read_only_and_as_nobody(pushed, tmp_path):
    made, _ = pushed
    with podman_with(str(made.pushed.reference), tmp_path) as podman:
        answer = invoke(tmp_path, lambda environment: podman.run(of_lambda(environment)))
    assert is_as_on_lambda(answer, "Read-only file system")


def of_lambda(environment):
    """What Lambda sets, of what the test's process would get."""
    return {name: value for name, value in environment.items() if name.startswith(("AWS_", "_"))}
