"""EKS and EMR on EKS."""

from typing import Any

from rehearsal.resources.kind import Ask, Context, Kind, Name, Part, Ready

GONE = ()  # no state is good: what is awaited is that the description answers not found


def _logging(context: Context) -> dict[str, Any] | None:
    """Return the log types in the API's form, which tells enabled and disabled ones apart."""
    if "Logging" not in context:
        return None
    wanted = [each["Type"] for each in context["Logging"].get("ClusterLogging", {}).get("EnabledTypes", [])]
    others = sorted({"api", "audit", "authenticator", "controllerManager", "scheduler"} - set(wanted))
    kinds = [{"types": wanted, "enabled": True}, {"types": others, "enabled": False}]
    return {"clusterLogging": [each for each in kinds if each["types"]]}


def _labels(context: Context) -> dict[str, Any]:
    new, old = context.get("Labels", {}), context["Old"].get("Labels", {})
    return {"addOrUpdateLabels": new, "removeLabels": sorted(old.keys() - new.keys())}


def _taints(context: Context) -> dict[str, Any]:
    new, old = context.get("Taints", []), context["Old"].get("Taints", [])
    return {"addOrUpdateTaints": new, "removeTaints": [taint for taint in old if taint not in new]}


def _association(context: Context) -> str:
    return str(context["AssociationArn"]).rsplit("/", 1)[-1]


_TAGS = (
    Ask("TagResource", {"resourceArn": "$Arn", "tags": "$Tags"}),
    Ask("UntagResource", {"resourceArn": "$Arn", "tagKeys": "$Keys"}),
)
_GROUP = {"clusterName": "$clusterName", "nodegroupName": "$nodegroupName"}
_ADDON = {"clusterName": "$clusterName", "addonName": "$addonName"}
_ENTRY = {"clusterName": "$clusterName", "principalArn": "$principalArn"}
_IDENTITY = {"clusterName": "$ClusterName", "associationId": _association}

CLUSTER = Kind(
    service="eks",
    name=Name("Name", 100),
    create=Ask("CreateCluster", {"logging": _logging}, takes_all=True),
    key={"name": "Name"},
    describe=Ask("DescribeCluster", {"name": "$name"}),
    delete=Ask("DeleteCluster", {"name": "$name"}),
    attributes={
        "Arn": "cluster.arn",
        "CertificateAuthority.Data": "cluster.certificateAuthority.data",
        "CertificateAuthorityData": "cluster.certificateAuthority.data",
        "ClusterSecurityGroupId": "cluster.resourcesVpcConfig.clusterSecurityGroupId",
        "EncryptionConfigKeyArn": "cluster.encryptionConfig[0].provider.keyArn || ''",
        "Endpoint": "cluster.endpoint",
        "Id": "cluster.id || ''",
        "KubernetesNetworkConfig.ServiceIpv6Cidr": "cluster.kubernetesNetworkConfig.serviceIpv6Cidr || ''",
        "OpenIdConnectIssuerUrl": "cluster.identity.oidc.issuer",
    },
    updates=(Ask("UpdateClusterConfig", {"name": "$name", "logging": _logging}, takes_all=True, only_changed=True),),
    tagging=_TAGS,
    ready=Ready("cluster.status", ("ACTIVE",), 2400, ("FAILED",), "cluster.health.issues[0].message"),
    gone=Ready("cluster.status", GONE, 1800, ("FAILED",)),
    ignored=("Force",),
)

NODE_GROUP = Kind(
    service="eks",
    name=Name("NodegroupName", 63),
    create=Ask("CreateNodegroup", takes_all=True),
    key={"clusterName": "nodegroup.clusterName", "nodegroupName": "nodegroup.nodegroupName"},
    separator="/",
    describe=Ask("DescribeNodegroup", _GROUP),
    delete=Ask("DeleteNodegroup", _GROUP),
    attributes={
        "Arn": "nodegroup.nodegroupArn",
        "ClusterName": "nodegroup.clusterName",
        "Id": "{clusterName}/{nodegroupName}",
        "NodegroupName": "nodegroup.nodegroupName",
    },
    updates=(
        Ask(
            "UpdateNodegroupConfig", _GROUP | {"labels": _labels, "taints": _taints}, takes_all=True, only_changed=True
        ),
        Ask("UpdateNodegroupVersion", _GROUP, takes_all=True, only_changed=True),
    ),
    tagging=_TAGS,
    ready=Ready(
        "nodegroup.status", ("ACTIVE",), 2400, ("CREATE_FAILED", "DEGRADED"), "nodegroup.health.issues[0].message"
    ),
    gone=Ready("nodegroup.status", GONE, 2400, ("DELETE_FAILED",), "nodegroup.health.issues[0].message"),
    ignored=("ForceUpdateEnabled",),
)

