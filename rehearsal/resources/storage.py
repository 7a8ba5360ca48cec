"""S3 and ECR."""

from typing import Any

from rehearsal.resources.kind import Ask, Context, Kind, Name, Part


def _location(context: Context) -> dict[str, str] | None:
    return None if context["Region"] == "us-east-1" else {"LocationConstraint": context["Region"]}


def _canned(context: Context) -> str | None:
    """Return the canned ACL as the API spells it: `LogDeliveryWrite` is `log-delivery-write` there."""
    name = context.get("AccessControl")
    return name and "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")


def _encryption(context: Context) -> dict[str, Any]:
    rules = [
        {("Apply" * (name == "ServerSideEncryptionByDefault")) + name: value for name, value in rule.items()}
        for rule in context["Item"]["ServerSideEncryptionConfiguration"]
    ]
    return {"Rules": rules}


def _lifecycle(context: Context) -> dict[str, Any]:
    return {"Rules": [_lifecycle_rule(rule) for rule in context["Item"]["Rules"]]}


def _lifecycle_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """Return a rule of the template in the API's form, which nests what the template has side by side."""
    tags = rule.get("TagFilters", [])
    prefix = rule.get("Prefix", "")
    limits = {"And": {"Prefix": prefix, "Tags": tags}} if tags else {"Prefix": prefix}
    expiration = {
        "Days": rule.get("ExpirationInDays"),
        "Date": rule.get("ExpirationDate"),
        "ExpiredObjectDeleteMarker": rule.get("ExpiredObjectDeleteMarker"),
    }
    moved = [
        {"Days": step.get("TransitionInDays"), "Date": step.get("TransitionDate"), "StorageClass": step["StorageClass"]}
        for step in rule.get("Transitions", [])
    ]
    whole = {
        "ID": rule.get("Id"),
        "Status": rule["Status"],
        "Filter": limits,
        "Expiration": {name: value for name, value in expiration.items() if value is not None} or None,
        "Transitions": moved or None,
    }
    same = {name: rule.get(name) for name in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")}
    return {name: value for name, value in {**whole, **same}.items() if value is not None}


def _bucket(put: str, parameter: str, value: Any, remove: str | None = None) -> Part:  # noqa: ANN401 - a template
    return Part(
        Ask(put, {"Bucket": "$Bucket", parameter: value}), Ask(remove, {"Bucket": "$Bucket"}) if remove else None
    )


BUCKET = Kind(
    service="s3",
    name=Name("BucketName", 63, lower=True),
    create=Ask(
        "CreateBucket",
        {"Bucket": "$BucketName", "CreateBucketConfiguration": _location, "ACL": _canned},
        also=("AccessControl",),
    ),
    key={"Bucket": "BucketName"},
    delete=Ask("DeleteBucket", {"Bucket": "$Bucket"}),
    attributes={
        "Arn": "arn:aws:s3:::{Bucket}",
        "DomainName": "{Bucket}.s3.amazonaws.com",
        "DualStackDomainName": "{Bucket}.s3.dualstack.{Region}.amazonaws.com",
        "RegionalDomainName": "{Bucket}.s3.{Region}.amazonaws.com",
        "WebsiteURL": "http://{Bucket}.s3-website-{Region}.amazonaws.com",
    },
    parts={
        "BucketEncryption": _bucket(
            "PutBucketEncryption", "ServerSideEncryptionConfiguration", _encryption, "DeleteBucketEncryption"
        ),
        "CorsConfiguration": _bucket(
            "PutBucketCors", "CORSConfiguration", lambda c: {"CORSRules": c["Item"]["CorsRules"]}, "DeleteBucketCors"
        ),
        "LifecycleConfiguration": _bucket(
            "PutBucketLifecycleConfiguration", "LifecycleConfiguration", _lifecycle, "DeleteBucketLifecycle"
        ),
        "LoggingConfiguration": _bucket(
            "PutBucketLogging",
            "BucketLoggingStatus",
            {"LoggingEnabled": {"TargetBucket": "$Item.DestinationBucketName", "TargetPrefix": "$Item.LogFilePrefix"}},
        ),
        "OwnershipControls": _bucket("PutBucketOwnershipControls", "OwnershipControls", "$Item"),
        "PublicAccessBlockConfiguration": _bucket(
            "PutPublicAccessBlock", "PublicAccessBlockConfiguration", "$Item", "DeletePublicAccessBlock"
        ),
        "VersioningConfiguration": _bucket("PutBucketVersioning", "VersioningConfiguration", "$Item"),
    },
    tagging=(
        Ask("PutBucketTagging", {"Bucket": "$Bucket", "Tagging": {"TagSet": "$Tags"}}),
        Ask("DeleteBucketTagging", {"Bucket": "$Bucket"}),
    ),
)

_PUT_POLICY = Ask("PutBucketPolicy", {"Bucket": "$Bucket", "Policy": "$PolicyDocument"})

REPOSITORY = Kind(
    service="ecr",
    name=Name("RepositoryName", 256, lower=True),
    create=Ask("CreateRepository", takes_all=True),
    key={"repositoryName": "RepositoryName"},
    describe=Ask("DescribeRepositories", {"repositoryNames": ["$repositoryName"]}),
    delete=Ask("DeleteRepository", {"repositoryName": "$repositoryName", "force": "$EmptyOnDelete"}),
    attributes={"Arn": "repositories[0].repositoryArn", "RepositoryUri": "repositories[0].repositoryUri"},
    parts={
        "LifecyclePolicy": Part(
            Ask(
                "PutLifecyclePolicy",
                {"repositoryName": "$repositoryName", "lifecyclePolicyText": "$Item.LifecyclePolicyText"},
            ),
            Ask("DeleteLifecyclePolicy", {"repositoryName": "$repositoryName"}),
        ),
        "RepositoryPolicyText": Part(
            Ask("SetRepositoryPolicy", {"repositoryName": "$repositoryName", "policyText": "$Item"}),
            Ask("DeleteRepositoryPolicy", {"repositoryName": "$repositoryName"}),
        ),
        "ImageTagMutability": Part(
            Ask("PutImageTagMutability", {"repositoryName": "$repositoryName", "imageTagMutability": "$Item"})
        ),
        "ImageScanningConfiguration": Part(
            Ask(
                "PutImageScanningConfiguration",
                {"repositoryName": "$repositoryName", "imageScanningConfiguration": "$Item"},
            )
        ),
    },
    tagging=(
        Ask("TagResource", {"resourceArn": "$Arn", "tags": "$Tags"}),
        Ask("UntagResource", {"resourceArn": "$Arn", "tagKeys": "$Keys"}),
    ),
    ignored=("EmptyOnDelete",),
)

KINDS = {
    "AWS::ECR::Repository": REPOSITORY,
    "AWS::S3::Bucket": BUCKET,
    "AWS::S3::BucketPolicy": Kind(
        service="s3",
        create=_PUT_POLICY,
        updates=(_PUT_POLICY,),
        key={"Bucket": "Bucket"},
        delete=Ask("DeleteBucketPolicy", {"Bucket": "$Bucket"}),
    ),
}
