"""IAM, KMS, Secrets Manager and SSM parameters."""

import json
from contextlib import suppress

from rehearsal.access.propagation import PROPAGATION
from rehearsal.cloudformation.provider import Failure, Provider, Request, Resource
from rehearsal.resources.kind import Ask, Kind, Name, Part
from rehearsal.resources.lifecycle import Lifecycle

ROLE = Kind(
    service="iam",
    name=Name("RoleName", 64),
    create=Ask("CreateRole", takes_all=True),
    key={"RoleName": "RoleName"},
    describe=Ask("GetRole", {"RoleName": "$RoleName"}),
    delete=Ask("DeleteRole", {"RoleName": "$RoleName"}),
    attributes={"Arn": "Role.Arn", "RoleId": "Role.RoleId"},
    parts={
        "AssumeRolePolicyDocument": Part(
            Ask("UpdateAssumeRolePolicy", {"RoleName": "$RoleName", "PolicyDocument": "$Item"})
        ),
        "ManagedPolicyArns": Part(
            Ask("AttachRolePolicy", {"RoleName": "$RoleName", "PolicyArn": "$Item"}),
            Ask("DetachRolePolicy", {"RoleName": "$RoleName", "PolicyArn": "$Item"}),
            each=True,
            undo=True,
        ),
        "PermissionsBoundary": Part(
            Ask("PutRolePermissionsBoundary", {"RoleName": "$RoleName", "PermissionsBoundary": "$Item"}),
            Ask("DeleteRolePermissionsBoundary", {"RoleName": "$RoleName"}),
        ),
        "Policies": Part(
            Ask(
                "PutRolePolicy",
                {"RoleName": "$RoleName", "PolicyName": "$Item.PolicyName", "PolicyDocument": "$Item.PolicyDocument"},
            ),
            Ask("DeleteRolePolicy", {"RoleName": "$RoleName", "PolicyName": "$Item.PolicyName"}),
            each=True,
            undo=True,
        ),
    },
    updates=(Ask("UpdateRole", {"RoleName": "$RoleName"}, takes_all=True),),
    tagging=(
        Ask("TagRole", {"RoleName": "$RoleName", "Tags": "$Tags"}),
        Ask("UntagRole", {"RoleName": "$RoleName", "TagKeys": "$Keys"}),
    ),
)

_API = {"PolicyArn": "Arn"}
_ANSWERED = ("PolicyArn", "PolicyId", "AttachmentCount", "CreateDate", "DefaultVersionId", "IsAttachable", "UpdateDate")
MANAGED_POLICY = Kind(
    service="iam",
    name=Name("ManagedPolicyName", 128),
    create=Ask("CreatePolicy", {"PolicyName": "$ManagedPolicyName"}, takes_all=True),
    key={"PolicyArn": "Policy.Arn"},
    describe=Ask("GetPolicy", {"PolicyArn": "$PolicyArn"}),
    delete=Ask("DeletePolicy", {"PolicyArn": "$PolicyArn"}),
    attributes={name: f"Policy.{_API.get(name, name)}" for name in _ANSWERED},
    parts={
        "PolicyDocument": Part(
            Ask("CreatePolicyVersion", {"PolicyArn": "$PolicyArn", "PolicyDocument": "$Item", "SetAsDefault": True})
        ),
        "Roles": Part(
            Ask("AttachRolePolicy", {"RoleName": "$Item", "PolicyArn": "$PolicyArn"}),
            Ask("DetachRolePolicy", {"RoleName": "$Item", "PolicyArn": "$PolicyArn"}),
            each=True,
            undo=True,
        ),
    },
)

INSTANCE_PROFILE = Kind(
    service="iam",
    name=Name("InstanceProfileName", 128),
    create=Ask("CreateInstanceProfile", takes_all=True),
    key={"InstanceProfileName": "InstanceProfileName"},
    describe=Ask("GetInstanceProfile", {"InstanceProfileName": "$InstanceProfileName"}),
    delete=Ask("DeleteInstanceProfile", {"InstanceProfileName": "$InstanceProfileName"}),
    attributes={"Arn": "InstanceProfile.Arn"},
    parts={
        "Roles": Part(
            Ask("AddRoleToInstanceProfile", {"InstanceProfileName": "$InstanceProfileName", "RoleName": "$Item"}),
            Ask("RemoveRoleFromInstanceProfile", {"InstanceProfileName": "$InstanceProfileName", "RoleName": "$Item"}),
            each=True,
            undo=True,
        )
    },
)

_PROVIDER = {"OpenIDConnectProviderArn": "$Arn"}
OIDC_PROVIDER = Kind(
    service="iam",
    create=Ask("CreateOpenIDConnectProvider", {"ClientIDList": "$ClientIdList"}, takes_all=True),
    key={"Arn": "OpenIDConnectProviderArn"},
    describe=Ask("GetOpenIDConnectProvider", _PROVIDER),
    delete=Ask("DeleteOpenIDConnectProvider", _PROVIDER),
    attributes={"Arn": "{Arn}"},
    updates=(Ask("UpdateOpenIDConnectProviderThumbprint", _PROVIDER, takes_all=True),),
)

