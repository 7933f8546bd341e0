"""Deployment packages: where they may unpack to, and what happens with those that cannot be used."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import stat
import zipfile
from functools import partial

import httpx
import pytest
from botocore.exceptions import ClientError
from deployed_functions import ROLE, RUNTIME, WHICH_VERSION, package
from no_tls import NO_TLS

from fastlambda_cli.local.aws.deployed.code import KEPT, CodeStore
from fastlambda_cli.local.aws.deployed.unpacking import MAX_UNPACKED, Unpacked, UnusableCodeError, unpack


def zipped(*entries):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for entry, text in entries:
            archive.writestr(entry, text)
    return buffer.getvalue()


def entry(name, mode):
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def refusal(aws, name):
    with pytest.raises(ClientError) as caught:
        aws.lambda_.invoke(FunctionName=name)
    error = caught.value.response
    return error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"], error["Error"]["Message"]


@pytest.mark.parametrize("name", ["../outside.py", "/etc/outside.py", "a/../../outside.py", "a\\..\\outside.py"])
def test_an_entry_that_would_lie_outside_is_refused_before_anything_of_it_is_written(tmp_path, name):
    folder = tmp_path / "code"
    folder.mkdir()

    with pytest.raises(UnusableCodeError, match="lies outside the package"):
        unpack(zipped((name, "")), folder)

    assert list(tmp_path.rglob("*")) == [folder]


def test_a_symbolic_link_is_refused(tmp_path):
    with pytest.raises(UnusableCodeError, match="symbolic link"):
        unpack(zipped((entry("link", stat.S_IFLNK | 0o777), "/etc/passwd")), tmp_path)


def test_a_package_larger_than_lambda_takes_is_refused_before_it_is_unpacked(tmp_path):
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("big", "w") as big,
    ):
        for _ in range(MAX_UNPACKED // 1_000_000 + 1):
            big.write(bytes(1_000_000))

    with pytest.raises(UnusableCodeError, match="bytes when unpacked"):
        unpack(buffer.getvalue(), tmp_path)

    assert not list(tmp_path.iterdir())


def test_what_is_unpacked_is_the_users_alone_to_read_and_programs_can_be_run(tmp_path):
    unpack(zipped((entry("app.py", 0o644), ""), (entry("bin/tool", 0o755), "")), tmp_path)

    assert stat.S_IMODE((tmp_path / "app.py").stat().st_mode) == 0o400
    assert stat.S_IMODE((tmp_path / "bin" / "tool").stat().st_mode) == 0o500


def test_files_that_an_earlier_package_had_are_shared_and_all_others_written(tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    same, gone = ("lib/same.py", "same"), ("lib/gone.py", "gone")
    manifest = unpack(zipped(same, gone, ("app.py", "old")), before)
    (before / "lib" / "gone.py").unlink()

    unpack(zipped(same, gone, ("app.py", "new"), ("more.py", "more")), after, Unpacked(before, manifest))

    assert (after / "lib" / "same.py").samefile(before / "lib" / "same.py")
    assert {path.name: path.read_text() for path in after.rglob("*.py")} == {
        "same.py": "same",
        "gone.py": "gone",
        "app.py": "new",
        "more.py": "more",
    }
    assert (before / "app.py").read_text() == "old"


def test_two_entries_of_one_name_never_write_into_a_shared_file(tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    manifest = unpack(zipped(("app.py", "old")), before)
    with pytest.warns(UserWarning, match="Duplicate name"):
        double = zipped(("app.py", "old"), ("app.py", "new"))

    unpack(double, after, Unpacked(before, manifest))

    assert (before / "app.py").read_text() == "old"


def test_a_package_is_unpacked_once_and_the_oldest_of_those_out_of_use_go(tmp_path):
    packages = [zipped(("app.py", f"number = {number}")) for number in range(KEPT + 3)]
    reads = []

    async def scenario():
        store = CodeStore(tmp_path / "code")
        folders = []
        for content in (*packages, packages[-1]):

            async def read(content=content):
                reads.append(content)
                return partial(unpack, content)

            folders.append(await store.unpacked(hashlib.sha256(content).hexdigest(), read))
        await store.prune({folders[0]})
        return folders

    folders = asyncio.run(scenario())

    assert reads == packages
    assert folders[-1] == folders[-2]
    assert [folder.exists() for folder in folders[:-1]] == [True, False, False, *[True] * KEPT]


def test_what_an_earlier_release_or_a_cut_off_deletion_left_is_unpacked_anew(tmp_path):
    async def read():
        return partial(unpack, zipped(("main.py", "now")))

    async def unpack_beside_remains():
        digest = hashlib.sha256(b"one").hexdigest()
        place = tmp_path / digest
        place.mkdir()
        (place / "main.py").write_text("before")
        (tmp_path / "elsewhere").mkdir()
        store = CodeStore(tmp_path)
        folder = await store.unpacked(digest, read)
        await store.prune({folder})
        return folder

    folder = asyncio.run(unpack_beside_remains())

    assert (folder / "main.py").read_text() == "now"
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [folder.name]


def test_a_zip_that_is_none_is_the_error_that_lambda_has_for_it(aws):
    # UpdateFunctionCode checks what it is given; a stack does not.
    bucket = aws.client("s3")
    bucket.create_bucket(Bucket="broken")
    bucket.put_object(Bucket="broken", Key="code.zip", Body=b"not a zip")
    name = stack_with(aws, {"S3Bucket": "broken", "S3Key": "code.zip"})

    status, code, text = refusal(aws, name)

    assert (status, code) == (502, "InvalidZipFileException")
    assert "no zip that can be read" in text


def test_a_function_whose_code_was_never_there_says_so_and_runs_nothing(aws):
    status, code, text = refusal(aws, stack_with(aws, {"S3Bucket": "nowhere", "S3Key": "code.zip"}))

    assert (status, code) == (502, "InvalidZipFileException")
    assert "no code was deployed" in text


def test_a_runtime_that_is_not_pythons_is_refused(aws):
    name = aws.create(WHICH_VERSION % "one", Runtime="nodejs22.x")

    status, code, text = refusal(aws, name)

    assert (status, code) == (502, "InvalidRuntimeException")
    assert RUNTIME in text


def test_layers_are_refused_and_not_left_out(aws):
    layer = aws.lambda_.publish_layer_version(LayerName="shared", Content={"ZipFile": package("")})
    name = aws.create(WHICH_VERSION % "one", Layers=[layer["LayerVersionArn"]])

    assert "has layers" in refusal(aws, name)[2]


def test_a_module_that_is_missing_is_the_runtimes_own_error(aws):
    name = aws.create("", Handler="nothing.handler")

    answer = aws.lambda_.invoke(FunctionName=name)

    assert answer["FunctionError"] == "Unhandled"
    assert json.load(answer["Payload"])["errorType"] == "Runtime.ImportModuleError"


def test_what_get_function_says_can_be_downloaded_can_be(aws):
    code = package(WHICH_VERSION % "one")
    name = aws.create("", Code={"ZipFile": code})

    url = aws.lambda_.get_function(FunctionName=name)["Code"]["Location"]

    assert httpx.get(url, verify=NO_TLS, trust_env=False).content == code
    assert httpx.post(url, verify=NO_TLS, trust_env=False).status_code == 404


def stack_with(aws, code):
    """A function that CloudFormation made, which checks no code."""
    name = next(aws.names)
    properties = {"FunctionName": name, "Runtime": RUNTIME, "Handler": "app.handler", "Role": ROLE, "Code": code}
    template = {"Resources": {"Function": {"Type": "AWS::Lambda::Function", "Properties": properties}}}
    stacks = aws.client("cloudformation")
    stacks.create_stack(StackName=name, TemplateBody=json.dumps(template))
    stacks.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 0.1})
    return name
