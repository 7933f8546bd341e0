"""What Lambda's runtime has: left out of zips where nothing breaks by it, and packed where something would."""

from __future__ import annotations

from packaging.requirements import Requirement

from fastlambda_cli.artifact.provided import Split, split

SDK = {
    "boto3": ["botocore<1.45,>=1.44.5", "jmespath<2", "s3transfer<0.20,>=0.19"],
    "botocore": ["jmespath<2", "python-dateutil<3", "urllib3<3"],
    "s3transfer": ["botocore<2"],
    "jmespath": [],
    "python-dateutil": ["six>=1.5"],
    "six": [],
    "urllib3": [],
}


def split_of(needs, *wanted, keep_sdk=False):
    parsed = {name: [Requirement(text) for text in of_one] for name, of_one in needs.items()}
    return split(parsed, map(Requirement, wanted), keep_sdk=keep_sdk)


def test_the_sdk_is_left_to_lambda_with_what_it_needs_alone():
    assert split_of(SDK, "boto3>=1.35") == Split(frozenset(SDK))


def test_what_another_package_needs_of_it_stays():
    needs = {**SDK, "requests": ["urllib3<3"], "pandas": ["python-dateutil"]}
    assert split_of(needs, "boto3", "requests", "pandas").provided == {"boto3", "botocore", "s3transfer", "jmespath"}


def test_what_the_service_itself_asks_for_stays():
    assert split_of(SDK, "boto3", "urllib3>=2").provided == SDK.keys() - {"urllib3"}


def test_an_extra_counts_where_somebody_asks_for_it():
    needs = {**SDK, "tools": ["botocore", 'urllib3; extra == "jwt"', 'tools[jwt]; extra == "all"']}
    assert split_of(needs, "tools").provided == frozenset(SDK)
    assert "urllib3" not in split_of(needs, "tools[all]").provided


def test_a_version_that_lambda_may_not_have_keeps_the_whole_sdk():
    stays = split_of(SDK, "boto3>=1.43")
    assert stays == Split(frozenset(), "the service asks for boto3>=1.43, and Lambda's may be 1.40.4")


def test_a_package_that_lives_inside_of_botocore_keeps_it():
    stays = split_of({**SDK, "aiobotocore": ["botocore<1.44.6,>=1.44.0"]}, "aiobotocore")
    assert stays.provided == frozenset()
    assert stays.sdk_stays.startswith("aiobotocore asks for botocore<1.44.6,>=1.44.0")


def test_the_sdk_stays_where_it_is_told_to():
    assert split_of(SDK, "boto3", keep_sdk=True) == Split(frozenset(), "package.keep_sdk is set")


def test_the_runtime_client_is_lambdas_own_in_any_case():
    needs = {**SDK, "awslambdaric": ["simplejson>=3", "snapshot-restore-py"], "simplejson": []}
    assert split_of(needs, "boto3", "awslambdaric>=9", keep_sdk=True).provided == {"awslambdaric", "simplejson"}


def test_without_any_of_it_nothing_is_said():
    assert split_of({"idna": [], "six": []}, "idna") == Split(frozenset())
