"""What of a Dockerfile's image the local Lambda runs, with this machine's Python."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import tarfile

import pytest
from image_registry import digest_of

from fastlambda_cli.artifact.image.empty import RUNTIME_LABEL
from fastlambda_cli.artifact.image.here import image_for_here, platform_here
from fastlambda_cli.artifact.image.kept import whole_image
from fastlambda_cli.artifact.image.model import Layer
from fastlambda_cli.artifact.image.steps import named_layers
from fastlambda_cli.artifact.model import Platform
from fastlambda_cli.errors import ArtifactError

SITE_PACKAGES = "var/lang/lib/python3.13/site-packages"


def layer(folder, files):
    """A layer of files; what a link leads to stands behind an arrow, and None is a folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            if content is None:
                info.type = tarfile.DIRTYPE
            elif content.startswith("-> "):
                info.type, info.linkname = tarfile.SYMTYPE, content.removeprefix("-> ")
            else:
                info.size, info.mode = len(content), 0o755 if content.startswith("#!") else 0o644
            tar.addfile(info, io.BytesIO(content.encode()) if info.size else None)
    packed = gzip.compress(buffer.getvalue(), mtime=0)
    path = folder / f"{digest_of(packed)[-16:]}.tar.gz"
    path.write_bytes(packed)
    return Layer(path, digest_of(packed), len(packed), digest_of(buffer.getvalue()), len(buffer.getvalue()))


def image_of(folder, *layers, command=("app.handler",), history=()):
    config = {"config": {"Cmd": list(command)}, "history": [{"created_by": step} for step in history]}
    return whole_image(json.dumps(config).encode(), [layer(folder, files) for files in layers])


def for_here(folder, *layers, **fields):
    making = image_for_here(
        image_of(folder, *layers, **fields),
        "mine",
        "python3.13",
        cache=folder / "cache",
        tell=lambda *_, **__: None,
    )
    return asyncio.run(making)


def contents(image):
    (own,) = image.layers
    with tarfile.open(own.path) as tar:
        return {
            member.name.removeprefix("var/task/"): tar.extractfile(member).read().decode()
            for member in tar
            if member.isfile()
        }


def test_it_has_the_task_root_and_below_it_the_site_packages_of_its_python(tmp_path):
    image = for_here(
        tmp_path,
        {"var/lang/bin/python3.13": "ELF", f"{SITE_PACKAGES}/both.py": "theirs", f"{SITE_PACKAGES}/pkg/a.py": "a"},
        {"usr/lib64/libpq.so.5": "ELF", "usr/lib/python3.9/site-packages/of_the_system.py": "no"},
        {"var/task/": None, "var/task/app.py": "app", "var/task/both.py": "ours", "var/task/run": "#!/bin/sh"},
    )
    assert contents(image) == {"app.py": "app", "both.py": "ours", "pkg/a.py": "a", "run": "#!/bin/sh"}
    described = json.loads(image.config)["config"]
    assert (described["Cmd"], described["Labels"]) == (["app.handler"], {RUNTIME_LABEL: "python3.13"})


def test_upper_layers_replace_and_delete_what_lower_ones_have(tmp_path):
    lower = {"var/task/a.py": "old", "var/task/b.py": "b", "var/task/c/d.py": "d", "var/task/e/f.py": "f"}
    middle = {"var/task/.wh.b.py": "", "var/task/.wh.c": "", "var/task/e/.wh..wh..opq": "", "var/task/e/g.py": "g"}
    image = for_here(tmp_path, lower, middle, {"var/task/a.py": "new", "var/task/b.py": "again"})
    assert contents(image) == {"a.py": "new", "b.py": "again", "e/g.py": "g"}


def test_a_link_within_its_layer_is_the_file_that_it_leads_to(tmp_path):
    image = for_here(tmp_path, {"var/task/liba.so.1": "ELF", "var/task/liba.so": "-> liba.so.1"})
    assert contents(image) == {"liba.so": "ELF", "liba.so.1": "ELF"}


@pytest.mark.parametrize(
    ("files", "command", "why"),
    [
        ({"opt/app.py": ""}, ["app.handler"], "it has nothing in /var/task"),
        ({"usr/local/bin/python3.12": "", "var/task/app.py": ""}, ["app.handler"], "it has Python 3.12, .* needs 3.13"),
        ({"var/task/app.py": ""}, [], "its CMD is missing"),
        ({"var/task/app.py": ""}, ["python", "app.py"], "its CMD is python app.py"),
        ({"var/task/app.py": "-> /elsewhere"}, ["app.handler"], "var/task/app.py is a link out of its layer"),
        ({"var/task/../../root/app.py": ""}, ["app.handler"], "leads outside"),
    ],
)
def test_what_this_machines_python_cannot_run_is_refused_with_its_reason(tmp_path, files, command, why):
    with pytest.raises(ArtifactError, match="cannot be run here") as refused:
        for_here(tmp_path, files, command=command)
    assert refused.match(why)
    assert "fastlambda dev" in refused.value.remedy


def test_only_linux_on_lambdas_processors_runs_an_images_files():
    assert platform_here("Linux", "aarch64") is Platform.ARM64
    with pytest.raises(ArtifactError, match="here is Darwin on arm64"):
        platform_here("Darwin", "arm64")


def test_layers_are_called_by_the_steps_that_made_them(tmp_path):
    digest = "8" * 64
    history = (
        "|1 TOKEN=s3cret /bin/sh -c dnf install -y libpq",
        "RUN |1 TOKEN=s3cret /bin/sh -c pip install . # buildkit",
        f"/bin/sh -c #(nop) COPY file:{digest} in /var/task/app.py ",
        f"/bin/sh -c #(nop) COPY file:{digest.replace('8', '9')} in /var/task/app.py ",
    )
    image = image_of(tmp_path, *({f"{number}": str(number)} for number in range(4)), history=history)
    assert [name for name, _ in named_layers(image)] == [
        "dnf install -y libpq",
        "pip install .",
        "COPY /var/task/app.py",
        "COPY /var/task/app.py (2)",
    ]
