"""Metrics as they arrive: the stack on a small cluster, changed, and taken away with all that it has made."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import control_plane
import pytest
import yaml
from kubernetes.utils.quantity import parse_quantity

from rapids_eks import grafana, prometheus, system_pods
from rapids_eks.grafana_dashboards.dashboards import dashboards as usual_dashboards
from rapids_eks.system_pods import (
    GRAFANA,
    KUBE_STATE_METRICS,
    NODE_EXPORTER,
    RELOADER,
    SECRETS_DRIVER,
    SECRETS_PROVIDER,
)
from rehearsal.kubernetes.api import Api
from stacks import observability
from tests.rehearsal.live.account import Account, Outcome
from tests.rehearsal.unused_permissions import denied, of_stack, unexplained
from tests.stacks import planted_secret, secret_search
from tests.stacks.assembly import Assembly
from tests.stacks.eks_access import api, role
from tests.stacks.observability_stacks import ADMIN, NAME, STACKS, TEAMS, synthesized

pytestmark = pytest.mark.timeout(900)
SECRET = f"{NAME}-grafana"
PARTS = ("Claim", "Chart")
CUSTOM = "/apis/monitoring.coreos.com/v1/namespaces/monitoring"


@dataclass
class Deployed:
    """The stacks, their templates, what was there before the last one, and the cluster as its administrator sees it."""

    stacks: dict[str, Outcome]
    assembly: Assembly
    before: list[str]
    kubernetes: Api
    outputs: dict[str, str]

    @property
    def password(self) -> str:
        return self.outputs["password"]


@pytest.fixture(scope="module")
def deployed(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    control_plane.required()
    role(account, ADMIN.rsplit("/", 1)[-1])
    assembly = synthesized(tmp_path_factory.mktemp("observed"))
    stacks: dict[str, Outcome] = {}
    before: list[str] = []
    for stack in STACKS:
        assembly.publish(account, stack)
        before = account.left()
        stacks[stack] = assembly.deploy(account, stack)
        assert stacks[stack].status == "CREATE_COMPLETE", stacks[stack].reasons
    kubernetes = api(account, NAME, ADMIN, tmp_path_factory.mktemp("admin"))
    found = account.client("secretsmanager").get_secret_value(SecretId=SECRET)["SecretString"]
    outputs = account.outputs(stacks["Observability"]) | {"password": found}
    yield Deployed(stacks, assembly, before, kubernetes, outputs)
    for stack in reversed(STACKS):
        account.discard(stacks[stack])


def pods(deployed: Deployed, namespace: str) -> dict[str, dict[str, Any]]:
    found = deployed.kubernetes.items(f"/api/v1/namespaces/{namespace}/pods")
    return {each["metadata"]["name"]: each for each in found if each["status"]["phase"] != "Succeeded"}


def phases(deployed: Deployed) -> set[str]:
    spaces = (prometheus.NAMESPACE, grafana.NAMESPACE)
    return {pod["status"]["phase"] for space in spaces for pod in pods(deployed, space).values()}


def test_all_pods_run_as_what_they_need_to_be(account: Account, deployed: Deployed) -> None:
    """Grafana's runs only if the driver could read the password as the role of Grafana's own service account."""
    account.waits(lambda: phases(deployed) == {"Running"})
    (pod,) = pods(deployed, grafana.NAMESPACE).values()
    container = pod["spec"]["containers"][0]
    env = {each["name"]: each.get("value") for each in container["env"]}
    mounted = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
    volumes = {each["name"]: each for each in pod["spec"]["volumes"]}
    folder, _, file = env["GF_SECURITY_ADMIN_PASSWORD__FILE"].rpartition("/")
    own = volumes[mounted[folder]]["csi"]["volumeAttributes"]["secretProviderClass"]
    path = f"/apis/secrets-store.csi.x-k8s.io/v1/namespaces/{grafana.NAMESPACE}/secretproviderclasses/{own}"
    objects = yaml.safe_load((deployed.kubernetes.get(path) or {})["spec"]["parameters"]["objects"])
    arn = account.client("secretsmanager").describe_secret(SecretId=SECRET)["ARN"]
    assert [(each["objectName"], each["objectAlias"]) for each in objects] == [(arn, file)]


def test_pods_request_what_is_counted(deployed: Deployed) -> None:
    counted = {
        "node-exporter": [NODE_EXPORTER],
        "kube-state-metrics": [KUBE_STATE_METRICS],
        "prometheus-kps": [system_pods.prometheus(2048), RELOADER],
        "grafana": [GRAFANA],
        "aws-secrets-store-csi-driver-provider": [SECRETS_PROVIDER],
        "secrets-store-csi-driver-": [SECRETS_DRIVER],
    }
    for name, expected in counted.items():
        namespaces = (prometheus.NAMESPACE, grafana.NAMESPACE, "aws-secrets-manager")
        found = [pod for space in namespaces for key, pod in pods(deployed, space).items() if _is(key, name)]
        asked = [container["resources"]["requests"] for pod in found for container in pod["spec"]["containers"]]
        assert asked, name
        sizes = {(parse_quantity(each["cpu"]), parse_quantity(each["memory"])) for each in asked}
        assert sizes == {(Decimal(each.size.cpu) / 1000, each.size.memory * 2**20) for each in expected}, name


def _is(key: str, name: str) -> bool:
    return key.startswith(name) if name.startswith(("secrets", "aws")) else name in key


def test_what_is_kept_goes_to_this_workspace(deployed: Deployed) -> None:
    made = deployed.kubernetes.get(f"{CUSTOM}/prometheuses/{prometheus.SERVICE}") or {}
    (write,) = made["spec"]["remoteWrite"]
    workspace = deployed.outputs["Workspace"].rpartition(" ")[2]
    assert write["url"] == f"https://aps-workspaces.us-west-2.amazonaws.com/workspaces/{workspace}/api/v1/remote_write"
    assert write["sigv4"] == {"region": "us-west-2"}
    assert made["spec"]["externalLabels"] == {"cluster": NAME}
    written = deployed.kubernetes.get(f"/api/v1/namespaces/{grafana.NAMESPACE}/configmaps/grafana") or {}
    sources = yaml.safe_load(written["data"]["datasources.yaml"])["datasources"]
    (own,) = [each for each in sources if each.get("isDefault")]
    assert write["url"] == f"{own['url']}api/v1/remote_write"


def test_the_alert_manager_tells_the_topic_and_its_subscribers(account: Account, deployed: Deployed) -> None:
    amp, workspace = account.client("amp"), deployed.outputs["Workspace"].rpartition(" ")[2]
    definition = amp.describe_alert_manager_definition(workspaceId=workspace)["alertManagerDefinition"]["data"]
    config = yaml.safe_load(yaml.safe_load(definition)["alertmanager_config"])
    (told,) = [each for receiver in config["receivers"] for each in receiver.get("sns_configs", [])]
    found = account.client("sns").list_subscriptions_by_topic(TopicArn=told["topic_arn"])["Subscriptions"]
    assert {each["Protocol"] for each in found} == {"email", "https"}
    rules = amp.describe_rule_groups_namespace(workspaceId=workspace, name="gpu")["ruleGroupsNamespace"]["data"]
    assert yaml.safe_load(rules)["groups"]
    logged = amp.describe_logging_configuration(workspaceId=workspace)["loggingConfiguration"]["logGroupArn"]
    assert f":{deployed.outputs['Alerts'].rpartition(' ')[2]}:*" in logged


def test_the_monitors_are_there(deployed: Deployed) -> None:
    found = {each["metadata"]["name"]: each for each in deployed.kubernetes.items(f"{CUSTOM}/podmonitors")}
    assert found.keys() == {"spark-drivers", "dcgm-cloudwatch"}
    drivers = found["spark-drivers"]
    assert drivers["spec"]["namespaceSelector"]["matchNames"] == list(TEAMS)
    names = [each["metadata"]["name"] for each in deployed.kubernetes.items(f"{CUSTOM}/servicemonitors")]
    assert "karpenter" in names


def endpoints(deployed: Deployed, namespace: str, service: str) -> set[int]:
    """Return on which ports of pods that are ready a Service's requests arrive."""
    path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
    found = deployed.kubernetes.items(f"{path}?labelSelector=kubernetes.io/service-name%3D{service}")
    ready = [each for each in found if any(one["conditions"].get("ready") for one in each["endpoints"] or [])]
    return {port["port"] for each in ready for port in each["ports"] or []}


