"""A service's own Dockerfile: built by what is there, and read as strictly as Lambda reads it."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import re
import tarfile

import pytest
from built_artifacts import HANDLER
from dockerfiles import ARCHITECTURE, PLATFORM, ROOTLESS, dockerfile, needs_builder, separate_storage
from image_registry import digest_of

from fastlambda_cli.artifact.image.archived import read_image
from fastlambda_cli.artifact.image.builders import Builder, build_by_dockerfile, find_builder, save
from fastlambda_cli.artifact.image.escape import image_by_dockerfile
from fastlambda_cli.artifact.image.kept import is_sound
from fastlambda_cli.artifact.model import Platform
from fastlambda_cli.cli.main import run_command
from fastlambda_cli.errors import ArtifactError, ToolchainError
from fastlambda_cli.service.load import load_service

TABLE = f'[tool.fastlambda]\narchitecture = "{PLATFORM}"\npackage = {{ type = "image", dockerfile = "Dockerfile" }}\n'
MACHINES = {Platform.ARM64: 0xB7, Platform.X86_64: 0x3E}
OTHER = next(platform for platform in MACHINES if platform is not PLATFORM)
PROJECT = f'[project]\nname = "mine"\nversion = "1"\n{TABLE}'


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
    return read_image(path, PLATFORM, folder, folder / "work")


@pytest.fixture
def storage(tmp_path, monkeypatch):
    """A folder of their own for what podman and buildah keep, and for what is kept of theirs."""
    separate_storage(tmp_path, monkeypatch)
    monkeypatch.setenv("FASTLAMBDA_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))


@pytest.fixture
def service(tmp_path):
    """A service with a Dockerfile."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, content in {**HANDLER, "Dockerfile": dockerfile(), "pyproject.toml": PROJECT}.items():
        (folder / name).write_text(content)
    return folder


@needs_builder
@pytest.mark.parametrize("name", ROOTLESS)
@pytest.mark.usefixtures("storage")
def test_what_podman_or_buildah_make_is_an_image_for_lambda(service, tmp_path, name):
    builder, said = ROOTLESS[name], []

    def tell(text, /, *, warning=False):
        said.append((text, warning))

    identifier = asyncio.run(build_by_dockerfile(builder, service / "Dockerfile", PLATFORM, tell))
    asyncio.run(save(builder, identifier, tmp_path / "saved.tar", tell))
    image = read(tmp_path, tmp_path / "saved.tar")
    assert any("COPY lambda_handler.py" in text for text, _ in said)
    assert json.loads(image.config)["config"]["Cmd"] == ["lambda_handler.handler"]
    (layer,) = image.layers
    with tarfile.open(layer.path, "r:gz") as tar:
        assert [name.strip("/") for name in tar.getnames()] == ["var", "var/task", "var/task/lambda_handler.py"]
    assert {descriptor.media_type for descriptor in image.descriptors} == {
        "application/vnd.oci.image.layer.v1.tar+gzip"
    }
    assert asyncio.run(build_by_dockerfile(builder, service / "Dockerfile", PLATFORM, tell)) == identifier


@pytest.mark.slow
@needs_builder
@pytest.mark.parametrize("name", ROOTLESS)
@pytest.mark.parametrize(
    ("wanted", "remedy"),
    [(OTHER, "install QEMU for it .* architecture to this machine's"), (PLATFORM, "see that its base is")],
)
@pytest.mark.usefixtures("storage")
def test_a_step_for_another_processor_than_this_machines_is_told_what_it_takes(service, name, wanted, remedy):
    program = bytearray(b"\x7fELF\x02\x01\x01" + b"\0" * 57)
    program[16:20] = (2).to_bytes(2, "little") + MACHINES[OTHER].to_bytes(2, "little")
    (service / "sh").write_bytes(program)
    (service / "sh").chmod(0o755)
    (service / "Dockerfile").write_text(dockerfile("COPY sh /bin/sh", "RUN compile"))

    with pytest.raises(ToolchainError, match=f"{name} cannot build") as refused:
        asyncio.run(build_by_dockerfile(ROOTLESS[name], service / "Dockerfile", wanted, lambda *_, **__: None))

    assert "exec format error" in refused.value.why
    assert re.search(remedy, refused.value.remedy)


@pytest.mark.slow
@needs_builder
@pytest.mark.usefixtures("storage")
def test_the_command_builds_and_pushes_by_the_configured_dockerfile(service, registry, capsys):
    command = ["build", str(service), "--push", f"{registry.host}/mine:one", "--json"]
    assert run_command(command) == 0
    document = json.loads(capsys.readouterr().out)
    kind, manifest = registry.repository("mine").manifests["one"]
    assert digest_of(manifest) == document["digest"]
    pushed = json.loads(manifest)
    assert kind == pushed["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    assert {layer["mediaType"] for layer in pushed["layers"]} == {"application/vnd.oci.image.layer.v1.tar+gzip"}

    assert run_command(command) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["digest"], again["uploaded"]) == (document["digest"], 0)

    (service / "Dockerfile").write_text("FROM scratch\nCOPY nothing.py /\n")
    assert run_command(command) == 4
    said = capsys.readouterr().err
    assert "cannot build" in said
    assert "nothing.py" in said