ADDON = Kind(
    service="eks",
    create=Ask("CreateAddon", takes_all=True),
    key={"clusterName": "ClusterName", "addonName": "AddonName"},
    describe=Ask("DescribeAddon", _ADDON),
    delete=Ask("DeleteAddon", _ADDON | {"preserve": "$PreserveOnDelete"}),
    attributes={"Arn": "addon.addonArn"},
    updates=(Ask("UpdateAddon", _ADDON, takes_all=True),),
    tagging=_TAGS,
    # a degraded add-on may still become healthy, so that CloudFormation waits for it until it gives up
    ready=Ready(
        "addon.status", ("ACTIVE",), 1200, ("CREATE_FAILED", "UPDATE_FAILED"), "addon.health.issues[0].message"
    ),
    gone=Ready("addon.status", GONE, 1200, ("DELETE_FAILED",)),
    ignored=("PreserveOnDelete",),
)

_POLICY = {"policyArn": "$Item.PolicyArn"}
KINDS = {
    "AWS::EKS::Cluster": CLUSTER,
    "AWS::EKS::Nodegroup": NODE_GROUP,
    "AWS::EKS::Addon": ADDON,
    "AWS::EKS::AccessEntry": Kind(
        service="eks",
        create=Ask("CreateAccessEntry", takes_all=True),
        key={"principalArn": "PrincipalArn", "clusterName": "ClusterName"},
        describe=Ask("DescribeAccessEntry", _ENTRY),
        delete=Ask("DeleteAccessEntry", _ENTRY),
        attributes={"AccessEntryArn": "accessEntry.accessEntryArn", "Arn": "accessEntry.accessEntryArn"},
        parts={
            "AccessPolicies": Part(
                Ask("AssociateAccessPolicy", _ENTRY | _POLICY | {"accessScope": "$Item.AccessScope"}),
                Ask("DisassociateAccessPolicy", _ENTRY | _POLICY),
                each=True,
            )
        },
        updates=(Ask("UpdateAccessEntry", _ENTRY, takes_all=True),),
        tagging=_TAGS,
    ),
    "AWS::EKS::PodIdentityAssociation": Kind(
        service="eks",
        create=Ask("CreatePodIdentityAssociation", takes_all=True),
        key={"AssociationArn": "association.associationArn"},
        describe=Ask("DescribePodIdentityAssociation", _IDENTITY),
        delete=Ask("DeletePodIdentityAssociation", _IDENTITY),
        attributes={
            "Arn": "{AssociationArn}",
            "AssociationArn": "{AssociationArn}",
            "AssociationId": "association.associationId",
            "ExternalId": "association.externalId || ''",
        },
        updates=(Ask("UpdatePodIdentityAssociation", _IDENTITY, takes_all=True),),
        tagging=_TAGS,
    ),
    "AWS::EMRContainers::VirtualCluster": Kind(
        service="emr-containers",
        create=Ask("CreateVirtualCluster", takes_all=True),
        key={"Id": "id"},
        describe=Ask("DescribeVirtualCluster", {"id": "$Id"}),
        delete=Ask("DeleteVirtualCluster", {"id": "$Id"}),
        attributes={"Arn": "virtualCluster.arn", "Id": "{Id}"},
        tagging=_TAGS,
        ready=Ready("virtualCluster.state", ("RUNNING",), 600, ("ARRESTED", "TERMINATED")),
        gone=Ready("virtualCluster.state", ("TERMINATED",), 900),
    ),
}
