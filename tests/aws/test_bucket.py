from __future__ import annotations

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from fastlambda_cli.aws.bucket import Bucket
from fastlambda_cli.aws.session import connect
from fastlambda_cli.errors import AwsError


@pytest.fixture
def bucket(local_aws, unique):
    name = unique("artifacts")
    client = local_aws.client("s3")
    client.create_bucket(Bucket=name)
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return Bucket(local_aws, name)


@pytest.fixture
def artifact(tmp_path):
    path = tmp_path / "artifact.zip"
    path.write_bytes(b"zipped" * 100_000)
    return path


def digest(path):
    return base64.b64encode(hashlib.sha256(path.read_bytes()).digest()).decode()


def test_an_upload_is_whole_and_its_digest_is_kept_beside_it(bucket, artifact):
    assert bucket.upload("a.zip", artifact, digest(artifact))
    found = bucket.head("a.zip")
    assert (found.size, found.sha256) == (600_000, digest(artifact))
    assert bucket.get("a.zip") == artifact.read_bytes()


def test_progress_ends_with_everything_and_never_goes_back(bucket, artifact):
    told = []
    bucket.upload("a.zip", artifact, digest(artifact), lambda sent, size: told.append((sent, size)))
    assert told[-1] == (600_000, 600_000)
    assert told == sorted(told)
    assert told[0][0] < 600_000


def test_a_key_is_uploaded_once(bucket, artifact):
    assert bucket.upload("a.zip", artifact, digest(artifact))
    assert not bucket.upload("a.zip", artifact, digest(artifact))


def test_what_does_not_have_its_digest_is_refused(bucket, artifact):
    other = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    with pytest.raises(AwsError) as caught:
        bucket.upload("a.zip", artifact, other)
    assert caught.value.code == "BadDigest"
    assert bucket.head("a.zip") is None


def test_of_many_who_create_one_key_exactly_one_does(bucket):
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda number: bucket.create("1.json", b"%d" % number), range(8)))
    assert won.count(True) == 1
    assert bucket.get("1.json") == b"%d" % won.index(True)


def test_what_is_not_there_is_none(bucket):
    assert bucket.get("nothing") is None
    assert bucket.head("nothing") is None


def test_a_bucket_that_is_not_there_is_an_error(local_aws, unique):
    with pytest.raises(AwsError) as caught:
        Bucket(local_aws, unique("nobodys")).get("a")
    assert caught.value.code == "NoSuchBucket"


def test_objects_are_listed_by_prefix(bucket):
    for key in ("b/2", "b/1", "c/1"):
        bucket.replace(key, b"x")
    assert [item.key for item in bucket.objects("b/")] == ["b/1", "b/2"]


def test_deleted_objects_stay_as_versions_until_all_versions_are_deleted(bucket, local_aws):
    bucket.replace("a", b"1")
    bucket.replace("a", b"2")
    bucket.delete(["a"])
    assert bucket.get("a") is None
    versions = local_aws.client("s3").list_object_versions
    assert len(versions(Bucket=bucket.name)["Versions"]) == 2
    bucket.delete_all_versions("a")
    left = versions(Bucket=bucket.name)
    assert (left.get("Versions", []), left.get("DeleteMarkers", [])) == ([], [])


def test_an_objects_url_is_one_that_cloudformation_reads_templates_from(bucket, local_aws):
    bucket.replace("templates/a.json", b'{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}')
    summary = local_aws.client("cloudformation").get_template_summary(TemplateURL=bucket.url("templates/a.json"))
    assert summary["ResourceTypes"] == ["AWS::SQS::Queue"]


def test_an_object_is_replaced_only_as_long_as_it_is_the_one_that_was_read(bucket):
    bucket.create("record", b"mine")
    seen = bucket.read("record")
    assert bucket.replace("record", b"theirs", only=seen.etag)
    assert not bucket.replace("record", b"mine again", only=seen.etag)
    bucket.delete(["record"])
    assert not bucket.replace("record", b"mine again", only=seen.etag)
    assert bucket.read("record") is None


def test_how_old_an_object_is_is_told_by_s3s_own_clock(bucket):
    bucket.create("record", b"new")
    assert 0 <= bucket.read("record").age < 60


@pytest.mark.parametrize(
    ("region", "url"),
    [
        ("eu-west-1", "https://artifacts.s3.eu-west-1.amazonaws.com/templates/a.json"),
        ("cn-north-1", "https://artifacts.s3.cn-north-1.amazonaws.com.cn/templates/a.json"),
    ],
)
def test_a_template_has_the_url_that_cloudformation_takes_whatever_endpoint_is_configured(
    no_configuration, monkeypatch, region, url
):
    del no_configuration
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://bucket.vpce-1.s3.example")
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    with connect(region=region) as aws:
        assert Bucket(aws, "artifacts").url("templates/a.json") == url
