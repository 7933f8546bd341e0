"""The template of the stack that every deployment of an account and Region needs first: where artifacts are kept."""

from __future__ import annotations

import json
from typing import Any

VERSION = 1
"""Raised with every change of the template, so that an older stack is updated and a newer one left alone."""

BUCKET = "Artifacts"
REPOSITORY = "Images"
REPOSITORY_NAME = "fastlambda"

BUCKET_OUTPUT = "ArtifactBucket"
REPOSITORY_OUTPUT = "ImageRepositoryUri"
VERSION_OUTPUT = "BootstrapVersion"

_NONCURRENT_DAYS = 30
_INCOMPLETE_UPLOAD_DAYS = 7
_UNTAGGED_IMAGE_DAYS = 14

# Releases refer to what is in here: it outlives the stack, but not an attempt to make it that failed.
_KEPT = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
_TAGS = [{"Key": "fastlambda", "Value": "bootstrap"}]


def bootstrap_template() -> dict[str, Any]:
    """Render the template: the same for every account and Region."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "FastLambda: where the artifacts of this account and Region are kept.",
        "Resources": {
            BUCKET: _bucket(),
            "ArtifactsOverTlsOnly": _bucket_policy(),
            REPOSITORY: _repository(),
        },
        "Outputs": {
            BUCKET_OUTPUT: {"Description": "The bucket of artifacts.", "Value": {"Ref": BUCKET}},
            REPOSITORY_OUTPUT: {
                "Description": "The repository of images.",
                "Value": {"Fn::GetAtt": [REPOSITORY, "RepositoryUri"]},
            },
            VERSION_OUTPUT: {"Description": "The version of this template.", "Value": str(VERSION)},
        },
    }


def _bucket() -> dict[str, Any]:
    closed = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    return {
        "Type": "AWS::S3::Bucket",
        **_KEPT,
        "Properties": {
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            },
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "PublicAccessBlockConfiguration": dict.fromkeys(closed, True),
            "VersioningConfiguration": {"Status": "Enabled"},
            "LifecycleConfiguration": {
                "Rules": [
                    {
                        "Id": "deleted-and-replaced",
                        "Status": "Enabled",
                        "NoncurrentVersionExpiration": {"NoncurrentDays": _NONCURRENT_DAYS},
                        "ExpiredObjectDeleteMarker": True,
                    },
                    {
                        "Id": "incomplete-uploads",
                        "Status": "Enabled",
                        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _INCOMPLETE_UPLOAD_DAYS},
                    },
                ]
            },
            "Tags": _TAGS,
        },
    }


def _bucket_policy() -> dict[str, Any]:
    arn = {"Fn::GetAtt": [BUCKET, "Arn"]}
    statement = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, {"Fn::Sub": f"${{{BUCKET}.Arn}}/*"}],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {
        "Type": "AWS::S3::BucketPolicy",
        **_KEPT,
        "Properties": {
            "Bucket": {"Ref": BUCKET},
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        },
    }


def _repository() -> dict[str, Any]:
    rule = {
        "rulePriority": 1,
        "description": "Untagged images belong to no release.",
        "selection": {
            "tagStatus": "untagged",
            "countType": "sinceImagePushed",
            "countUnit": "days",
            "countNumber": _UNTAGGED_IMAGE_DAYS,
        },
        "action": {"type": "expire"},
    }
    # Amazon ECR permissions for Lambda: AWS Lambda Developer Guide, "Create a Lambda function using a container image".
    functions = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:*"
    pull = {
        "Sid": "FunctionsOfThisAccount",
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Condition": {"StringLike": {"aws:SourceArn": {"Fn::Sub": functions}}},
    }
    return {
        "Type": "AWS::ECR::Repository",
        **_KEPT,
        "Properties": {
            "RepositoryName": REPOSITORY_NAME,
            "ImageTagMutability": "IMMUTABLE",
            "ImageScanningConfiguration": {"ScanOnPush": True},
            "LifecyclePolicy": {"LifecyclePolicyText": json.dumps({"rules": [rule]})},
            "RepositoryPolicyText": {"Version": "2012-10-17", "Statement": [pull]},
            "Tags": _TAGS,
        },
    }
