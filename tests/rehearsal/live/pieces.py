"""Pieces of templates that are sound, from which one-mistake templates are made."""

from pathlib import Path
from typing import Any

from tests.rehearsal.live.account import Resources

HERE = Path(__file__).parent
ACCOUNT, REGION = "111122223333", "us-west-2"
CLUSTER = "live"  # the name of the cluster that all tests share
ADMIN_POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
LOGS = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
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
    """Return a VPC with a subnet in each of two zones."""
    vpc = resource("EC2::VPC", {"CidrBlock": "10.9.0.0/16"})
    subnets = {
        f"Subnet{zone.upper()}": resource(
            "EC2::Subnet",
            {"VpcId": ref("Vpc"), "CidrBlock": f"10.9.{number}.0/24", "AvailabilityZone": f"{REGION}{zone}"},
        )
        for number, zone in enumerate("ab")
    }
    return {"Vpc": vpc, **subnets}


def cluster(name: str, **more: object) -> Resources:
    """Return a cluster without nodes in a network of its own."""
    properties = {
        "Name": name,
        "RoleArn": arn("ClusterRole"),
        "ResourcesVpcConfig": {"SubnetIds": [ref("SubnetA"), ref("SubnetB")]},
        "AccessConfig": {"AuthenticationMode": "API"},
        **more,
    }
    return {**network(), "ClusterRole": role("eks"), "Cluster": resource("EKS::Cluster", properties)}


def nodes(name: str, subnets: Any, *needs: str) -> Resources:  # noqa: ANN401 - ids, or what makes them
    """Return a group of two nodes in the cluster of a name, and their role."""
    properties = {"ClusterName": name, "NodeRole": arn("NodeRole"), "Subnets": subnets}
    worker = ["arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"]
    return {"NodeRole": role("ec2", ManagedPolicyArns=worker), "Nodes": resource("EKS::Nodegroup", properties, *needs)}


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