@pytest.mark.parametrize(("output", "target"), [("Grafana", 3000), ("Prometheus", 9090)])
def test_a_port_is_forwarded_to_a_pod_that_listens_there(
    account: Account, deployed: Deployed, output: str, target: int
) -> None:
    words = deployed.outputs[output].split()
    service, ports, namespace = words[2].removeprefix("svc/"), words[3], words[5]
    found = deployed.kubernetes.get(f"/api/v1/namespaces/{namespace}/services/{service}") or {}
    assert int(ports.rpartition(":")[2]) in [each["port"] for each in found["spec"]["ports"]]
    account.waits(lambda: target in endpoints(deployed, namespace, service))


def test_the_commands_name_what_is_there(deployed: Deployed) -> None:
    words = deployed.outputs["UseGrafanaPassword"].split()
    name = next(word for word in words if word.startswith("deployment/")).partition("/")[2]
    assert deployed.kubernetes.get(f"/apis/apps/v1/namespaces/{grafana.NAMESPACE}/deployments/{name}")


def test_the_password_is_nowhere_but_in_its_secret(account: Account, deployed: Deployed, tmp_path: Path) -> None:
    """Searched is whatever can be read of a deployment; first, another one is found in each place."""
    with planted_secret.everywhere(account, deployed.kubernetes, tmp_path) as planted:
        texts = _texts(account, deployed, tmp_path)
    found = secret_search.places(texts, planted_secret.SECRET)
    assert {how: place for how, place in planted.items() if place not in found} == {}
    assert secret_search.places(texts, deployed.password) == []


