from __future__ import annotations

import pytest

from fastlambda_cli.aws.bucket import Bucket
from fastlambda_cli.aws.stacks import Stacks
from fastlambda_cli.deploy.desired import Desired
from fastlambda_cli.deploy.model import PublishedZip, ReleaseStatus
from fastlambda_cli.deploy.releases import Releases
from fastlambda_cli.deploy.underway import kept_up, left_alone


@pytest.fixture
def releases(local_aws, unique):
    bucket = unique("releases")
    local_aws.client("s3").create_bucket(Bucket=bucket)
    return Releases(Bucket(local_aws, bucket), "shop-dev", local_aws)


@pytest.fixture
def begun(releases):
    """A release that somebody is at work on."""
    return releases.begin(Desired("shop-dev", {"Resources": {}}, {}, PublishedZip("bucket", "key", "sha", 1), "/"))


@pytest.fixture
def stacks(local_aws):
    return Stacks(local_aws)


def test_the_record_of_a_release_is_renewed_while_somebody_is_at_it(releases, begun):
    (before,) = releases.started()
    with kept_up(releases, begun, every=0.01):
        while releases.started()[0].etag == before.etag:
            pass
    (after,) = releases.started()
    assert after.release == before.release


def test_nothing_is_renewed_any_more_when_it_has_ended(releases, begun):
    with kept_up(releases, begun, every=0.01):
        pass
    releases.finalise(begun, ReleaseStatus.LIVE)
    assert releases.started() == ()


def test_whoever_is_at_work_is_waited_for_and_named_once(stacks, releases, begun):
    told, waits = [], []

    def wait(seconds):
        waits.append(seconds)
        if len(waits) == 2:
            releases.finalise(begun, ReleaseStatus.LIVE)

    assert left_alone(stacks, "shop-dev", releases, told.append, quiet=60, wait=wait) is None
    assert [remark.text for remark in told] == [f"{begun.by} is at work on release 1 of shop-dev: waiting for its end."]
    assert len(waits) == 2


def test_a_release_that_nobody_has_renewed_for_long_enough_is_not_waited_for(stacks, releases, begun):
    assert begun.number == 1
    assert left_alone(stacks, "shop-dev", releases, pytest.fail, quiet=0, wait=pytest.fail) is None


def test_a_stack_without_any_records_is_not_waited_for(stacks):
    assert left_alone(stacks, "shop-dev", None, pytest.fail, wait=pytest.fail) is None
