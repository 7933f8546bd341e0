"""A service's own Dockerfile: built by what is there, and read as strictly as Lambda reads it."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import platform
import shutil
import tarfile

import pytest
from built_artifacts import HANDLER
from image_registry import digest_of

from fastlambda_cli.artifact.image.archived import read_image
from fastlambda_cli.artifact.image.builders import BUILDERS, build_archive, find_builder
from fastlambda_cli.artifact.model import Platform
from fastlambda_cli.cli.main import run_command
from fastlambda_cli.errors import ArtifactError, ToolchainError

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
PLATFORM = {"amd64": Platform.X86_64, "arm64": Platform.ARM64}[ARCHITECTURE]
DOCKERFILE = 'FROM scratch\nCOPY app.py /var/task/app.py\nENTRYPOINT ["/lambda-entrypoint.sh"]\nCMD ["app.handler"]\n'
PROJECT = f'[project]\nname = "mine"\nversion = "1"\n[tool.fastlambda]\narchitecture = "{PLATFORM}"\n'
ROOTLESS = {name: builder for builder in BUILDERS if shutil.which(name := builder.name) and name != "docker"}


def tar_of(*members):
    """A tar of folders, whose names end with a slash, files, and links as pairs."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for member in members:
            name, leads_to = member if isinstance(member, tuple) else (member, "")
            info = tarfile.TarInfo(name.rstrip("/"))
            if name.endswith("/"):
                info.type = tarfile.DIRTYPE
            elif leads_to:
                info.type, info.linkname = tarfile.SYMTYPE, leads_to
            tar.addfile(info, io.BytesIO())
    return buffer.getvalue()


GOOD = tar_of("var/", "var/task/", "var/task/app.py", "start")


def config_of(*layers, entrypoint="/start", architecture=ARCHITECTURE):
    return json.dumps(
        {
            "os": "linux",
            "architecture": architecture,
            "config": {"Entrypoint": [entrypoint]},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(layer) for layer in layers]},
        }
    ).encode()


def archive(folder, files):
    with tarfile.open(folder / "saved.tar", "w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return folder / "saved.tar"


def saved_by_docker(folder, config, *layers):
    """As `docker save` wrote images before version 25: no layout, no compression."""
    manifest = [{"Config": "c.json", "Layers": [f"{number}/layer.tar" for number in range(len(layers))]}]
    files = {f"{number}/layer.tar": layer for number, layer in enumerate(layers)}
    return archive(folder, {"c.json": config, "manifest.json": json.dumps(manifest).encode(), **files})


def saved_as_layout(folder, *images):
    """An OCI archive; an image is its configuration, its annotations and its layers."""
    blobs, index = {}, []

    def kept(content, **fields):
        blobs[f"blobs/sha256/{hashlib.sha256(content).hexdigest()}"] = content
        return {"mediaType": "any", "digest": digest_of(content), "size": len(content), **fields}

    for config, notes, layers in images:
        manifest = {"config": kept(config), "layers": [kept(layer) for layer in layers]}
        index.append(kept(json.dumps(manifest).encode(), annotations=notes))
    return archive(folder, {"index.json": json.dumps({"manifests": index}).encode(), **blobs})


def read(folder, path):
    work = folder / "work"
    work.mkdir()
    return read_image(path, PLATFORM, work)


@pytest.fixture
def storage(tmp_path, monkeypatch):
    """A folder of their own for what podman and buildah keep."""
    kept = f'[storage]\ndriver = "vfs"\ngraphroot = "{tmp_path}/kept"\nrunroot = "{tmp_path}/running"\n'
    (tmp_path / "storage.conf").write_text(kept)
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(tmp_path / "storage.conf"))
    monkeypatch.setenv("BUILDAH_ISOLATION", "chroot")


@pytest.fixture
def service(tmp_path):
    """A service with a Dockerfile."""
    folder = tmp_path / "mine"
    folder.mkdir()
    files = {**HANDLER, "Dockerfile": DOCKERFILE, "pyproject.toml": PROJECT, "app.py": ""}
    for name, content in files.items():
        (folder / name).write_text(content)
    return folder


@pytest.mark.skipif(not ROOTLESS, reason="neither podman nor buildah is installed")
@pytest.mark.parametrize("name", ROOTLESS)
@pytest.mark.usefixtures("storage")
def test_what_podman_or_buildah_make_is_an_image_for_lambda(service, tmp_path, name):
    work = tmp_path / "work"
    work.mkdir()
    said = []
    building = build_archive(
        ROOTLESS[name], service / "Dockerfile", PLATFORM, work, lambda text, **_: said.append(text)
    )
    image = read_image(asyncio.run(building), PLATFORM, work)
    assert any("COPY app.py" in line for line in said)
    assert json.loads(image.config)["config"]["Cmd"] == ["app.handler"]
    (layer,) = image.layers
    with tarfile.open(layer.path, "r:gz") as tar:
        assert [name.strip("/") for name in tar.getnames()] == ["var", "var/task", "var/task/app.py"]
    assert {descriptor.media_type for descriptor in image.descriptors} == {
        "application/vnd.oci.image.layer.v1.tar+gzip"
    }


