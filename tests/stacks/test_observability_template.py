"""The stack of metrics, dashboards and alerts as a template, before anything is deployed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from cfnlint.api import lint
from cfnlint.config import ManualArgs
from template_graph import Graph

from rapids_eks import prometheus
from rapids_eks.gpu_metrics.alerts import Alert, alerts
from rapids_eks.metrics_price import TIERS
from rehearsal.access.policy import Caller, verdict
from rehearsal.kubernetes.prometheus_operator import stateful_set
from tests.rehearsal.live.account import Resources
from tests.stacks.assembly import ACCOUNT, Assembly
from tests.stacks.observability_stacks import SUBSCRIBERS, synthesized

STACK = "Observability"
PARTS = ("Namespace", "Claim", "Chart")
REGION = "us-west-2"
LINT = {"ignore_checks": ["W3005"]}  # CDK names in DependsOn what a Ref names too
# What the resources' own values are, once they are there
ARNS = {
    "AWS::APS::Workspace": f"arn:aws:aps:{REGION}:{ACCOUNT}:workspace/ws-1",
    "AWS::SNS::Topic": f"arn:aws:sns:{REGION}:{ACCOUNT}:topic",
    "AWS::SecretsManager::Secret": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:observed-grafana-a1b2c3",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/vendedlogs/prometheus/observed:*",
    "AWS::KMS::Key": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/k",
}
PSEUDO = {"AWS::Partition": "aws", "AWS::AccountId": ACCOUNT, "AWS::Region": REGION}


@dataclass(frozen=True)
class Context:
    """Condition keys of a request, in lower case."""

    keys: Mapping[str, str]

    def get(self, key: str) -> tuple[str, ...] | None:
        found = self.keys.get(key.lower())
        return None if found is None else (found,)


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return synthesized(tmp_path_factory.mktemp("observed"))


@pytest.fixture
def resources(assembly: Assembly) -> Resources:
    return assembly.resources(STACK)


def of_kind(resources: Resources, kind: str) -> Resources:
    return {name: each for name, each in resources.items() if each["Type"] == kind}


def resolved(resources: Resources, value: Any) -> Any:  # noqa: ANN401 - a template's
    """Return a value with its intrinsic functions carried out."""
    if isinstance(value, list):
        return [resolved(resources, each) for each in value]
    if not isinstance(value, dict):
        return value
    if "Fn::Join" in value:
        return value["Fn::Join"][0].join(resolved(resources, value["Fn::Join"][1]))
    if "Ref" in value or "Fn::GetAtt" in value:
        name = value.get("Ref") or value["Fn::GetAtt"][0]
        return PSEUDO.get(name) or ARNS.get(resources[name]["Type"], name)
    return {key: resolved(resources, each) for key, each in value.items()}


def says(document: Any, who: str, action: str, resource: str, **keys: str) -> bool:  # noqa: ANN401 - a policy
    """Return whether a policy lets a service, or whoever has it, do something."""
    context = Context({key.replace("_", ":"): value for key, value in keys.items()})
    caller = Caller(frozenset({who}), ACCOUNT, service=True)
    return verdict([json.dumps(document)], action, resource, context, caller) == "allow"


@pytest.mark.parametrize("region", ["us-west-2", "us-gov-west-1"])
@pytest.mark.parametrize("mode", ["karpenter", "cluster-autoscaler"])
def test_the_template_is_valid_in_both_partitions(region: str, mode: str, tmp_path: Path) -> None:
    text = synthesized(tmp_path, region, mode=mode).text(STACK)
    assert [str(each) for each in lint(text, config=ManualArgs(regions=[region], **LINT))] == []
    assert "arn:aws:" not in text
    assert ("ServiceMonitor" in text) == (mode == "karpenter")


def test_the_same_settings_give_the_same_bytes(assembly: Assembly, tmp_path: Path) -> None:
    assert synthesized(tmp_path).text(STACK) == assembly.text(STACK)


WORKSPACE, ALARM = ARNS["AWS::APS::Workspace"], f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:hot"
OTHER = "999999999999"


@pytest.mark.parametrize(
    ("who", "source", "account", "may"),
    [
        ("aps.amazonaws.com", WORKSPACE, ACCOUNT, True),
        ("aps.amazonaws.com", WORKSPACE.replace("ws-1", "ws-2"), ACCOUNT, False),
        ("aps.amazonaws.com", WORKSPACE, OTHER, False),
        ("aps.amazonaws.com", ALARM, ACCOUNT, False),
        ("cloudwatch.amazonaws.com", ALARM, ACCOUNT, True),
        ("cloudwatch.amazonaws.com", ALARM.replace(ACCOUNT, OTHER), OTHER, False),
        ("events.amazonaws.com", WORKSPACE, ACCOUNT, False),
    ],
)
def test_the_topic_takes_messages_of_this_workspace_and_of_this_account_s_alarms(
    resources: Resources, who: str, source: str, account: str, *, may: bool
) -> None:
    ((_, made),) = of_kind(resources, "AWS::SNS::TopicPolicy").items()
    document = resolved(resources, made["Properties"]["PolicyDocument"])
    keys = {"aws_sourcearn": source, "aws_sourceaccount": account, "aws_securetransport": "true"}
    assert says(document, who, "sns:Publish", ARNS["AWS::SNS::Topic"], **keys) == may
    ((_, key),) = of_kind(resources, "AWS::KMS::Key").items()
    encrypting = resolved(resources, key["Properties"]["KeyPolicy"])
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):  # whether or not the service tells KMS for whom it asks
        for about in ({}, keys):
            assert says(encrypting, who, action, ARNS["AWS::KMS::Key"], **about) == (who != "events.amazonaws.com")
    ((_, topic),) = of_kind(resources, "AWS::SNS::Topic").items()
    assert resolved(resources, topic["Properties"]["KmsMasterKeyId"]) == ARNS["AWS::KMS::Key"]


def allowed(resources: Resources, construct: str) -> list[tuple[str, str]]:
    """Return what the role of a construct's pods may do, each action with its resource."""
    (made,) = [each for name, each in of_kind(resources, "AWS::IAM::Policy").items() if name.startswith(construct)]
    statements = resolved(resources, made["Properties"]["PolicyDocument"])["Statement"]
    actions = ((_listed(each["Action"]), each["Resource"]) for each in statements)
    return sorted((action, resource) for names, resource in actions for action in names)


