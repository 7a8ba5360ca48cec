"""What to type to see metrics, dashboards and alerts."""

import aws_cdk as cdk
from constructs import Construct

from rapids_eks import prometheus
from rapids_eks.alert_topic import AlertTopic
from rapids_eks.grafana import Grafana
from rapids_eks.grafana_password import FILE, LENGTH, MOUNT, GrafanaPassword
from rapids_eks.metrics_workspace import MetricsWorkspace


class ObservabilityCommands(Construct):
    """Outputs with commands: `Grafana` and its `GrafanaPassword`, `Prometheus`, the `Workspace`, and of alerts.

    A new password is drawn by `NewGrafanaPassword` and told to Grafana by `UseGrafanaPassword`, in this order.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        workspace: MetricsWorkspace,
        topic: AlertTopic,
        password: GrafanaPassword,
        grafana: Grafana,
    ) -> None:
        super().__init__(scope, id)
        region = f"--region {cdk.Stack.of(self).region}"
        forward = "kubectl port-forward"
        subscribe = f"aws sns subscribe {region} --topic-arn {topic.topic.topic_arn} --protocol"
        commands = {
            "Grafana": f"{forward} svc/{grafana.service} 3000:80 -n {grafana.namespace}",
            "GrafanaUser": grafana.user,
            "GrafanaPassword": _read(password.name, region),
            "NewGrafanaPassword": _draw(password.name, region),
            "UseGrafanaPassword": _use(grafana),
            "Prometheus": f"{forward} svc/{prometheus.SERVICE} {prometheus.PORT}:{prometheus.PORT} "
            f"-n {prometheus.NAMESPACE}",
            "Workspace": f"aws amp describe-workspace {region} --workspace-id {workspace.workspace_id}",
            "Rules": f"aws amp describe-rule-groups-namespace {region} --workspace-id {workspace.workspace_id} "
            "--name gpu --query ruleGroupsNamespace.data --output text | base64 --decode",  # the CLI shows bytes so
            "Alerts": f"aws logs tail {region} --follow {workspace.log_group_name}",
            "Subscribe": f"{subscribe} email --notification-endpoint ADDRESS",
            "SubscribeUrl": f"{subscribe} https --notification-endpoint https://ADDRESS",
        }
        for name, command in commands.items():
            cdk.CfnOutput(self, name, value=command).override_logical_id(name)


def _read(name: str, region: str) -> str:
    return f"aws secretsmanager get-secret-value {region} --secret-id {name} --query SecretString --output text"


def _draw(name: str, region: str) -> str:
    """Return the command that stores a new password, which no terminal and no list of processes shows."""
    drawn = f"aws secretsmanager get-random-password {region} --password-length {LENGTH} --exclude-punctuation"
    put = f"aws secretsmanager put-secret-value {region} --secret-id {name} --secret-string file:///dev/stdin"
    return f"{drawn} --query RandomPassword --output text | tr -d '\\n' | {put}"


def _use(grafana: Grafana) -> str:
    """Return the command that mounts the new password, and writes it into the database that knows the old one."""
    deployment = f"-n {grafana.namespace} deployment/{grafana.service}"
    reset = (
        f"grafana cli --homepath /usr/share/grafana admin reset-admin-password --password-from-stdin < {MOUNT}/{FILE}"
    )
    restart = f"kubectl rollout restart {deployment} && kubectl rollout status {deployment}"
    return f"{restart} && kubectl exec {deployment} -c grafana -- sh -c '{reset}'"