@pytest.mark.skipif(not ROOTLESS, reason="neither podman nor buildah is installed")
@pytest.mark.usefixtures("storage")
def test_the_command_builds_and_pushes_by_the_dockerfile(service, registry, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("FASTLAMBDA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "no logins"))
    command = ["build", str(service), "--image", "--dockerfile", str(service / "Dockerfile")]
    assert run_command([*command, "--push", f"{registry.host}/mine:one", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    _, manifest = registry.repository("mine").manifests["one"]
    assert digest_of(manifest) == document["digest"]

    (service / "Dockerfile").write_text("FROM scratch\nCOPY nothing.py /\n")
    assert run_command(command) == 4
    said = capsys.readouterr().err
    assert "cannot build" in said
    assert "nothing.py" in said


def test_where_nothing_builds_each_is_named_with_its_reason(tmp_path, monkeypatch):
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon'\nexit 1\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match="Nothing here can build a Dockerfile") as refused:
        asyncio.run(find_builder())
    assert refused.value.why == (
        "docker says: Cannot connect to the Docker daemon; podman is not installed; buildah is not installed"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--dockerfile", "Dockerfile"], "--dockerfile is about images"),
        (["--image", "--dockerfile", "Dockerfile", "--base", "other"], "--base is not for a Dockerfile"),
    ],
)
def test_options_that_contradict_a_dockerfile_are_refused(service, capsys, options, said):
    assert run_command(["build", str(service), *options]) == 2
    assert said in capsys.readouterr().err


def test_a_dockerfile_that_is_not_there_is_said_so(service, capsys):
    assert run_command(["build", str(service), "--image", "--dockerfile", str(service / "Other")]) != 0
    assert "Other is not there" in capsys.readouterr().err


def test_what_docker_saved_uncompressed_becomes_gzipped_layers(tmp_path):
    upper = tar_of("etc/", "etc/more")
    image = read(tmp_path, saved_by_docker(tmp_path, config_of(GOOD, upper), GOOD, upper))
    assert [gzip.decompress(layer.path.read_bytes()) for layer in image.layers] == [GOOD, upper]
    assert [layer.diff_id for layer in image.layers] == [digest_of(GOOD), digest_of(upper)]
    assert [layer["digest"] for layer in json.loads(image.manifest)["layers"]] == [
        digest_of(layer.path.read_bytes()) for layer in image.layers
    ]


def test_a_layer_may_stand_in_an_image_twice(tmp_path):
    """As BuildKit makes of every step that changes no file."""
    layers = [gzip.compress(tar, mtime=0) for tar in (GOOD, tar_of(), tar_of())]
    image = read(tmp_path, saved_as_layout(tmp_path, (config_of(GOOD, tar_of(), tar_of()), {}, layers)))
    assert [layer.digest for layer in image.layers] == [digest_of(layer) for layer in layers]


def test_attestations_beside_the_image_are_left_out(tmp_path):
    packed = gzip.compress(GOOD, mtime=0)
    attestation = (b"{}", {"vnd.docker.reference.type": "attestation-manifest"}, [])
    image = read(tmp_path, saved_as_layout(tmp_path, (config_of(GOOD), None, [packed]), attestation))
    assert [layer.digest for layer in image.layers] == [digest_of(packed)], "what is gzipped stays as it is"


@pytest.mark.parametrize(
    ("layers", "fields", "said"),
    [
        ([tar_of("var/", "var/task/app.py", "var/task/")], {}, r"has var/task/app\.py before the folder that it is in"),
        ([tar_of(("start", "/bin/other"))], {}, "ENTRYPOINT /start is a symbolic link: .* leads to /bin/other"),
        ([GOOD, tar_of(("start", "other"))], {}, "ENTRYPOINT /start is a symbolic link"),
        ([GOOD], {"entrypoint": "python"}, "ENTRYPOINT is python: Lambda wants an absolute path"),
        ([GOOD], {"architecture": "riscv64"}, "it is for linux/riscv64"),
        ([b"\x28\xb5\x2f\xfd" + bytes(100)], {}, "compressed with Zstandard"),
        ([b"\x1f\x8b" + bytes(100)], {}, "a layer of it cannot be read"),
    ],
)
def test_what_lambda_would_not_take_is_refused_before_it_is_pushed(tmp_path, layers, fields, said):
    with pytest.raises(ArtifactError, match=said):
        read(tmp_path, saved_by_docker(tmp_path, config_of(*layers, **fields), *layers))


def test_an_entrypoint_that_a_later_layer_makes_a_file_is_fine(tmp_path):
    layers = tar_of(("start", "/bin/other")), GOOD
    assert len(read(tmp_path, saved_by_docker(tmp_path, config_of(*layers), *layers)).layers) == 2


def test_layers_that_are_not_those_of_the_configuration_are_refused(tmp_path):
    with pytest.raises(ArtifactError, match="its layers are others than it says"):
        read(tmp_path, saved_by_docker(tmp_path, config_of(tar_of("etc/")), GOOD))


def test_two_images_in_one_are_refused(tmp_path):
    packed = [gzip.compress(GOOD, mtime=0)]
    two = saved_as_layout(tmp_path, (config_of(GOOD), None, packed), (config_of(GOOD, entrypoint="/x"), None, packed))
    with pytest.raises(ArtifactError, match="it is 2 images in one: Lambda takes a single manifest"):
        read(tmp_path, two)


def test_what_is_no_image_is_said_so(tmp_path):
    with pytest.raises(ArtifactError, match="what the builder saved is no image"):
        read(tmp_path, archive(tmp_path, {"manifest.json": b"[]"}))
