"""What to type to use kubectl with a cluster."""

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

PORT = 8443  # on the user's own machine


class KubectlCommands(Construct):
    """Outputs with the commands: `Kubeconfig`, and for a private API `Tunnel`, which is left running meanwhile."""

    def __init__(self, scope: Construct, id: str, *, cluster: eks.ICluster, private: bool) -> None:  # noqa: A002 - CDK's own name for it
        super().__init__(scope, id)
        region = cdk.Stack.of(self).region
        host = cdk.Fn.select(2, cdk.Fn.split("/", cluster.cluster_endpoint))
        command = f"aws eks update-kubeconfig --region {region} --name {cluster.cluster_name}"
        if private:
            # The certificate is of the endpoint's name, whatever address it is reached by.
            through = f"--server https://localhost:{PORT} --tls-server-name {host}"
            command += f" && kubectl config set-cluster {cluster.cluster_arn} {through}"
            self._output("Tunnel", _tunnel(region, cluster.cluster_name, host))
        self._output("Kubeconfig", command)

    def _output(self, name: str, command: str) -> None:
        cdk.CfnOutput(self, name, value=command).override_logical_id(name)


def _tunnel(region: str, cluster_name: str, host: str) -> str:
    """Return the command that leads a local port to the API through any of the cluster's managed nodes."""
    filters = f"Name=tag:eks:cluster-name,Values={cluster_name} Name=instance-state-name,Values=running"
    first = "--query 'Reservations[0].Instances[0].InstanceId' --output text"
    node = f"$(aws ec2 describe-instances --region {region} --filters {filters} {first})"
    document = "AWS-StartPortForwardingSessionToRemoteHost"
    ports = f"host={host},portNumber=443,localPortNumber={PORT}"
    return f'aws ssm start-session --region {region} --target "{node}" --document-name {document} --parameters {ports}'