def _listed(value: Any) -> list[str]:  # noqa: ANN401 - a policy's
    return value if isinstance(value, list) else [value]


def test_prometheus_may_write_to_this_workspace_and_nothing_else(resources: Resources) -> None:
    assert allowed(resources, "PrometheusRole") == [("aps:RemoteWrite", WORKSPACE)]


def test_grafana_may_read_this_workspace_and_its_own_password_and_nothing_else(resources: Resources) -> None:
    found = allowed(resources, "GrafanaRole")
    assert {resource for _, resource in found} == {WORKSPACE, ARNS["AWS::SecretsManager::Secret"]}
    assert not [action for action, _ in found if "*" in action or "Write" in action or "Put" in action]


def test_logs_are_delivered_to_the_workspace_s_group_alone(resources: Resources) -> None:
    ((_, made),) = of_kind(resources, "AWS::Logs::ResourcePolicy").items()
    document = json.loads(resolved(resources, made["Properties"]["PolicyDocument"]))
    stream = ARNS["AWS::Logs::LogGroup"].replace(":*", ":log-stream:alerts")
    keys = {"aws_sourceaccount": ACCOUNT, "aws_sourcearn": f"arn:aws:logs:{REGION}:{ACCOUNT}:x"}
    who, action = "delivery.logs.amazonaws.com", "logs:PutLogEvents"
    assert says(document, who, action, stream, **keys)
    assert not says(document, who, action, stream.replace("observed", "other"), **keys)
    assert not says(document, who, action, stream, **keys | {"aws_sourceaccount": OTHER})


def kinds(resources: Resources, graph: Graph, name: str) -> set[str]:
    return {resources[other]["Type"] for other in graph.needs(name) if other in resources}


def test_pods_have_their_credentials_before_they_start_and_until_they_end(resources: Resources) -> None:
    graph = Graph(resources)
    for name, each in of_kind(resources, "Custom::AWSCDK-EKS-HelmChart").items():
        needed = kinds(resources, graph, name)
        assert {"AWS::EKS::PodIdentityAssociation", "AWS::IAM::Policy"} <= needed, each["Properties"]["Release"]
    (chart,) = [name for name in resources if name.startswith("GrafanaChart")]
    needed = kinds(resources, graph, chart)
    assert {"AWS::SecretsManager::Secret", "AWS::EKS::Addon"} <= needed


