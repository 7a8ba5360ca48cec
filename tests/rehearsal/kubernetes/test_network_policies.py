"""Who reaches whom under NetworkPolicies."""

from dataclasses import replace
from typing import Any

import pytest

from rapids_eks.metrics_exporter import objects
from rehearsal.kubernetes.network_policies import Packet, Place, passes, selects

NAMESPACES = {name: {"kubernetes.io/metadata.name": name} for name in ("a", "b", "monitoring", "kube-system")}
WEB, OTHER = Place("10.0.0.1", "a", {"app": "web"}), Place("10.0.0.2", "b", {"app": "web"})
OUTSIDE = Place("52.0.0.1")


def policy(**spec: Any) -> dict[str, Any]:  # noqa: ANN401 - a spec
    return {"metadata": {"namespace": "a"}, "spec": {"podSelector": {}, **spec}}


def through(policies: list[Any], source: Place, target: Place, port: int = 80, protocol: str = "TCP") -> bool:
    return passes(policies, NAMESPACES, Packet(source, target, port, protocol))


DENY = policy(policyTypes=["Ingress", "Egress"])


def test_a_pod_without_a_policy_is_open_and_one_with_none_of_rules_is_closed() -> None:
    assert through([], WEB, OTHER)
    assert not through([DENY], WEB, OTHER)
    assert not through([DENY], OTHER, WEB)
    assert through([DENY], OTHER, replace(OTHER, address="10.0.0.3")), "a policy is about its own namespace"
    assert through([policy(podSelector={"matchLabels": {"app": "db"}}, policyTypes=["Ingress"])], OTHER, WEB)
    assert through([DENY], replace(WEB, owned=False), OTHER)


def test_rules_add_up_and_both_ends_must_agree() -> None:
    to_b = policy(policyTypes=["Egress"], egress=[{"to": [{"namespaceSelector": {"matchLabels": NAMESPACES["b"]}}]}])
    assert through([DENY, to_b], WEB, OTHER)
    assert not through([DENY, to_b], OTHER, WEB)
    closed = {**DENY, "metadata": {"namespace": "b"}}
    assert not through([DENY, to_b, closed], WEB, OTHER)


@pytest.mark.parametrize(
    ("peer", "target", "lets"),
    [
        ({"podSelector": {}}, replace(WEB, address="10.0.0.9"), True),
        ({"podSelector": {}}, OTHER, False),
        ({"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "db"}}}, OTHER, False),
        ({"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "web"}}}, OTHER, True),
        ({"namespaceSelector": {}}, OUTSIDE, False),
        ({"ipBlock": {"cidr": "0.0.0.0/0"}}, OUTSIDE, True),
        ({"ipBlock": {"cidr": "0.0.0.0/0"}}, OTHER, True),
        ({"ipBlock": {"cidr": "52.0.0.0/8", "except": ["52.0.0.0/24"]}}, OUTSIDE, False),
    ],
)
def test_peers_are_pods_of_the_own_namespace_of_others_or_addresses(
    peer: dict[str, Any], target: Place, *, lets: bool
) -> None:
    assert through([policy(policyTypes=["Egress"], egress=[{"to": [peer]}])], WEB, target) is lets


def test_ports_and_protocols_limit_a_rule() -> None:
    names = policy(egress=[{"ports": [{"port": 53, "protocol": "UDP"}, {"port": 8000, "endPort": 8010}]}])
    assert through([names], WEB, OTHER, 53, "UDP")
    assert not through([names], WEB, OTHER, 53)
    assert through([names], WEB, OTHER, 8010)
    assert not through([names], WEB, OTHER, 8011)
    with pytest.raises(TypeError, match="give the pod's number"):
        through([policy(egress=[{"ports": [{"port": "http"}]}])], WEB, OTHER)


@pytest.mark.parametrize(
    ("operator", "values", "takes"),
    [("In", ["web"], True), ("NotIn", ["web"], False), ("Exists", None, True), ("DoesNotExist", None, False)],
)
def test_selectors_have_expressions(operator: str, values: list[str] | None, *, takes: bool) -> None:
    expression = {"key": "app", "operator": operator, "values": values}
    assert selects({"matchExpressions": [expression]}, WEB.labels) is takes


def test_the_exporter_reaches_its_four_and_only_prometheus_reaches_it() -> None:
    exporter = Place("10.0.1.1", objects.NAMESPACE, objects.LABELS)
    names = Place("10.0.1.2", "kube-system", {"k8s-app": "kube-dns"})
    prometheus = Place("10.0.1.3", "monitoring", {"app.kubernetes.io/name": "prometheus"})
    namespaces = {**NAMESPACES, objects.NAMESPACE: {"kubernetes.io/metadata.name": objects.NAMESPACE}}

    def reaches(source: Place, target: Place, port: int, protocol: str = "TCP") -> bool:
        return passes([objects.network()], namespaces, Packet(source, target, port, protocol))

    reached = [(names, 53), (prometheus, 9090), (Place("169.254.170.23"), 80), (OUTSIDE, 443)]
    assert [reaches(exporter, target, port) for target, port in reached] == [True] * 4
    assert reaches(exporter, names, 53, "UDP")
    assert not any(reaches(exporter, target, port) for target, port in [(OUTSIDE, 80), (WEB, 8080), (prometheus, 80)])
    assert reaches(prometheus, exporter, objects.PORT)
    assert not reaches(WEB, exporter, objects.PORT)
