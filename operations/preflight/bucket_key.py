"""Whether the jobs may use the key that an existing data bucket is encrypted by."""

import json
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from operations.findings import Finding, ok, problem, warning
from operations.preflight.question import Question

SUBJECT = "data bucket's key"
WITHOUT = ("NoSuchBucket", "ServerSideEncryptionConfigurationNotFoundError")
NEEDED = ("kms:Decrypt", "kms:GenerateDataKey")


def bucket_key(question: Question) -> Iterator[Finding]:
    """Yield what a key of one's own must allow: the roles of jobs have no policy for it, so that its own one decides.

    AWS's keys allow all that whoever may use the bucket needs.
    """
    bucket = question.blueprint.data.bucket
    name = _key(question.client("s3"), bucket) if bucket else None
    if not name:
        return
    kms = question.client("kms")
    key = kms.describe_key(KeyId=name)["KeyMetadata"]
    if key["KeyManager"] == "AWS":
        yield ok(SUBJECT, f"{bucket} is encrypted by AWS's own key, which its users may use")
        return
    policy = json.loads(kms.get_key_policy(KeyId=key["Arn"], PolicyName="default")["Policy"])
    yield _judged(question, f"{bucket} is encrypted by {key['Arn']}", policy)


def _key(s3: Any, bucket: str) -> str | None:  # noqa: ANN401 - boto3 makes its classes at run time
    """Return the KMS key of a bucket; None where it has none, or AWS's, or there is no such bucket."""
    try:
        rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in WITHOUT:
            raise
        return None
    usual = [each.get("ApplyServerSideEncryptionByDefault", {}) for each in rules]
    return next((str(each["KMSMasterKeyID"]) for each in usual if each.get("KMSMasterKeyID")), None)


def _judged(question: Question, text: str, policy: dict[str, Any]) -> Finding:
    principals = [who for each in _listed(policy["Statement"]) if _lets_use(each) for who in _principals(each)]
    if "*" in principals:
        return ok(SUBJECT, f"{text}, whose policy lets the bucket's users use it")
    fix = f"add to the key's policy, with your account's number: {_statement(question.region)}"
    named = [who for who in principals if not who.endswith(":root") and not who.isdigit()]
    if named:
        return warning(SUBJECT, f"{text}, whose policy names {', '.join(named)} only: are the jobs' roles there?", fix)
    return problem(SUBJECT, f"{text}, which the jobs' roles may not use: they could neither read nor write", fix)


def _lets_use(statement: dict[str, Any]) -> bool:
    actions = _listed(statement.get("Action", []))
    return statement["Effect"] == "Allow" and all(_covered(each, actions) for each in NEEDED)


def _covered(action: str, patterns: list[Any]) -> bool:
    return any(action == each or (each.endswith("*") and action.startswith(each[:-1])) for each in patterns)


def _principals(statement: dict[str, Any]) -> list[str]:
    who = statement.get("Principal", {})
    return [who] if isinstance(who, str) else _listed(who.get("AWS", []))


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - a policy has one or a list
    return value if isinstance(value, list) else [value]


def _statement(region: str) -> str:
    """Return what AWS's own key for S3 has: who may use the bucket may use the key, by S3 only."""
    limits = {"kms:ViaService": f"s3.{region}.amazonaws.com", "kms:CallerAccount": "ACCOUNT"}
    return json.dumps(
        {
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": [*NEEDED],
            "Resource": "*",
            "Condition": {"StringEquals": limits},
        }
    )