def _texts(account: Account, deployed: Deployed, also: Path) -> dict[str, str]:
    texts = secret_search.files([deployed.assembly.folder, also]) | secret_search.stored(account.client("s3"))
    texts |= secret_search.logs(account.client("logs")) | secret_search.objects(deployed.kubernetes)
    texts |= secret_search.stacks(account.client("cloudformation")) | secret_search.parameters(account.client("ssm"))
    return (
        texts
        | secret_search.functions(account.client("lambda"))
        | secret_search.executions(account.client("stepfunctions"))
    )


def disk(account: Account, deployed: Deployed) -> tuple[str, int, str]:
    """Return Prometheus' volume, its GiB, and what its claim says that it has."""
    path = f"/api/v1/namespaces/{prometheus.NAMESPACE}/persistentvolumeclaims"
    (claim,) = deployed.kubernetes.items(path)
    tag = {"Name": "tag:CSIVolumeName", "Values": [claim["spec"].get("volumeName", "not bound yet")]}
    (found,) = account.client("ec2").describe_volumes(Filters=[tag])["Volumes"]
    return found["VolumeId"], found["Size"], claim["status"]["capacity"]["storage"]


def stateful_set(deployed: Deployed) -> dict[str, Any]:
    path = f"/apis/apps/v1/namespaces/{prometheus.NAMESPACE}/statefulsets/prometheus-{prometheus.SERVICE}"
    return deployed.kubernetes.get(path) or {}


def test_a_larger_volume_keeps_what_is_stored(account: Account, deployed: Deployed, tmp_path: Path) -> None:
    """Guards against claims of a StatefulSet, which the operator deletes with it when its template is to change."""
    account.waits(lambda: phases(deployed) == {"Running"})
    before, made = disk(account, deployed), stateful_set(deployed)["metadata"]["uid"]
    assert before[1:] == (50, "50Gi")
    assembly = synthesized(tmp_path, volume_gib=60)
    updated = assembly.update(account, "Observability", deployed.stacks["Observability"])
    assert updated.status == "UPDATE_COMPLETE", updated.reasons
    account.waits(lambda: stateful_set(deployed).get("metadata", {}).get("uid", made) != made)
    account.waits(lambda: "prometheus-kps-prometheus-0" in pods(deployed, prometheus.NAMESPACE))
    account.waits(lambda: phases(deployed) == {"Running"})
    account.waits(lambda: disk(account, deployed) == (before[0], 60, "60Gi"))


