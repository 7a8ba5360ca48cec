"""SNS, SQS and KMS: resource policies that AWS refuses and the emulator would keep."""

import json
from collections.abc import Callable
from typing import Any

from rehearsal.access.guard import Guard
from rehearsal.wire.call import Call, Refused

OUT_OF_SCOPE = "Policy statement action out of service scope!"


def refusals(guard: Guard) -> dict[str, Callable[[Call], None]]:
    """Return the checks that come before the emulator."""

    def key(call: Call) -> None:
        policy, checked = call.parameters.get("Policy"), not call.parameters.get("BypassPolicyLockoutSafetyCheck")
        wanted = call.parameters.get("KeyId", "new").rpartition("/")[2]
        arn = f"arn:aws:kms:{call.region}:{call.account}:key/{wanted}"
        if policy and checked and not guard.policy_lets(call, policy, "kms:PutKeyPolicy", arn):
            message = "The new key policy will not allow you to update the key policy in the future."
            raise Refused("MalformedPolicyDocumentException", message)

    return {
        "kms:CreateKey": key,
        "kms:PutKeyPolicy": key,
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


def _queue(call: Call) -> None:
    policy = call.parameters.get("Attributes", {}).get("Policy")
    if _strays(policy, "sqs:"):
        raise Refused(
            "InvalidAttributeValue", f"Value {policy} for parameter Policy is invalid. Reason: {OUT_OF_SCOPE}"
        )


def _strays(policy: str | None, service: str) -> bool:
    """Return whether a policy names an action of another service."""
    statements: Any = json.loads(policy).get("Statement", []) if policy else []
    for statement in statements if isinstance(statements, list) else [statements]:
        actions = statement.get("Action", [])
        for action in actions if isinstance(actions, list) else [actions]:
            if action != "*" and not action.lower().startswith(service):
                return True
    return False