def test_the_workspace_comes_after_the_policy_by_which_its_logs_are_delivered(resources: Resources) -> None:
    """Guards against a policy that AWS writes where it finds none, and that nobody deletes."""
    ((workspace, _),) = of_kind(resources, "AWS::APS::Workspace").items()
    assert "AWS::Logs::ResourcePolicy" in kinds(resources, Graph(resources), workspace)


def test_the_claim_of_the_volume_outlives_the_chart_and_is_there_before_it(resources: Resources) -> None:
    """Guards against a claim that goes with a StatefulSet, and against one that is left when all has gone."""
    names = {part: next(name for name in resources if name.startswith(f"Prometheus{part}")) for part in PARTS}
    graph = Graph(resources)
    assert names["Claim"] in graph.needs(names["Chart"])
    assert names["Namespace"] in graph.needs(names["Claim"])
    (claim,) = json.loads(resolved(resources, resources[names["Claim"]]["Properties"]["Manifest"]))
    values = json.loads(resolved(resources, resources[names["Chart"]]["Properties"]["Values"]))
    spec = values["prometheus"]["prometheusSpec"]
    assert spec["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Retain"
    made = {"metadata": {"name": prometheus.SERVICE, "namespace": prometheus.NAMESPACE}, "spec": spec}
    made["spec"]["storage"] = spec["storageSpec"]
    pods = stateful_set(made)
    (template,) = pods["spec"]["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == f"{template['metadata']['name']}-{pods['metadata']['name']}-0"
    assert claim["spec"] == template["spec"]


def test_monitors_come_after_the_kinds_that_they_are_of(resources: Resources) -> None:
    (monitors,) = [name for name in resources if name.startswith("PrometheusMonitors")]
    (chart,) = [name for name in resources if name.startswith("PrometheusChart")]
    assert chart in Graph(resources).needs(monitors)


def test_each_subscriber_is_subscribed_by_its_protocol(resources: Resources) -> None:
    made = [each["Properties"] for each in of_kind(resources, "AWS::SNS::Subscription").values()]
    assert {each["Endpoint"]: each["Protocol"] for each in made} == dict(
        zip(SUBSCRIBERS, ("email", "https"), strict=True)
    )


def infos(assembly: Assembly) -> list[str]:
    said = json.loads((assembly.folder / f"{STACK}.metadata.json").read_text())
    return [entry["data"] for each in said.values() for entry in each if entry["type"] == "aws:cdk:info"]


def test_that_alerts_tell_nobody_is_said_at_synth(assembly: Assembly, tmp_path: Path) -> None:
    assert not [text for text in infos(assembly) if "nobody" in text]
    assert [text for text in infos(synthesized(tmp_path, alert_subscribers=())) if "nobody" in text]


def test_alerts_link_to_the_runbooks_that_are_named(assembly: Assembly, tmp_path: Path) -> None:
    page = "https://wiki.example.com/gpu-alerts"
    text = synthesized(tmp_path, runbooks=page).text(STACK)
    assert f"{page}#gpuhot" in text
    assert "docs/gpu-alerts.md#gpuhot" in assembly.text(STACK)


def test_what_it_costs_is_said_at_synth(assembly: Assembly) -> None:
    (text,) = infos(assembly)
    assert "with all nodes at work" in text
    assert "USD" in text
    assert TIERS[0][1] == 0.90e-7, "the price that the text was made with"


@pytest.fixture
def alert_manager(resources: Resources) -> dict[str, Any]:
    """The definition, which is YAML within YAML."""
    ((_, made),) = of_kind(resources, "AWS::APS::Workspace").items()
    text = resolved(resources, made["Properties"]["AlertManagerDefinition"])
    return dict(yaml.safe_load(yaml.safe_load(text)["alertmanager_config"]))


def told(config: dict[str, Any], **labels: str) -> list[str]:
    """Return the topics that get an alert with these labels: the first route that matches takes it."""
    wanted = {f'{name}="{value}"' for name, value in labels.items()}
    routes = [each for each in config["route"].get("routes", []) if set(each["matchers"]) <= wanted]
    (name,) = [each["receiver"] for each in [*routes, config["route"]]][:1]
    (receiver,) = [each for each in config["receivers"] if each["name"] == name]
    return [each["topic_arn"] for each in receiver.get("sns_configs", [])]


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)
def test_what_is_only_worth_knowing_is_sent_to_nobody_and_all_else_to_the_topic(
    alert_manager: dict[str, Any], alert: Alert
) -> None:
    wanted = [] if alert.severity == "info" else [ARNS["AWS::SNS::Topic"]]
    assert told(alert_manager, severity=alert.severity, alertname=alert.name) == wanted
