"""Pieces of templates that are sound, from which one-mistake templates are made."""

from pathlib import Path
from typing import Any

from tests.rehearsal.live.account import Resources

HERE = Path(__file__).parent
ACCOUNT, REGION = "111122223333", "us-west-2"
CLUSTER = "live"  # the name of the cluster that all tests share
ADMIN_POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
NODE = ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly")
LOGS = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
OUT = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": {"Ref": "Gateway"}}
PARAMETERS = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/live/*"


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def arn(name: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, "Arn"]}


def resource(kind: str, properties: Resources | None = None, *needs: str) -> Resources:
    made: Resources = {"Type": f"AWS::{kind}", "Properties": properties or {}}
    return made | ({"DependsOn": list(needs)} if needs else {})


def document(*statements: Resources) -> Resources:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(*actions: str, on: Any = "*") -> Resources:  # noqa: ANN401 - an ARN, or what makes one
    return {"Effect": "Allow", "Action": list(actions), "Resource": on}


def trust(*services: str) -> Resources:
    principal = {"Service": [f"{name}.amazonaws.com" for name in services]}
    return document({"Effect": "Allow", "Principal": principal, "Action": ["sts:AssumeRole", "sts:TagSession"]})


def role(service: str, *statements: Resources, **more: object) -> Resources:
    own = [{"PolicyName": "own", "PolicyDocument": document(*statements)}] if statements else []
    properties = {"AssumeRolePolicyDocument": trust(service), "Policies": own, **more}
    return resource("IAM::Role", {name: value for name, value in properties.items() if value})


def function(code: str, role_name: str, **more: object) -> Resources:
    text = (HERE / "functions" / f"{code}.py").read_text()
    settings = {"Runtime": "python3.13", "Handler": "index.handler", "Timeout": 20, "Code": {"ZipFile": text}}
    return resource("Lambda::Function", {**settings, "Role": arn(role_name), **more})


def thing() -> Resources:
    """Return a function, its role, and a custom resource of it that needs its role's permission."""
    return {
        "Role": role("lambda", allow("ssm:PutParameter", "ssm:DeleteParameters", on=PARAMETERS)),
        "Function": function("thing", "Role"),
        "Thing": {
            "Type": "Custom::Thing",
            "Properties": {
                "ServiceToken": arn("Function"),
                "ServiceTimeout": 600,
                "Id": "thing",
                "Name": "/live/thing",
                "Size": 10,
            },
        },
    }


def network() -> Resources:
    """Return a VPC with a subnet in each of two zones, with a way out through an internet gateway."""
    made = {
        "Vpc": resource("EC2::VPC", {"CidrBlock": "10.9.0.0/16"}),
        "Gateway": resource("EC2::InternetGateway"),
        "Attachment": resource("EC2::VPCGatewayAttachment", {"VpcId": ref("Vpc"), "InternetGatewayId": ref("Gateway")}),
        "Table": resource("EC2::RouteTable", {"VpcId": ref("Vpc")}),
        "Out": resource("EC2::Route", {**OUT, "RouteTableId": ref("Table")}, "Attachment"),
    }
    for number, zone in enumerate("ab"):
        place = {"VpcId": ref("Vpc"), "AvailabilityZone": f"{REGION}{zone}", "MapPublicIpOnLaunch": True}
        name = f"Subnet{zone.upper()}"
        made[name] = resource("EC2::Subnet", {**place, "CidrBlock": f"10.9.{number}.0/24"})
        led = {"SubnetId": ref(name), "RouteTableId": ref("Table")}
        made[f"Way{zone.upper()}"] = resource("EC2::SubnetRouteTableAssociation", led)
    return made


def cluster(name: str, **more: object) -> Resources:
    """Return a cluster without nodes in a network of its own."""
    properties = {
        "Name": name,
        "RoleArn": arn("ClusterRole"),
        "ResourcesVpcConfig": {"SubnetIds": [ref("SubnetA"), ref("SubnetB")]},
        "AccessConfig": {"AuthenticationMode": "API"},
        **more,
    }
    own = role("eks", ManagedPolicyArns=managed("AmazonEKSClusterPolicy"))
    return {**network(), "ClusterRole": own, "Cluster": resource("EKS::Cluster", properties)}


def managed(*names: str) -> list[str]:
    return [f"arn:aws:iam::aws:policy/{name}" for name in names]


def nodes(name: str, subnets: Any, *needs: str, **more: object) -> Resources:  # noqa: ANN401 - ids, or what makes them
    """Return a group of two nodes in the cluster of a name, and their role."""
    properties = {"ClusterName": name, "NodeRole": arn("NodeRole"), "Subnets": subnets, **more}
    return {
        "NodeRole": role("ec2", ManagedPolicyArns=managed(*NODE)),
        "Nodes": resource("EKS::Nodegroup", properties, *needs),
    }


def addon(name: str, *needs: str, **more: object) -> Resources:
    return resource("EKS::Addon", {"ClusterName": CLUSTER, "AddonName": name, **more}, *needs)


def volume_driver() -> Resources:
    """Return EBS's driver in the shared cluster, with its role and the agent that gives it to the driver's pods."""
    identity = [{"ServiceAccount": "ebs-csi-controller-sa", "RoleArn": arn("DriverRole")}]
    return {
        "Agent": addon("eks-pod-identity-agent", "Nodes"),
        "DriverRole": role("pods.eks", ManagedPolicyArns=managed("service-role/AmazonEBSCSIDriverPolicy")),
        "Driver": addon("aws-ebs-csi-driver", "Nodes", "Agent", PodIdentityAssociations=identity),
    }


def kubectl() -> Resources:
    """Return a function that runs kubectl as an administrator of the shared cluster, with its layer's zip in S3."""
    layer = {"Content": {"S3Bucket": "live-assets", "S3Key": "kubectl.zip"}}
    entry = {
        "ClusterName": ref("Cluster"),
        "PrincipalArn": arn("KubectlRole"),
        "AccessPolicies": [{"PolicyArn": ADMIN_POLICY, "AccessScope": {"Type": "cluster"}}],
    }
    settings = {"FunctionName": "live-kubectl", "Layers": [ref("Layer")], "Timeout": 60, "MemorySize": 1024}
    return {
        "Layer": resource("Lambda::LayerVersion", layer),
        "KubectlRole": role("lambda", allow("eks:DescribeCluster")),
        "KubectlEntry": resource("EKS::AccessEntry", entry),
        "Kubectl": function("kubectl", "KubectlRole", **settings),
    }


def manifest(body: Resources, *needs: str) -> Resources:
    token = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:live-kubectl"
    properties = {"ServiceToken": token, "ServiceTimeout": 1200, "Cluster": CLUSTER, "Manifest": body}
    return {"Type": "Custom::Manifest", "Properties": properties, "DependsOn": list(needs)}


def namespace(name: str) -> Resources:
    return manifest({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