KEY = Kind(
    service="kms",
    create=Ask("CreateKey", {"Policy": "$KeyPolicy"}, takes_all=True),
    key={"KeyId": "KeyMetadata.KeyId"},
    describe=Ask("DescribeKey", {"KeyId": "$KeyId"}),
    delete=Ask("ScheduleKeyDeletion", {"KeyId": "$KeyId", "PendingWindowInDays": "$PendingWindowInDays"}),
    attributes={"Arn": "KeyMetadata.Arn", "KeyId": "KeyMetadata.KeyId"},
    parts={
        "EnableKeyRotation": Part(
            Ask("EnableKeyRotation", {"KeyId": "$KeyId"}), Ask("DisableKeyRotation", {"KeyId": "$KeyId"})
        ),
        "KeyPolicy": Part(Ask("PutKeyPolicy", {"KeyId": "$KeyId", "PolicyName": "default", "Policy": "$Item"})),
        "Description": Part(Ask("UpdateKeyDescription", {"KeyId": "$KeyId", "Description": "$Item"})),
    },
    tagging=(
        Ask("TagResource", {"KeyId": "$KeyId", "Tags": "$Tags"}),
        Ask("UntagResource", {"KeyId": "$KeyId", "TagKeys": "$Keys"}),
    ),
    ignored=("PendingWindowInDays",),
)

ALIAS = Kind(
    service="kms",
    create=Ask("CreateAlias", takes_all=True),
    key={"AliasName": "AliasName"},
    delete=Ask("DeleteAlias", {"AliasName": "$AliasName"}),
    updates=(Ask("UpdateAlias", {"AliasName": "$AliasName"}, takes_all=True),),
)

PARAMETER = Kind(
    service="ssm",
    name=Name("Name", 1011),
    create=Ask("PutParameter", takes_all=True),
    key={"Name": "Name"},
    describe=Ask("GetParameter", {"Name": "$Name"}),
    delete=Ask("DeleteParameter", {"Name": "$Name"}),
    attributes={"Arn": "Parameter.ARN", "Type": "Parameter.Type", "Value": "Parameter.Value"},
    updates=(Ask("PutParameter", {"Name": "$Name", "Overwrite": True}, takes_all=True),),
    tagging=(
        Ask("AddTagsToResource", {"ResourceType": "Parameter", "ResourceId": "$Name", "Tags": "$Tags"}),
        Ask("RemoveTagsFromResource", {"ResourceType": "Parameter", "ResourceId": "$Name", "TagKeys": "$Keys"}),
    ),
)


class Propagated:
    """Waits, as CloudFormation does, until what another provider has changed of a role is seen by all of AWS."""

    def __init__(self, inner: Provider) -> None:
        self.inner = inner

    def create(self, request: Request) -> Resource:
        """Create, then wait."""
        return self._seen(request, self.inner.create(request))

    def update(self, request: Request) -> Resource:
        """Update, then wait."""
        return self._seen(request, self.inner.update(request))

    def delete(self, request: Request) -> None:
        """Delete: nothing is left that one could wait for."""
        self.inner.delete(request)

    def _seen(self, request: Request, made: Resource) -> Resource:
        request.wait(PROPAGATION, lambda: False)
        return made


class ManagedPolicies(Lifecycle):
    """Managed policies, whose former versions would be in the way of the next one and of deletion."""

    def update(self, request: Request) -> Resource:
        """Update, then leave the default version only."""
        updated = super().update(request)
        _prune(request)
        return updated

    def delete(self, request: Request) -> None:
        """Delete what an update from elsewhere may have left, then the policy."""
        _prune(request)
        super().delete(request)


def _prune(request: Request) -> None:
    client = request.client("iam")
    arn = request.physical_id
    if arn not in [policy["Arn"] for policy in client.list_policies(Scope="Local")["Policies"]]:
        return
    for version in client.list_policy_versions(PolicyArn=arn)["Versions"]:
        if not version["IsDefaultVersion"]:
            client.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])


class InlinePolicies:
    """AWS::IAM::Policy: one document written into each role that it names."""

    def create(self, request: Request) -> Resource:
        """Write the document into every role; Ref returns the policy's name."""
        for unsupported in ("Users", "Groups"):
            if request.properties.get(unsupported):
                raise Failure(f"The rehearsal does not know {unsupported} of {request.type}: name Roles")
        self._put(request, request.properties.get("Roles", []))
        return Resource(request.properties["PolicyName"])

    def update(self, request: Request) -> Resource:
        """Write it again, and take it out of the roles that are no longer named."""
        updated = self.create(request)
        self._remove(request, set(request.old_properties.get("Roles", [])) - set(request.properties.get("Roles", [])))
        return updated

    def delete(self, request: Request) -> None:
        """Take the document out of every role that still is there."""
        self._remove(request, set(request.properties.get("Roles", [])))

    def _put(self, request: Request, roles: list[str]) -> None:
        name, document = request.properties["PolicyName"], json.dumps(request.properties["PolicyDocument"])
        for role in roles:
            request.client("iam").put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document)

    def _remove(self, request: Request, roles: set[str]) -> None:
        client = request.client("iam")
        for role in sorted(roles):
            with suppress(client.exceptions.NoSuchEntityException):
                client.delete_role_policy(RoleName=role, PolicyName=request.physical_id)


KINDS = {
    "AWS::IAM::InstanceProfile": INSTANCE_PROFILE,
    "AWS::IAM::OIDCProvider": OIDC_PROVIDER,
    "AWS::KMS::Alias": ALIAS,
    "AWS::KMS::Key": KEY,
    "AWS::SSM::Parameter": PARAMETER,
}
OTHERS: dict[str, Provider] = {
    "AWS::IAM::ManagedPolicy": Propagated(ManagedPolicies(MANAGED_POLICY)),
    "AWS::IAM::Policy": Propagated(InlinePolicies()),
    "AWS::IAM::Role": Propagated(Lifecycle(ROLE)),
}
