"""Who may do what: real kubectl and helm with EKS tokens, access entries and access policies."""

import base64
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import botocore.session
import pytest
import yaml
from botocore.signers import RequestSigner

from rehearsal.clock import Clock
from rehearsal.kubernetes import build
from rehearsal.kubernetes.access_policies import ARN, Association, known
from rehearsal.kubernetes.cluster import Cluster
from rehearsal.kubernetes.tokens import Entry, default_username

ROLES = "arn:aws:iam::111122223333:role"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def token(role: str) -> str:
    """Make the token of a role as `aws eks get-token` does; the fixture's reviewer knows the key by its name."""
    key, session = f"AKIA{role.upper()}", botocore.session.get_session()
    session.set_credentials(key, key)
    client = session.create_client("sts", region_name="us-west-2")
    signer = RequestSigner(
        client.meta.service_model.service_id, "us-west-2", "sts", "v4", session.get_credentials(), client.meta.events
    )
    url = "https://sts.us-west-2.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
    request = {"method": "GET", "url": url, "body": {}, "headers": {"x-k8s-aws-id": "test"}, "context": {}}
    signed = signer.generate_presigned_url(request, region_name="us-west-2", expires_in=60, operation_name="")
    return "k8s-aws-v1." + base64.urlsafe_b64encode(signed.encode()).decode().rstrip("=")


@pytest.fixture
def as_role(cluster: Cluster, tmp_path: Path) -> Run:
    """Run kubectl or helm with the token of a role."""

    def run(role: str, tool: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        document = yaml.safe_load(cluster.plane.kubeconfig.read_text())
        document["users"][0]["user"] = {"token": token(role)}
        config = tmp_path / "kubeconfig"
        config.write_text(yaml.safe_dump(document))
        command = [str(build.tools() / tool), "--kubeconfig", str(config), *arguments]
        environment = os.environ | {"HOME": str(tmp_path), "HELM_CACHE_HOME": str(tmp_path)}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)

    return run


@pytest.fixture
def allow(
    cluster: Cluster, entries: dict[str, Entry], associations: list[Association]
) -> Iterator[Callable[..., None]]:
    """Give a role an access entry, and policies; both end with the test."""

    def give(role: str, policy: str = "", *namespaces: str) -> None:
        arn = f"{ROLES}/{role}"
        entries[arn] = Entry(arn, default_username(arn))
        if policy:
            associations.append(Association(arn, ARN + policy, namespaces))
        cluster.grant()

    yield give
    entries.clear()
    associations.clear()
    cluster.grant()


def test_a_role_without_an_entry_is_unauthorized(as_role: Run) -> None:
    assert "You must be logged in" in as_role("stranger", "kubectl", "get", "pods").stderr


def test_an_entry_alone_allows_nothing(as_role: Run, allow: Callable[..., None]) -> None:
    allow("bare")
    said = as_role("bare", "kubectl", "get", "pods").stderr
    assert 'User "arn:aws:sts::111122223333:assumed-role/bare/session" cannot list resource "pods"' in said


def test_a_policy_binds_in_its_namespaces_only_and_may_come_before_them(
    as_role: Run, allow: Callable[..., None], cluster: Cluster, clock: Clock
) -> None:
    allow("editor", "AmazonEKSEditPolicy", "team-*")
    cluster.api.create("/api/v1/namespaces", {"metadata": {"name": "team-late"}})
    create = ("kubectl", "create", "configmap", "made", "-n")
    assert clock.wait(3600, lambda: as_role("editor", *create, "team-late").returncode == 0, every=30)
    assert "forbidden" in as_role("editor", *create, "default").stderr
    assert "forbidden" in as_role("editor", "kubectl", "get", "roles", "-n", "team-late").stderr
    cluster.api.delete("/api/v1/namespaces/team-late")


def test_what_is_taken_away_is_gone(as_role: Run, allow: Callable[..., None], associations: list[Association]) -> None:
    allow("admin", "AmazonEKSClusterAdminPolicy")
    associations.clear()
    allow("other")
    assert "cannot list resource" in as_role("admin", "kubectl", "get", "nodes").stderr


@pytest.mark.usefixtures("nodes")
def test_helm_installs_with_a_token_and_waits(
    as_role: Run, allow: Callable[..., None], tmp_path: Path, namespace: str
) -> None:
    allow("admin", "AmazonEKSClusterAdminPolicy")
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("{apiVersion: v2, name: chart, version: 1.0.0}")
    container = {"name": "main", "image": "x", "resources": {"requests": {"cpu": "10m"}}}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": template, "replicas": 2}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}
    (chart / "templates" / "web.yaml").write_text(yaml.safe_dump(deployment))
    command = ("helm", "install", "release", str(chart), "-n", namespace, "--wait", "--timeout", "60s")
    done = as_role("admin", *command)
    assert done.returncode == 0, done.stderr
    assert "STATUS: deployed" in done.stdout


@pytest.mark.parametrize(("policy", "there"), [("AmazonEMRJobPolicy", True), ("AmazonEKSNonsense", False)])
def test_only_policies_that_can_be_granted_are_known(policy: str, there: bool) -> None:
    assert known(ARN + policy) == there
