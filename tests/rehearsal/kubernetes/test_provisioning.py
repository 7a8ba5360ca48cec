"""Which nodes would be made: pure, without a cluster."""

from decimal import Decimal
from typing import Any

from rehearsal.kubernetes.provisioning import Pool, beside_volumes, offers_of, plan

ZONES = ("us-west-2a", "us-west-2b")
TYPE, MARKET = "node.kubernetes.io/instance-type", "karpenter.sh/capacity-type"


def pool(name: str = "general", weight: int = 0, used: dict[str, Decimal] | None = None, **spec: Any) -> Pool:  # noqa: ANN401 - members of a NodePool's template, and limits
    requirements = spec.pop("requirements", [need("karpenter.k8s.aws/instance-family", "m5")])
    limits = {"limits": spec.pop("limits")} if "limits" in spec else {}
    item = {
        "metadata": {"name": name},
        "spec": {"template": {"spec": {"requirements": requirements, **spec}}, "weight": weight, **limits},
    }
    return Pool(item, offers_of(item, ZONES), used or {})


def need(key: str, *values: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any member of a requirement
    return {"key": key, "operator": "In", "values": list(values)} | more


def pod(uid: str, cpu: str = "1", memory: str = "1Gi", **spec: Any) -> dict[str, Any]:  # noqa: ANN401 - any member of a pod's spec
    container = {"name": "c", "resources": {"requests": {"cpu": cpu, "memory": memory}}}
    return {"metadata": {"uid": uid}, "spec": {"containers": [container]} | spec}


def test_the_smallest_spot_node_that_holds_the_pod_comes_first() -> None:
    [claim], refused = plan([pod("a", cpu="3")], [pool()])
    first = claim.offers[0]
    assert (first.kind.name, first.capacity_type, refused) == ("m5.xlarge", "spot", {})


def test_pods_share_a_node_that_is_only_planned() -> None:
    [claim], _ = plan([pod("a", cpu="3"), pod("b", cpu="3")], [pool()])
    assert [len(claim.pods), claim.offers[0].kind.name] == [2, "m5.2xlarge"]


def test_pods_that_no_one_node_holds_get_two() -> None:
    claims, _ = plan([pod("a", cpu="60"), pod("b", cpu="60")], [pool()])
    assert len(claims) == 2


def test_kube_reserved_is_not_for_pods() -> None:
    [claim], _ = plan([pod("a", cpu="2")], [pool()])
    assert claim.offers[0].kind.name == "m5.xlarge", "2 CPUs do not fit a node of 2"


def test_the_heavier_pool_goes_first() -> None:
    [claim], _ = plan([pod("a")], [pool("light"), pool("heavy", weight=10)])
    assert claim.pool.name == "heavy"


def test_the_next_pool_takes_what_the_first_cannot() -> None:
    tainted = pool("tainted", weight=10, taints=[{"key": "gpu", "effect": "NoSchedule"}])
    [claim], _ = plan([pod("a")], [tainted, pool("open")])
    assert claim.pool.name == "open"


def test_each_reason_is_told() -> None:
    tainted = pool(taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}])
    full = pool(limits={"cpu": "10"}, used={"cpu": Decimal(9)})
    picky = pool(requirements=[need(TYPE, "m5.large", "m5.xlarge", minValues=3)])
    cases = [
        (tainted, pod("p"), "did not tolerate taint (taint=gpu=yes:NoSchedule)"),
        (full, pod("p"), "exceed limits for nodepool"),
        (pool(), pod("p", cpu="500"), "no instance type has enough resources"),
        (pool(), pod("p", nodeSelector={"disk": "ssd"}), "satisfied the pod's node selector"),
        (picky, pod("p"), "minValues requirement is not met for label(s) node.kubernetes.io/instance-type: 2 of 3"),
    ]
    for only, wanting, reason in cases:
        claims, refused = plan([wanting], [only])
        assert claims == []
        assert reason in refused["p"]


def test_limits_count_what_is_planned_in_the_same_turn() -> None:
    single = pool(requirements=[need(TYPE, "m5.large")], limits={"cpu": "4"})
    claims, refused = plan([pod(uid, cpu="1500m") for uid in "abc"], [single])
    assert (len(claims), len(refused)) == (2, 1)


def test_a_zone_that_the_pod_asks_for_is_where_the_node_is() -> None:
    [claim], _ = plan([pod("a", nodeSelector={"topology.kubernetes.io/zone": "us-west-2b"})], [pool()])
    assert {offer.zone for offer in claim.offers} == {"us-west-2b"}


def test_a_volume_draws_its_pod_into_its_zone() -> None:
    wanting = pod("a", volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}])
    wanting["metadata"]["namespace"] = "team"
    [claim], _ = plan([beside_volumes(wanting, {("team", "data"): "us-west-2b"})], [pool()])
    assert {offer.zone for offer in claim.offers} == {"us-west-2b"}


def test_only_the_market_that_the_pool_names_is_used() -> None:
    only = pool(requirements=[need("karpenter.k8s.aws/instance-family", "m5"), need(MARKET, "on-demand")])
    [claim], _ = plan([pod("a")], [only])
    assert {offer.capacity_type for offer in claim.offers} == {"on-demand"}


def test_daemons_take_their_part() -> None:
    one = pool()
    crowded = Pool(one.item, one.offers, {}, [pod("d", cpu="1")])
    [claim], _ = plan([pod("a", cpu="1")], [crowded])
    assert claim.offers[0].kind.name == "m5.xlarge"
