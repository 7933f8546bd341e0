"""Numbers and times as people say them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fastlambda_cli.cli.views import words

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_024, "1.0 kB"),
        (2**20 - 1, "1.0 MB"),
        (250 * 2**20, "250.0 MB"),
        (2000 * 2**30, "2000.0 GB"),
    ],
)
def test_sizes_are_in_the_unit_that_suits_them(count, said):
    assert words.size(count) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (125, "2 min 05 s")]
)
def test_durations_are_as_exact_as_they_matter(seconds, said):
    assert words.duration(seconds) == said


@pytest.mark.parametrize(("usd", "said"), [(0, "$0.00"), (0.004, "< $0.01"), (1234.5, "$1,234.50")])
def test_a_cost_below_a_cent_is_not_called_nothing(usd, said):
    assert words.money(usd) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(5, "just now"), (60, "1 minute ago"), (7_300, "2 hours ago"), (86_400 * 40, "40 days ago")]
)
def test_the_past_is_told_in_its_largest_unit(seconds, said):
    assert words.ago(NOW - timedelta(seconds=seconds), NOW) == said


@pytest.mark.parametrize(
    ("arn", "said"),
    [
        ("arn:aws:iam::123456789012:user/ann", "user/ann"),
        ("arn:aws:sts::123456789012:assumed-role/deployer/ann", "deployer/ann"),
        ("arn:aws:iam::123456789012:root", "root"),
    ],
)
def test_whoever_an_arn_names_is_told_by_what_tells_them_apart(arn, said):
    assert words.person(arn) == said
