"""SNS, SQS, KMS, S3, ECR and Secrets Manager: resource policies that AWS refuses and the emulator would keep."""

import json
from collections.abc import Callable
from typing import Any

from moto.s3.models import s3_backends

from rehearsal.access import principals
from rehearsal.access.guard import Guard
from rehearsal.wire.call import Call, Refused

OUT_OF_SCOPE = "Policy statement action out of service scope!"


def refusals(guard: Guard) -> dict[str, Callable[[Call], None]]:
    """Return the checks that come before the emulator."""

    def key(call: Call) -> None:
        policy, checked = call.parameters.get("Policy"), not call.parameters.get("BypassPolicyLockoutSafetyCheck")
        wanted = call.parameters.get("KeyId", "new").rpartition("/")[2]
        if principals.unknown(policy, call.account):
            message = "Policy contains a statement with one or more invalid principals."
            raise Refused("MalformedPolicyDocumentException", message)
        arn = f"arn:aws:kms:{call.region}:{call.account}:key/{wanted}"
        if policy and checked and not guard.policy_lets(call, policy, "kms:PutKeyPolicy", arn):
            message = "The new key policy will not allow you to update the key policy in the future."
            raise Refused("MalformedPolicyDocumentException", message)

    return {
        "ecr:SetRepositoryPolicy": _repository,
        "kms:CreateKey": key,
        "kms:PutKeyPolicy": key,
        "s3:PutBucketPolicy": _bucket,
        "secretsmanager:PutResourcePolicy": _secret,
        "sns:CreateTopic": _topic,
        "sns:SetTopicAttributes": _topic,
        "sqs:CreateQueue": _queue,
        "sqs:SetQueueAttributes": _queue,
    }


def _topic(call: Call) -> None:
    given = call.parameters
    attributes = given.get("Attributes") or {given.get("AttributeName"): given.get("AttributeValue")}
    if _strays(attributes.get("Policy"), "sns:"):
        raise Refused("InvalidParameter", f"Invalid parameter: {OUT_OF_SCOPE}")
    if principals.unknown(attributes.get("Policy"), call.account):
        raise Refused("InvalidParameter", "Invalid parameter: Policy Error: PrincipalNotFound")


def _queue(call: Call) -> None:
    policy = call.parameters.get("Attributes", {}).get("Policy")
    if _strays(policy, "sqs:"):
        raise Refused(
            "InvalidAttributeValue", f"Value {policy} for parameter Policy is invalid. Reason: {OUT_OF_SCOPE}"
        )
    if principals.unknown(policy, call.account):
        raise Refused("InvalidAttributeValue", "Invalid value for the parameter Policy.")


def _bucket(call: Call) -> None:
    policy, bucket = call.parameters["Policy"], s3_backends[call.account]["aws"].buckets.get(call.parameters["Bucket"])
    if principals.unknown(policy, call.account):
        raise Refused("MalformedPolicy", "Invalid principal in policy")
    # since April 2023 all four blocks are on in a new bucket:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
    block = bucket.public_access_block if bucket else None
    if bucket and principals.public(policy) and (block is None or block.block_public_policy):
        message = (
            f'User: {call.principal.arn} is not authorized to perform: s3:PutBucketPolicy on resource: "{bucket.arn}" '
            "because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access."
        )
        raise Refused("AccessDenied", message, 403)


def _repository(call: Call) -> None:
    if principals.unknown(call.parameters["policyText"], call.account):
        message = "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Principal not found'"
        raise Refused("InvalidParameterException", message)


def _secret(call: Call) -> None:
    if principals.unknown(call.parameters["ResourcePolicy"], call.account):
        raise Refused("MalformedPolicyDocumentException", "This resource policy contains an unsupported principal.")


def _strays(policy: str | None, service: str) -> bool:
    """Return whether a policy names an action of another service."""
    statements: Any = json.loads(policy).get("Statement", []) if policy else []
    for statement in statements if isinstance(statements, list) else [statements]:
        actions = statement.get("Action", [])
        for action in actions if isinstance(actions, list) else [actions]:
            if action != "*" and not action.lower().startswith(service):
                return True
    return False
