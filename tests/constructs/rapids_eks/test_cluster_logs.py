import ast
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from rapids_eks.cluster_logs.construct import HANDLER
from rapids_eks.cluster_logs.handler import index

EVENT = {
    "RequestType": "Create",
    "ResponseURL": "https://answers.test/1",
    "StackId": "stack",
    "RequestId": "request",
    "LogicalResourceId": "Logs",
    "ResourceProperties": {"Name": "/aws/eks/demo/cluster", "RetentionDays": "14"},  # CloudFormation sends text
}


class ExistsError(Exception):
    pass


class MissingError(Exception):
    pass


@dataclass
class FakeLogs:
    """Log groups by name, with the days that they keep their events."""

    groups: dict[str, int | None] = field(default_factory=dict)
    refuses: bool = False
    exceptions = SimpleNamespace(ResourceAlreadyExistsException=ExistsError, ResourceNotFoundException=MissingError)

    def create_log_group(self, logGroupName: str) -> None:  # noqa: N803 - boto3's own
        if self.refuses:
            raise PermissionError("not allowed")
        if logGroupName in self.groups:
            raise ExistsError
        self.groups[logGroupName] = None

    def put_retention_policy(self, logGroupName: str, retentionInDays: int) -> None:  # noqa: N803
        assert logGroupName in self.groups
        self.groups[logGroupName] = retentionInDays

    def delete_log_group(self, logGroupName: str) -> None:  # noqa: N803
        if logGroupName not in self.groups:
            raise MissingError
        del self.groups[logGroupName]


@dataclass
class FakeEks:
    """Clusters by name."""

    clusters: set[str] = field(default_factory=set)
    exceptions = SimpleNamespace(ResourceNotFoundException=MissingError)

    def describe_cluster(self, name: str) -> None:
        if name not in self.clusters:
            raise MissingError


@pytest.fixture
def eks() -> FakeEks:
    return FakeEks()


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch, eks: FakeEks) -> FakeLogs:
    fake = FakeLogs()
    monkeypatch.setattr("boto3.client", {"logs": fake, "eks": eks}.get)
    return fake


@pytest.mark.parametrize("groups", [{}, {"/aws/eks/demo/cluster": None}, {"/aws/eks/demo/cluster": 30}])
@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_the_group_is_made_or_adopted_and_is_the_resource(
    kind: str, groups: dict[str, int | None], logs: FakeLogs, answers: list[dict[str, Any]]
) -> None:
    """Guards against a second deployment that fails on the log group that EKS left of the first."""
    logs.groups = dict(groups)
    index.handler({**EVENT, "RequestType": kind}, None)
    assert logs.groups == {"/aws/eks/demo/cluster": 14}
    same = {name: EVENT[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    assert answers == [{**same, "PhysicalResourceId": "/aws/eks/demo/cluster", "Status": "SUCCESS"}]


@pytest.mark.parametrize("groups", [{}, {"/aws/eks/demo/cluster": 14}])
@pytest.mark.parametrize("made", ["/aws/eks/demo/cluster", "Cluster-Logs-1ABCDEFGHIJKL"])
def test_deletion_deletes_the_group_and_a_missing_one_is_deleted(
    made: str, groups: dict[str, int | None], logs: FakeLogs, answers: list[dict[str, Any]]
) -> None:
    """Guards against a cancelled creation, too: CloudFormation then asks for the deletion of an id of its own."""
    logs.groups = {**groups, "/aws/eks/other/cluster": 1}
    index.handler({**EVENT, "RequestType": "Delete", "PhysicalResourceId": made}, None)
    assert logs.groups == {"/aws/eks/other/cluster": 1}
    assert answers[0]["Status"] == "SUCCESS"


def test_a_new_name_is_a_new_resource_and_the_old_group_is_deleted_by_its_own_name(
    logs: FakeLogs, answers: list[dict[str, Any]]
) -> None:
    old = {**EVENT, "PhysicalResourceId": "/aws/eks/old/cluster"}
    logs.groups = {"/aws/eks/old/cluster": 14}
    index.handler({**old, "RequestType": "Update"}, None)
    assert answers[0]["PhysicalResourceId"] == "/aws/eks/demo/cluster"
    index.handler({**old, "RequestType": "Delete"}, None)
    assert logs.groups == {"/aws/eks/demo/cluster": 14}


def test_the_group_of_another_stacks_cluster_is_refused_and_survives_the_rollback(
    logs: FakeLogs, eks: FakeEks, answers: list[dict[str, Any]]
) -> None:
    """Guards against a name that is taken, for which a living cluster would lose its logs."""
    eks.clusters, logs.groups = {"demo"}, {"/aws/eks/demo/cluster": 365}
    index.handler(EVENT, None)
    index.handler({**EVENT, "RequestType": "Delete", "PhysicalResourceId": answers[0]["PhysicalResourceId"]}, None)
    assert [answer["Status"] for answer in answers] == ["FAILED", "SUCCESS"]
    assert "a cluster of this name is there already" in answers[0]["Reason"]
    assert logs.groups == {"/aws/eks/demo/cluster": 365}


def test_an_update_while_its_own_cluster_is_there_is_fine(
    logs: FakeLogs, eks: FakeEks, answers: list[dict[str, Any]]
) -> None:
    eks.clusters, logs.groups = {"demo"}, {"/aws/eks/demo/cluster": 365}
    index.handler({**EVENT, "RequestType": "Update"}, None)
    assert (answers[0]["Status"], logs.groups) == ("SUCCESS", {"/aws/eks/demo/cluster": 14})


def test_a_refusal_is_told_at_once(logs: FakeLogs, answers: list[dict[str, Any]]) -> None:
    logs.refuses = True
    index.handler(EVENT, None)
    assert answers[0]["Status"] == "FAILED"
    assert answers[0]["Reason"] == "The log group /aws/eks/demo/cluster: not allowed"


def test_the_function_fits_into_a_template_and_needs_only_what_lambda_brings() -> None:
    source = HANDLER.read_text()
    assert len(source.encode()) <= 4096
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {(node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name for node in imports}
    assert {name.split(".")[0] for name in names} == {"boto3", "collections", "contextlib", "json", "typing", "urllib"}
