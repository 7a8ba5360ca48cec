"""The roles that belong to AWS's services, of which an account has one each."""

from collections.abc import Iterator, Mapping

from operations.findings import Finding, ok
from operations.preflight.question import Question

# role -> who makes it where it is missing; each needs iam:CreateServiceLinkedRole, which CDK's deployment role has
ROLES: Mapping[str, str] = {
    "AWSServiceRoleForAmazonEKS": "EKS makes it with the first cluster",
    "AWSServiceRoleForAmazonEKSNodegroup": "EKS makes it with the first node group",
    "AWSServiceRoleForAmazonEMRContainers": "EMR makes it with the first virtual cluster",
    "AWSServiceRoleForEC2Spot": "the cluster's stack makes it",
}


def roles(question: Question) -> Iterator[Finding]:
    """Yield which of the services' roles are there, and who will make the others."""
    iam = question.client("iam")
    for name, maker in ROLES.items():
        if name == "AWSServiceRoleForEC2Spot" and not question.blueprint.capacity.gpu.spot:
            continue
        try:
            iam.get_role(RoleName=name)
        except iam.exceptions.NoSuchEntityException:
            yield ok("service-linked role", f"{name} is not there yet: {maker}")
        else:
            yield ok("service-linked role", f"{name} is there")
