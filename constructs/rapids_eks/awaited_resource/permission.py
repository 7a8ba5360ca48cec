"""A permission, and why it reaches further than single resources."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from aws_cdk import aws_iam as iam

from rapids_eks.acknowledged import acknowledge, resource

Conditions = Mapping[str, Mapping[str, str | Sequence[str]]]  # operator -> key -> what it may be


@dataclass(frozen=True)
class Permission:
    """Actions on resources, under conditions; `why` says why a resource with an asterisk is no narrower."""

    actions: Sequence[str]
    resources: Sequence[str]
    conditions: Conditions = field(default_factory=dict)
    why: str = ""

    def statement(self) -> iam.PolicyStatement:
        """Return it as a statement that allows it."""
        return iam.PolicyStatement(
            actions=list(self.actions), resources=list(self.resources), conditions=dict(self.conditions)
        )


def acknowledge_wildcards(role: iam.Role, permissions: Iterable[Permission]) -> None:
    """Tell cdk-nag why the asterisks of a role's permissions are there, each once."""
    reasons = {arn: each.why for each in permissions for arn in each.resources if "*" in arn}
    for arn, why in reasons.items():
        acknowledge(role, "IAM5", why, resource(role, arn))
