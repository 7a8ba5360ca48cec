"""Findings of cdk-nag that are acknowledged, each at the construct that it is about."""

from typing import Any

import aws_cdk as cdk
from constructs import Construct, IConstruct


def acknowledge(construct: IConstruct, rule: str, reason: str, *findings: str) -> None:
    """Acknowledge what a rule of AwsSolutions, like IAM4, finds in a construct; rules of IAM number their findings."""
    names = [f"AwsSolutions-{rule}[{finding}]" for finding in findings] or [f"AwsSolutions-{rule}"]
    made = [cdk.Acknowledgment(id=f"AwsSolutions::{name}", reason=reason) for name in names]
    cdk.Validations.of(construct).acknowledge(*made)


def managed(policy: str) -> str:
    """Return the finding about one of AWS's own policies, as rule IAM4 words it."""
    return f"Policy::arn:<AWS::Partition>:iam::aws:policy/{policy}"


def resource(scope: Construct, arn: str) -> str:
    """Return the finding about a resource that a policy allows, as rule IAM5 words it; the ARN may hold tokens."""
    return f"Resource::{_worded(cdk.Stack.of(scope).resolve(arn))}"


def reference(scope: Construct, owner: Construct, value: str) -> str:
    """Return an attribute of a construct's resource as `scope` refers to it: across stacks that is by an export.

    CDK makes the same export itself, but only after findings were acknowledged, whose words have the export's name.
    """
    here, there = cdk.Stack.of(scope), cdk.Stack.of(owner)
    resolved = there.resolve(value)
    own = isinstance(resolved, dict) and list(resolved) in (["Ref"], ["Fn::GetAtt"])
    return there.export_value(value) if own and here is not there else value


def _worded(value: Any) -> str:  # noqa: ANN401 - a template's
    """Return an intrinsic function in cdk-nag's words."""
    if isinstance(value, str):
        return value
    ((function, given),) = value.items()
    if function == "Fn::Join":
        return str(given[0].join(map(_worded, given[1])))
    if function == "Fn::ImportValue":
        return str(given)
    return f"<{given if function == 'Ref' else '.'.join(given)}>"
