"""Grafana, with the dashboards and their data source."""

import json
from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

from rapids_eks.grafana_password import FILE, MOUNT, SECRET_CLASS, GrafanaPassword
from rapids_eks.helm_release import HelmRelease
from rapids_eks.job_pools import CORE_LABELS
from rapids_eks.metrics_workspace import MetricsWorkspace
from rapids_eks.pod_role import PodRole
from rapids_eks.storage_class import NAME as STORAGE_CLASS
from rapids_eks.system_pods import GRAFANA

REPOSITORY, CHART, VERSION = "https://grafana-community.github.io/helm-charts", "grafana", "12.11.1"
NAMESPACE = SERVICE_ACCOUNT = SERVICE = "grafana"
USER = "admin"
# Grafana 13 signs no requests of the core's own Prometheus data source any more:
# https://grafana.com/docs/plugins/grafana-amazonprometheus-datasource/latest/
PLUGIN, PLUGIN_VERSION = "grafana-amazonprometheus-datasource", "3.3.3"
SOURCE = "amp"  # uid of the data source
FOLDER = "gpu"  # of the provisioned dashboards
VOLUME = "5Gi"
Values = dict[str, Any]
Dashboards = Mapping[str, Mapping[str, Any]]


class Grafana(Construct):
    """Grafana on the core nodes, reached by a port forward only, with dashboards as they are in the code.

    Exposes `namespace`, `service` and `user`. What users make themselves lies on a volume that goes with it. The
    plugin of the data source comes from grafana.com when the first pod starts, and then from the volume.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        cluster: eks.ICluster,
        workspace: MetricsWorkspace,
        password: GrafanaPassword,
        prometheus: str,
        dashboards: Dashboards,
    ) -> None:
        """Make it; `prometheus` is the address of the cluster's own, `dashboards` are by the names of their files."""
        super().__init__(scope, id)
        self.namespace, self.service, self.user = NAMESPACE, SERVICE, USER
        role = PodRole(self, "Role", permissions=[workspace.reading, password.reading])
        role.give_to(cluster, namespace=NAMESPACE, service_account=SERVICE_ACCOUNT)
        namespace = eks.KubernetesManifest(self, "Namespace", cluster=cluster, manifest=[_namespace()])
        region = cdk.Stack.of(self).region
        given = [password.manifest(NAMESPACE, region), *(_config_map(*each) for each in sorted(dashboards.items()))]
        objects = [
            eks.KubernetesManifest(self, name, cluster=cluster, manifest=[each])
            for name, each in zip(("Password", *map(_id, sorted(dashboards))), given, strict=True)
        ]
        chart = HelmRelease(
            self,
            "Chart",
            cluster=cluster,
            repository=REPOSITORY,
            chart=CHART,
            version=VERSION,
            namespace=NAMESPACE,
            values=values(workspace.url, region, prometheus, dashboards),
        )
        for each in objects:
            each.node.add_dependency(namespace)
            chart.node.add_dependency(each)
        chart.node.add_dependency(role, password)


def _id(file: str) -> str:
    return "".join(part.capitalize() for part in file.removesuffix(".json").split("-"))


def _namespace() -> Values:
    levels = {f"pod-security.kubernetes.io/{mode}": "baseline" for mode in ("enforce", "warn")}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": levels}}


def _map_name(file: str) -> str:
    return f"dashboard-{file.removesuffix('.json')}"


def _config_map(file: str, dashboard: Mapping[str, Any]) -> Values:
    """Return a ConfigMap of its own for a dashboard: kubectl notes what it applied, and a note has 256 KiB."""
    text = json.dumps(dashboard, separators=(",", ":"))
    metadata = {"name": _map_name(file), "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {file: text}}


def values(workspace_url: str, region: str, prometheus: str, dashboards: Dashboards) -> Values:
    """Return the chart's values; a key that the chart does not know would be ignored without a word."""
    return {
        "serviceAccount": {"name": SERVICE_ACCOUNT},
        # It asks nothing of Kubernetes.
        "rbac": {"create": False},
        "automountServiceAccountToken": False,
        "nodeSelector": dict(CORE_LABELS),
        "tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}],
        "resources": _resources(),
        "testFramework": {"enabled": False},
        "deploymentStrategy": {"type": "Recreate"},  # two pods cannot have the volume
        "persistence": {"enabled": True, "storageClassName": STORAGE_CLASS, "size": VOLUME},
        "initChownData": {"enabled": False},  # the volume is the group's, and no pod needs to be root
        **_password(),
        "plugins": [f"{PLUGIN}@{PLUGIN_VERSION}"],
        "grafana.ini": {
            "auth": {"sigv4_auth_enabled": True},
            # These plugins get the variables by which Pod Identity gives credentials; others do not.
            "aws": {"allowed_auth_providers": "default", "forward_settings_to_plugins": PLUGIN},
            "analytics": {"check_for_updates": False, "check_for_plugin_updates": False, "reporting_enabled": False},
        },
        "datasources": {"datasources.yaml": _sources(workspace_url, region, prometheus)},
        **_provided(dashboards),
    }


def _resources() -> Values:
    size = GRAFANA.size
    return {"requests": {"cpu": f"{size.cpu}m", "memory": f"{size.memory}Mi"}, "limits": {"memory": "768Mi"}}


def _password() -> Values:
    """Return how Grafana finds the password, which it takes when its database is made: as a file, never as a value."""
    volume = {
        "name": "password",
        "mountPath": MOUNT,
        "readOnly": True,
        "csi": {
            "driver": "secrets-store.csi.k8s.io",
            "readOnly": True,
            "volumeAttributes": {"secretProviderClass": SECRET_CLASS},
        },
    }
    # Without the user's name the pod would look for a Secret that the chart then does not make.
    env = {"GF_SECURITY_ADMIN_USER": USER, "GF_SECURITY_ADMIN_PASSWORD__FILE": f"{MOUNT}/{FILE}"}
    return {"env": env, "extraSecretMounts": [volume]}


def _sources(workspace_url: str, region: str, prometheus: str) -> Values:
    signing = {
        "httpMethod": "POST",
        "sigV4Auth": True,
        "sigV4AuthType": "default",
        "sigV4Region": region,
        "sigV4Service": "aps",
    }
    kept = {
        "name": "Amazon Managed Service for Prometheus",
        "uid": SOURCE,
        "type": PLUGIN,
        "access": "proxy",
        "isDefault": True,
        "url": workspace_url,
        "jsonData": signing,
    }
    own = {"name": "Prometheus in the cluster", "uid": "cluster", "type": "prometheus", "access": "proxy"}
    return {"apiVersion": 1, "datasources": [kept, {**own, "url": prometheus}]}


def _provided(dashboards: Dashboards) -> Values:
    """Return one provider for each dashboard, as a provider has one ConfigMap; without one none would be loaded."""
    names = {_map_name(file): file for file in sorted(dashboards)}
    providers = [
        {
            "name": name,
            "orgId": 1,
            "folder": "GPU",
            "type": "file",
            "options": {"path": f"/var/lib/grafana/dashboards/{name}"},
        }
        for name in names
    ]
    return {
        "dashboardProviders": {"dashboardproviders.yaml": {"apiVersion": 1, "providers": providers}},
        "dashboardsConfigMaps": {name: name for name in names},
    }
