"""The rest of the sample: a cluster with nodes, add-ons, manifests and a chart, a team, storage, alarms, functions."""

from pathlib import Path
from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_emrcontainers as emr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_deployment as deployment
from aws_cdk import aws_secretsmanager as secrets
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_ssm as ssm
from aws_cdk import custom_resources
from aws_cdk.lambda_layer_kubectl_v35 import KubectlV35Layer
from constructs import Construct

HERE = Path(__file__).parent


class PlatformStack(cdk.Stack):
    """Everything that stands on the network; `note` is a text that an update changes."""

    def __init__(self, scope: Construct, id: str, *, vpc: ec2.IVpc, note: str) -> None:  # noqa: A002 - CDK's own name
        super().__init__(scope, id)
        bucket = _storage(self)
        made = _cluster(self, vpc)
        nodes = _nodes(made)
        cluster = cast("eks.ICluster", made)  # jsii's Python classes do not show all members of their interfaces
        _addons(self, cluster, nodes)
        _team(self, cluster, bucket, nodes)
        _functions(self, note)
        _alarms(self)
        cdk.CfnOutput(self, "Kubeconfig", value=f"aws eks update-kubeconfig --name {cluster.cluster_name}")


def _storage(stack: cdk.Stack) -> s3.Bucket:
    bucket = s3.Bucket(
        stack,
        "Data",
        encryption=s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        versioned=True,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        removal_policy=cdk.RemovalPolicy.DESTROY,
        auto_delete_objects=True,
    )
    deployment.BucketDeployment(
        stack,
        "Scripts",
        destination_bucket=bucket,
        destination_key_prefix="team/scripts",
        sources=[deployment.Source.data("job.py", "print('hello')\n")],
    )
    return bucket


def _cluster(stack: cdk.Stack, vpc: ec2.IVpc) -> eks.Cluster:
    key = kms.Key(stack, "SecretsKey", enable_key_rotation=True, removal_policy=cdk.RemovalPolicy.DESTROY)
    cluster = eks.Cluster(
        stack,
        "Cluster",
        cluster_name="sample",
        version=eks.KubernetesVersion.of("1.35"),
        vpc=vpc,
        default_capacity_type=eks.DefaultCapacityType.NODEGROUP,
        default_capacity=0,
        secrets_encryption_key=key,
        kubectl_provider_options=eks.KubectlProviderOptions(kubectl_layer=KubectlV35Layer(stack, "Kubectl")),
    )
    admin = iam.Role(stack, "Admin", assumed_by=iam.AccountRootPrincipal())
    cluster.grant_cluster_admin("AdminAccess", admin.role_arn)
    return cluster


def _nodes(cluster: eks.Cluster) -> eks.Nodegroup:
    return cluster.add_nodegroup_capacity(
        "System",
        instance_types=[ec2.InstanceType("m6i.large")],
        min_size=2,
        max_size=2,
        desired_size=2,
    )


def _addons(stack: cdk.Stack, cluster: eks.ICluster, nodes: eks.Nodegroup) -> None:
    eks.Addon(stack, "PodIdentity", cluster=cluster, addon_name="eks-pod-identity-agent")
    eks.Addon(stack, "CoreDns", cluster=cluster, addon_name="coredns").node.add_dependency(nodes)
    chart = eks.HelmChart(
        stack,
        "MetricsServer",
        cluster=cluster,
        repository="https://kubernetes-sigs.github.io/metrics-server",
        chart="metrics-server",
        version="3.13.1",
        namespace="kube-system",
        wait=True,
    )
    chart.node.add_dependency(nodes)


def _team(stack: cdk.Stack, cluster: eks.ICluster, bucket: s3.Bucket, nodes: eks.Nodegroup) -> None:
    namespace = eks.KubernetesManifest(
        stack,
        "Namespace",
        cluster=cluster,
        manifest=[{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}],
    )
    workload = eks.KubernetesManifest(stack, "Workload", cluster=cluster, manifest=[_quota(), _deployment()])
    workload.node.add_dependency(namespace, nodes)
    role = iam.Role(
        stack,
        "JobRole",
        assumed_by=iam.ServicePrincipal("pods.eks.amazonaws.com").with_session_tags(),
    )
    bucket.grant_read(role, "team/*")
    association = eks.CfnPodIdentityAssociation(
        stack,
        "JobIdentity",
        cluster_name=cluster.cluster_name,
        namespace="team",
        service_account="job",
        role_arn=role.role_arn,
    )
    virtual = emr.CfnVirtualCluster(
        stack,
        "VirtualCluster",
        name="sample-team",
        container_provider={
            "id": cluster.cluster_name,
            "type": "EKS",
            "info": {"eksInfo": {"namespace": "team"}},
        },
    )
    virtual.node.add_dependency(namespace, association)


def _quota() -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "team", "namespace": "team"},
        "spec": {"hard": {"pods": "20", "requests.nvidia.com/gpu": "8"}},
    }


def _deployment() -> dict[str, object]:
    labels = {"app": "sample"}
    container = {"name": "main", "image": "public.ecr.aws/docker/library/busybox:1.37.0"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "sample", "namespace": "team"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def _functions(stack: cdk.Stack, note: str) -> None:
    def function(name: str, entry: str) -> lambda_.Function:
        group = logs.LogGroup(stack, f"{name}Logs", removal_policy=cdk.RemovalPolicy.DESTROY)
        return lambda_.Function(
            stack,
            name,
            runtime=lambda_.Runtime.PYTHON_3_13,
            handler=f"handler.{entry}",
            code=lambda_.Code.from_asset(str(HERE / "handler")),
            log_group=group,
            timeout=cdk.Duration.seconds(30),
        )

    provider = custom_resources.Provider(
        stack,
        "Provider",
        on_event_handler=function("OnEvent", "on_event"),
        is_complete_handler=function("IsComplete", "is_complete"),
        query_interval=cdk.Duration.seconds(10),
    )
    note_resource = cdk.CustomResource(
        stack, "Note", resource_type="Custom::Note", service_token=provider.service_token, properties={"Text": note}
    )
    parameter = ssm.StringParameter(stack, "NoteParameter", string_value=note_resource.get_att_string("Text"))
    custom_resources.AwsCustomResource(
        stack,
        "ReadBack",
        on_update=custom_resources.AwsSdkCall(
            service="SSM",
            action="getParameter",
            parameters={"Name": parameter.parameter_name},
            physical_resource_id=custom_resources.PhysicalResourceId.of("read-back"),
        ),
        policy=custom_resources.AwsCustomResourcePolicy.from_statements(
            [iam.PolicyStatement(actions=["ssm:GetParameter"], resources=[parameter.parameter_arn])]
        ),
        install_latest_aws_sdk=False,
    )


def _alarms(stack: cdk.Stack) -> None:
    topic = sns.Topic(stack, "Alarms", enforce_ssl=True)
    queue = sqs.Queue(stack, "Events", enforce_ssl=True)
    metric = queue.metric_approximate_age_of_oldest_message()
    metric.create_alarm(stack, "Late", threshold=600, evaluation_periods=3)
    board = cloudwatch.Dashboard(stack, "Dashboard", dashboard_name="sample")
    board.add_widgets(cloudwatch.GraphWidget(title="Age", left=[metric]))
    secrets.Secret(stack, "Password", removal_policy=cdk.RemovalPolicy.DESTROY)
    cdk.CfnOutput(stack, "Topic", value=topic.topic_arn)
