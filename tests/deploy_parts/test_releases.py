from __future__ import annotations

import base64
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fastlambda_cli.aws.bucket import Bucket
from fastlambda_cli.aws.session import connect
from fastlambda_cli.deploy.desired import Desired
from fastlambda_cli.deploy.model import PublishedZip, ReleaseStatus
from fastlambda_cli.deploy.releases import Releases, artifact_key, template_key
from fastlambda_cli.errors import ReleaseError

LIVE, FAILED, STARTED, EARLIER = (
    ReleaseStatus.LIVE,
    ReleaseStatus.FAILED,
    ReleaseStatus.STARTED,
    ReleaseStatus.EARLIER,
)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def bucket(local_aws):
    """A bucket as the bootstrap makes it."""
    client = local_aws.client("s3")
    client.create_bucket(Bucket="releases-of-tests")
    client.put_bucket_versioning(Bucket="releases-of-tests", VersioningConfiguration={"Status": "Enabled"})
    return Bucket(local_aws, "releases-of-tests")


@pytest.fixture
def stack(unique):
    return unique("shop")


@pytest.fixture
def releases(bucket, stack, local_aws):
    return Releases(bucket, stack, local_aws, now=lambda: NOON)


@pytest.fixture
def desired(bucket, stack, tmp_path):
    """Make what a stack is to be, with an artifact that is in the bucket; another text makes another artifact."""

    def desired(text="handler = 1"):
        file = tmp_path / "artifact.zip"
        file.write_text(text, encoding="utf-8")
        digest = hashlib.sha256(text.encode())
        sha256 = base64.b64encode(digest.digest()).decode()
        key = artifact_key(stack, digest.hexdigest())
        bucket.upload(key, file, sha256)
        published = PublishedZip(bucket.name, key, sha256, len(text), {"lambda_handler.py": (len(text), 7)})
        document = {"Description": text, "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
        return Desired(stack, document, {"ArtifactKey": key}, published, "/")

    return desired


def keys(bucket, folder, stack):
    return {item.key for item in bucket.objects(f"{folder}/{stack}/")}


def statuses(releases):
    return [(release.number, release.status) for release in releases.list()]


def test_a_release_is_recorded_before_it_begins_with_all_that_it_needs(releases, desired, local_aws):
    wanted = desired()
    begun = releases.begin(wanted)
    assert (begun.number, begun.status, begun.at, begun.by) == (1, STARTED, NOON, local_aws.caller)
    assert releases.get(1) == begun
    assert releases.template(begun) == wanted.template
    assert begun.template_key == template_key(wanted.template)
    assert begun.parameters == wanted.parameters


def test_how_it_ended_is_recorded_with_its_versions_or_a_reason(releases, desired, stack):
    versions = {stack: "7", f"{stack}-worker": "3"}
    first = releases.finalise(releases.begin(desired()), LIVE, versions=versions)
    second = releases.finalise(releases.begin(desired()), FAILED, reason="Role cannot be assumed")
    assert (releases.get(1).status, releases.get(1).version) == (LIVE, "7")
    assert releases.get(1).versions(stack) == versions
    assert (releases.get(2).status, releases.get(2).reason) == (FAILED, "Role cannot be assumed")
    assert (first.number, second.number) == (1, 2)


def test_the_newest_that_was_live_is_live_and_the_others_were(releases, desired):
    for status in (LIVE, LIVE, FAILED, LIVE, FAILED):
        releases.finalise(releases.begin(desired()), status)
    releases.begin(desired())
    assert statuses(releases) == [(6, STARTED), (5, FAILED), (4, LIVE), (3, FAILED), (2, EARLIER), (1, EARLIER)]
    assert releases.live().number == 4


def test_nothing_is_live_before_a_first_release_is(releases, desired):
    assert releases.live() is None
    assert releases.list() == ()
    releases.begin(desired())
    assert releases.live() is None


def test_a_return_to_an_earlier_release_names_it(releases, desired):
    releases.finalise(releases.begin(desired()), LIVE)
    assert releases.begin(desired(), of=1).of == 1
    assert releases.get(2).of == 1


def test_people_who_begin_at_once_get_different_numbers(releases, desired):
    wanted = desired()
    with ThreadPoolExecutor(8) as pool:
        begun = list(pool.map(lambda _: releases.begin(wanted), range(8)))
    assert sorted(release.number for release in begun) == [*range(1, 9)]
    assert {release.number for release in releases.list()} == {*range(1, 9)}


def test_the_files_of_an_artifact_are_kept_once_beside_it(releases, desired, bucket, stack):
    wanted = desired()
    for _ in range(2):
        releases.finalise(releases.begin(wanted), LIVE)
    assert releases.live().artifact.files == wanted.artifact.files
    assert [release.artifact.files for release in releases.list()] == [{}, {}]
    assert len(keys(bucket, "artifacts", stack)) == 2  # the zip and its files


def test_stages_do_not_see_each_others_releases(releases, desired, bucket, stack, local_aws):
    releases.begin(desired())
    assert Releases(bucket, f"{stack}-2", local_aws).list() == ()
    assert Releases(bucket, stack[:-1], local_aws).list() == ()


def test_a_number_that_there_is_not_is_told(releases, desired):
    releases.begin(desired())
    with pytest.raises(ReleaseError, match="has no release 7"):
        releases.get(7)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"schema_version": 1, "release": {"number": 1}}'])