@pytest.mark.slow
@needs_builder
@pytest.mark.usefixtures("storage")
def test_what_is_kept_of_an_image_is_read_anew_when_it_is_damaged(service, tmp_path):
    described, warned = load_service(service), []

    def tell(text, /, *, warning=False):
        if warning:
            warned.append(text)

    def image():
        making = image_by_dockerfile(described, described.dockerfile, PLATFORM, cache=tmp_path / "cache", tell=tell)
        return asyncio.run(making)

    first = image()
    place = first.layers[0].path.parent
    assert sorted(path.name for path in place.iterdir()) == ["0.tar.gz", "config.json", "layers.json"]
    for file in place.iterdir():
        content = file.read_bytes()
        file.write_bytes(content[:-1])
        assert not is_sound(place)
        file.write_bytes(content)
    (place / "0.tar.gz").write_bytes(b"")
    assert image() == first
    assert [text for text in warned if "is damaged: making it anew" in text] == warned
    assert warned

    (service / "Dockerfile").write_text(dockerfile(handler="other.handler"))
    assert image().digest != first.digest
    assert "CMD is" in warned[-1]
    assert "the configured handler lambda_handler.handler" in warned[-1]


def test_where_nothing_builds_each_is_named_with_its_reason(service, tmp_path, monkeypatch, capsys):
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon'\nexit 1\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match="Nothing here can build a Dockerfile") as refused:
        asyncio.run(find_builder())
    assert refused.value.why == (
        "docker says: Cannot connect to the Docker daemon; podman is not installed; buildah is not installed"
    )
    assert run_command(["build", str(service)]) == 4
    assert "install podman or buildah" in " ".join(capsys.readouterr().err.split())


STANDS_IN_FOR_DOCKER = """#!/bin/sh
echo "$@" >> "$0.asked"
case "$1" in
    build) while [ "$1" != --iidfile ]; do shift; done; echo sha256:1 > "$2" ;;
    save) cp "$0.saved" "$3" ;;
esac
"""


def test_docker_is_told_to_load_one_image_for_the_platform_without_attestations(service, tmp_path, monkeypatch):
    """No daemon runs where these tests do; what it would save is read all the same."""
    docker = tmp_path / "docker"
    docker.write_text(STANDS_IN_FOR_DOCKER)
    docker.chmod(0o755)
    saved_by_docker(tmp_path, config_of(GOOD), GOOD).rename(tmp_path / "docker.saved")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    described = load_service(service)
    making = image_by_dockerfile(
        described, described.dockerfile, PLATFORM, cache=tmp_path / "cache", tell=lambda *_, **__: None
    )
    (layer,) = asyncio.run(making).layers
    assert layer.diff_id == digest_of(GOOD)
    asked = (tmp_path / "docker.asked").read_text().splitlines()
    assert [line.partition(" ")[0] for line in asked] == ["version", "buildx", "build", "save"]
    options = (
        f"build --load --provenance=false --sbom=false --platform linux/{ARCHITECTURE} --file {service}/Dockerfile "
    )
    assert asked[2].startswith(options)
    assert asked[2].endswith(f" {service}")


def test_docker_without_buildx_which_cannot_leave_attestations_out_is_not_taken(tmp_path, monkeypatch):
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\n[ $1 = version ] || { echo 'docker: unknown command: docker buildx'; exit 1; }\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match="docker says: docker: unknown command: docker buildx"):
        asyncio.run(find_builder())


def test_a_builder_may_say_more_on_a_line_than_anybody_reads(tmp_path):
    talks = tmp_path / "talks"
    talks.write_text("#!/bin/sh\nhead -c 3000000 /dev/zero | tr '\\0' x\necho\necho the reason\nexit 1\n")
    talks.chmod(0o755)
    said = []
    with pytest.raises(ToolchainError) as failed:
        asyncio.run(
            build_by_dockerfile(
                Builder(str(talks), (), (), lambda *_: ()), tmp_path / "Dockerfile", PLATFORM, said.append
            )
        )
    assert failed.value.why.endswith("the reason")
    assert [len(line) for line in said] == [4096, len("the reason")]


@pytest.mark.parametrize(
    ("table", "options", "said"),
    [
        ("", ["--dockerfile", "Dockerfile"], "--dockerfile is about images"),
        ("", ["--image", "--dockerfile", "Dockerfile", "--base", "other"], "--base is not for a Dockerfile"),
        (TABLE, ["--base", "other"], "--base is not for a Dockerfile"),
    ],
)
def test_options_that_contradict_a_dockerfile_are_refused(service, capsys, table, options, said):
    (service / "pyproject.toml").write_text(PROJECT.replace(TABLE, table))
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


def test_an_image_with_the_secrets_of_the_local_aws_is_refused(tmp_path):
    copied = tar_of("var/", "var/.fastlambda/", "var/.fastlambda/secrets.json", "start")
    with pytest.raises(ArtifactError, match=r"The Dockerfile's image has /var/\.fastlambda") as refused:
        read(tmp_path, saved_by_docker(tmp_path, config_of(copied), copied))
    assert ".dockerignore" in refused.value.remedy


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
