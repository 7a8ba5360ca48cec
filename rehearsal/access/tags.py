"""The tags of a resource, read from the service that holds it."""

from collections.abc import Mapping

from moto.autoscaling.models import autoscaling_backends
from moto.backends import get_backend
from moto.core.resource_tagging import TaggableResourcesMixin
from moto.ec2.models import ec2_backends

from rehearsal.access.identities import roles
from rehearsal.access.unrehearsed import Unrehearsed
from rehearsal.wire.call import Call

_MOTO_NAMES = {"elasticloadbalancing": "elbv2", "states": "stepfunctions", "aps": "amp", "monitoring": "cloudwatch"}


def tags_of(arn: str, call: Call) -> Mapping[str, str]:
    """Return the tags of the resource of this ARN; none where it does not exist or is yet to be made.

    Unrehearsed is raised for a service whose tags cannot be read here: a condition on them cannot be decided.
    """
    if not arn.startswith("arn:") or arn.endswith("*"):
        return {}
    service = arn.split(":")[2]
    if service == "ec2":
        found = ec2_backends[call.account][call.region].describe_tags({"resource-id": [arn.rpartition("/")[2]]})
        return {tag["key"]: tag["value"] for tag in found}
    if service == "iam":
        role = next((entry for entry in roles(call.account) if entry.arn == arn), None)
        return {tag["Key"]: tag["Value"] for tag in role.tags} if role else {}
    if service == "autoscaling":  # the emulator lists none by tag, as AWS does not
        groups = autoscaling_backends[call.account][call.region].autoscaling_groups.values()
        return {tag["Key"]: tag["Value"] for group in groups if group.arn == arn for tag in group.tags}
    return _from_backend(service, arn, call)


def _from_backend(service: str, arn: str, call: Call) -> Mapping[str, str]:
    backends = get_backend(_MOTO_NAMES.get(service, service))[call.account]
    backend = backends["aws" if service == "s3" else call.region]
    if not isinstance(backend, TaggableResourcesMixin):
        raise Unrehearsed(
            "tags of", arn, "conditions on tags are rehearsed for EC2, Auto Scaling, IAM and what moto can list by tag"
        )
    found = next((resource for resource in backend.iter_tagged_resources() if resource.arn == arn), None)
    return found.tags if found else {}