def test_a_record_that_is_garbled_is_named_by_its_key(releases, desired, bucket, stack, content):
    releases.begin(desired())
    bucket.replace(f"releases/{stack}/00000001.json", content)
    with pytest.raises(ReleaseError, match=f"s3://{bucket.name}/releases/{stack}/00000001.json") as caught:
        releases.list()
    assert caught.value.why
    assert "Restore its earlier version" in caught.value.remedy


def test_a_record_of_a_newer_command_asks_for_an_upgrade(releases, desired, bucket, stack):
    releases.begin(desired())
    key = f"releases/{stack}/00000001.json"
    bucket.replace(key, json.dumps({**json.loads(bucket.get(key)), "schema_version": 2}).encode())
    with pytest.raises(ReleaseError, match="schema 2") as caught:
        releases.live()
    assert "upgrade" in caught.value.remedy


@pytest.mark.parametrize(("damage", "word"), [("delete", "gone"), ("replace", "not what was recorded")])
def test_a_template_that_is_not_the_recorded_one_is_refused(releases, desired, bucket, damage, word, stack):
    release = releases.begin(desired(f"only of {stack}"))
    if damage == "delete":
        bucket.delete([release.template_key])
    else:
        bucket.replace(release.template_key, b"{}")
    with pytest.raises(ReleaseError, match=word):
        releases.template(release)


def test_pruning_keeps_the_newest_and_everything_they_refer_to(releases, desired, bucket, stack, local_aws):
    for number in range(1, 8):
        releases.finalise(releases.begin(desired(f"handler = {number}")), LIVE)
    later = Releases(bucket, stack, local_aws, now=lambda: datetime.now(UTC) + timedelta(days=2))
    later.prune(keep=3)
    assert [release.number for release in releases.list()] == [7, 6, 5]
    zips = {key for key in keys(bucket, "artifacts", stack) if key.endswith(".zip")}
    assert zips == {release.artifact.key for release in releases.list()}
    assert len(keys(bucket, "artifacts", stack)) == 6
    assert all(releases.template(release) for release in releases.list())
    assert releases.begin(desired()).number == 8


def test_pruning_keeps_what_is_live_what_was_before_and_what_has_not_ended(releases, desired):
    ends = [LIVE, STARTED, LIVE, FAILED, LIVE, FAILED, FAILED]
    for status in ends:
        begun = releases.begin(desired())
        if status is not STARTED:
            releases.finalise(begun, status)
    releases.prune(keep=1)
    assert statuses(releases) == [(7, FAILED), (5, LIVE), (3, EARLIER), (2, STARTED)]


def test_pruning_spares_an_artifact_that_was_uploaded_a_moment_ago(bucket, stack, desired, local_aws):
    desired("not recorded yet")
    releases = Releases(bucket, stack, local_aws)
    releases.prune()
    assert len(keys(bucket, "artifacts", stack)) == 1


def test_an_artifact_that_another_release_still_uses_stays(releases, desired, bucket, stack, local_aws):
    shared = desired("handler = 1")
    for wanted in (shared, desired("handler = 2"), replace(shared, parameters={"Other": "x"})):
        releases.finalise(releases.begin(wanted), LIVE)
    Releases(bucket, stack, local_aws, now=lambda: datetime.now(UTC) + timedelta(days=2)).prune(keep=1)
    assert [release.number for release in releases.list()] == [3, 2]
    assert shared.artifact.key in keys(bucket, "artifacts", stack)


def test_deleting_everything_leaves_no_version_behind(releases, desired, bucket, stack, local_aws):
    releases.finalise(releases.begin(desired()), LIVE)
    releases.delete_all()
    for folder in ("releases", "artifacts"):
        left = local_aws.client("s3").list_object_versions(Bucket=bucket.name, Prefix=f"{folder}/{stack}/")
        assert (left.get("Versions", []), left.get("DeleteMarkers", [])) == ([], [])


def test_a_release_that_is_renewed_is_not_taken_for_an_interrupted_one(releases, desired):
    begun = releases.begin(desired())
    (seen,) = releases.started()
    assert releases.renew(begun)
    assert not releases.finalise_for(seen, FAILED, reason="nobody is at it")
    assert statuses(releases) == [(1, STARTED)]


def test_a_release_that_nobody_renews_can_be_ended_by_another(releases, desired):
    releases.begin(desired())
    (seen,) = releases.started()
    assert seen.quiet < 60
    assert releases.finalise_for(seen, FAILED, reason="nobody is at it")
    assert releases.get(1).reason == "nobody is at it"


def test_of_several_who_end_the_same_release_one_does(releases, desired):
    releases.begin(desired())
    (seen,) = releases.started()
    assert [releases.finalise_for(seen, FAILED), releases.finalise_for(seen, LIVE)] == [True, False]
    assert statuses(releases) == [(1, FAILED)]


def test_a_release_that_was_ended_is_not_renewed_and_its_own_deployer_has_the_last_word(releases, desired, stack):
    begun = releases.begin(desired())
    releases.finalise_for(*releases.started(), FAILED)
    assert not releases.renew(begun)
    releases.finalise(begun, LIVE, versions={stack: "2"})
    assert statuses(releases) == [(1, LIVE)]


def test_a_release_whose_recording_was_repeated_has_one_number(bucket, stack, local_aws, desired):
    with connect(endpoint_url=local_aws.endpoint_url, keys=local_aws.keys) as aws:
        # As when the answer to the first write is lost: it was written, and is written again.
        aws.client("s3").meta.events.register_first(
            "needs-retry.s3.PutObject", lambda attempts, **_: 0 if attempts == 1 else None
        )
        assert Releases(Bucket(aws, bucket.name), stack, aws).begin(desired()).number == 1