def test_a_smaller_volume_is_refused(account: Account, deployed: Deployed, tmp_path: Path) -> None:
    assembly = synthesized(tmp_path, volume_gib=40)
    refused = assembly.update(account, "Observability", deployed.stacks["Observability"])
    assert refused.status == "UPDATE_ROLLBACK_COMPLETE", refused.reasons
    assert "less than" in refused.reasons


def test_what_fails_beside_a_volume_that_has_grown_is_taken_back_without_the_volume(
    account: Account, deployed: Deployed, tmp_path: Path
) -> None:
    """The way out that docs/observability.md tells of; the next deployment asks for the size that the volume has."""
    stack, resources = deployed.stacks["Observability"], synthesized(tmp_path, volume_gib=70).resources("Observability")
    claim, chart = (next(name for name in resources if name.startswith(f"Prometheus{part}")) for part in PARTS)
    refused = {"Name": "aws-is-not-for-users", "Type": "String", "Value": "x"}
    failing = {"Type": "AWS::SSM::Parameter", "Properties": refused, "DependsOn": [chart]}
    stuck = account.update(stack, {**resources, "Failing": failing})
    assert stuck.status == "UPDATE_ROLLBACK_FAILED", stuck.reasons
    assert "less than" in stuck.reasons
    skipped = {"StackName": stack.stack, "ResourcesToSkip": [claim]}
    account.client("cloudformation").continue_update_rollback(**skipped)
    back = account.settled(stack.stack)
    assert back.status == "UPDATE_ROLLBACK_COMPLETE", back.reasons
    account.waits(lambda: disk(account, deployed)[1:] == (70, "70Gi"))
    account.waits(lambda: phases(deployed) == {"Running"})


def test_a_longer_retention_and_another_dashboard_arrive(
    account: Account, deployed: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed(*given: Any) -> dict[str, Any]:  # noqa: ANN401 - the same
        return {name: {**each, "description": "changed"} for name, each in usual_dashboards(*given).items()}

    monkeypatch.setattr(observability, "dashboards", changed)
    assembly = synthesized(tmp_path, retention_days=30, log_retention_days=7, volume_gib=70)
    updated = assembly.update(account, "Observability", deployed.stacks["Observability"])
    assert updated.status == "UPDATE_COMPLETE", updated.reasons
    made = deployed.kubernetes.get(f"{CUSTOM}/prometheuses/{prometheus.SERVICE}") or {}
    assert made["spec"]["retention"] == "30d"
    maps = deployed.kubernetes.items(f"/api/v1/namespaces/{grafana.NAMESPACE}/configmaps")
    shown = [json.loads(text) for each in maps for file, text in each["data"].items() if file.endswith(".json")]
    assert len(shown) >= 3
    assert {each["description"] for each in shown} == {"changed"}
    group = deployed.outputs["Alerts"].rpartition(" ")[2]
    (log,) = account.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert log["retentionInDays"] == 7
    again = account.client("secretsmanager").get_secret_value(SecretId=SECRET)["SecretString"]
    assert again == deployed.password


def test_nothing_of_it_stays_and_its_names_are_free(account: Account, deployed: Deployed) -> None:
    volumes = account.client("ec2").describe_volumes(Filters=[{"Name": "tag-key", "Values": ["CSIVolumeName"]}])
    assert len(volumes["Volumes"]) == 2, "Prometheus' and Grafana's"
    gone = account.delete(deployed.stacks["Observability"])
    assert gone.status == "DELETE_COMPLETE", gone.reasons
    account.waits(lambda: account.left() == deployed.before)
    assert not [each for each in deployed.before if "grafana" in each or "prometheus" in each]
    for space in (prometheus.NAMESPACE, grafana.NAMESPACE):
        assert deployed.kubernetes.get(f"/api/v1/namespaces/{space}") is None
    secrets = account.client("secretsmanager")
    secrets.create_secret(Name=SECRET, SecretString="the next one")
    secrets.delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)


def test_each_permission_was_used_or_has_a_reason(account: Account, deployed: Deployed) -> None:
    roles = of_stack(account.world, deployed.assembly.folder, "Observability")
    assert len(roles) == 2
    assert unexplained(roles) == []
    assert denied(roles) == []
