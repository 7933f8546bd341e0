from __future__ import annotations

from datetime import UTC

import pytest
from botocore.utils import parse_timestamp

from fastlambda_cli.aws.timestamps import parsed


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-23T21:00:55.123Z",  # CloudFormation
        "2026-11-23T21:00:55+0000",  # Lambda, to the second
        "2026-11-23T21:00:55.123+0000",
        "2026-11-23T21:00:55.000000+00:00",
        "Mon, 23 Nov 2026 21:00:55 GMT",  # a header of S3
        "2026-11-23T21:00:55",
        1795467655,
        1795467655.25,
        "1795467655",
    ],
)
def test_every_form_of_a_time_is_read_as_botocore_reads_it(value):
    assert parsed(value) == parse_timestamp(value)


def test_what_is_no_time_is_no_time():
    with pytest.raises(ValueError, match="yesterday"):
        parsed("yesterday")


def test_clients_read_times_so(local_aws, unique):
    s3 = local_aws.client("s3")
    s3.create_bucket(Bucket=unique("times"))
    assert s3.list_buckets()["Buckets"][0]["CreationDate"].tzinfo is UTC  # botocore would give dateutil's
