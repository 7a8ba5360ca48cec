import threading
import time
from typing import Any

import pytest

from rehearsal.access.guard import Guard
from rehearsal.services.eks import access_entries
from rehearsal.services.emr_containers import JOB_POLICY, VirtualClusters
from rehearsal.wire.call import Call, Principal, Refused

API = {"accessConfig": {"authenticationMode": "API_AND_CONFIG_MAP"}}
EMR = "AWSServiceRoleForAmazonEMRContainers"


@pytest.fixture
def virtual(account: Any) -> VirtualClusters:  # noqa: ANN401 - the conftest's Account
    made = VirtualClusters(account.eks, Guard(account.world))
    account.handlers |= {f"emr:{name}": handler for name, handler in made.operations().items()}
    return made


def create(account: Any, namespace: str = "team") -> str:  # noqa: ANN401
    provider = {"type": "EKS", "id": "c", "info": {"eksInfo": {"namespace": namespace}}}
    return str(account.call("emr:CreateVirtualCluster", {"name": "v", "containerProvider": provider})["id"])


def with_namespace(account: Any) -> Any:  # noqa: ANN401
    cluster = account.cluster(**API)
    cluster.plane.api.apply("/api/v1/namespaces/team", {"metadata": {"name": "team"}})
    return cluster


def test_a_virtual_cluster_needs_its_namespace(account: Any, virtual: VirtualClusters) -> None:  # noqa: ANN401, ARG001
    account.cluster(**API)
    with pytest.raises(Refused, match="Unauthorized to perform read namespace team"):
        create(account)


def test_emr_gets_an_access_entry_for_the_namespace(account: Any, virtual: VirtualClusters) -> None:  # noqa: ANN401, ARG001
    cluster = with_namespace(account)
    create(account)
    principal = next(name for name in cluster.entries if EMR in name)
    granted = cluster.policies[principal][0]
    assert (granted["policyArn"], granted["accessScope"]["namespaces"]) == (JOB_POLICY, ["team"])


def test_two_that_are_made_at_once_are_both_let_in(
    account: Any,  # noqa: ANN401
    virtual: VirtualClusters,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Guards against an access entry of which one of two writers knows only its own namespace."""
    cluster = with_namespace(account)
    cluster.plane.api.apply("/api/v1/namespaces/other", {"metadata": {"name": "other"}})
    grant = access_entries.grant

    def slowly(*given: Any) -> Any:  # noqa: ANN401
        time.sleep(0.2)
        return grant(*given)

    monkeypatch.setattr(access_entries, "grant", slowly)
    both = [threading.Thread(target=create, args=(account, name)) for name in ("team", "other")]
    for each in both:
        each.start()
    for each in both:
        each.join()
    (principal,) = [name for name in cluster.entries if EMR in name]
    assert cluster.policies[principal][0]["accessScope"]["namespaces"] == ["other", "team"]


def test_the_creator_needs_the_permissions_that_emr_uses(account: Any, virtual: VirtualClusters) -> None:  # noqa: ANN401
    with_namespace(account)
    provider = {"type": "EKS", "id": "c", "info": {"eksInfo": {"namespace": "team"}}}
    role = Principal("arn:aws:sts::111122223333:assumed-role/r/s", "r")
    given = {"name": "v", "containerProvider": provider}
    call = Call("emr-containers", "CreateVirtualCluster", given, role, "AKIA", "us-west-2", "111122223333", "1")
    with pytest.raises(Refused, match="eks:CreateAccessEntry"):
        virtual.create(call)


def test_a_namespace_holds_one_virtual_cluster(account: Any, virtual: VirtualClusters) -> None:  # noqa: ANN401, ARG001
    with_namespace(account)
    create(account)
    with pytest.raises(Refused, match="already exists in the given namespace"):
        create(account)


@pytest.mark.parametrize("loss", ["namespace", "cluster"])
def test_it_is_arrested_when_what_it_lies_on_goes_first(account: Any, virtual: VirtualClusters, loss: str) -> None:  # noqa: ANN401, ARG001
    cluster = with_namespace(account)
    made = create(account)
    if loss == "namespace":
        cluster.plane.api.delete("/api/v1/namespaces/team")
    else:
        account.call("DeleteCluster", {"name": "c"})
    described = account.call("emr:DescribeVirtualCluster", {"id": made})["virtualCluster"]
    assert described["state"] == "ARRESTED"
    account.call("emr:DeleteVirtualCluster", {"id": made})
    account.wait(600, lambda: described["state"] == "TERMINATED")
    account.wait(3600, lambda: loss == "namespace" or "c" not in account.eks.clusters)


def test_one_with_active_runs_is_not_deleted(account: Any, virtual: VirtualClusters) -> None:  # noqa: ANN401
    with_namespace(account)
    made = create(account)
    virtual.active_runs = lambda _: ["run-1"]
    with pytest.raises(Refused, match="active job runs: run-1"):
        account.call("emr:DeleteVirtualCluster", {"id": made})


def test_deletion_takes_emrs_access_away(account: Any, virtual: VirtualClusters) -> None:  # noqa: ANN401
    cluster = with_namespace(account)
    made = create(account)
    account.call("emr:DeleteVirtualCluster", {"id": made})
    account.wait(600, lambda: virtual.records[made]["state"] == "TERMINATED")
    account.wait(60, lambda: not [name for name in cluster.entries if EMR in name])
    assert account.call("emr:ListVirtualClusters", {"states": ["RUNNING"]})["virtualClusters"] == []
