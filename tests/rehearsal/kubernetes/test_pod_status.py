"""What a kubelet would report, from a pod and its age alone."""

from typing import Any

import pytest

from rehearsal.kubernetes.pod_status import STARTS_IN, Trouble, missing_reference, status

NOW, IP = "2026-01-01T00:00:00Z", "10.1.0.4"


def pod(restart: str = "Always", annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:  # noqa: ANN401 - any member of a pod's spec
    containers = [{"name": "main", "image": "x"}]
    return {
        "metadata": {"annotations": annotations or {}},
        "spec": {"containers": containers, "restartPolicy": restart} | spec,
    }


def phase(of: dict[str, Any], age: float) -> str:
    return str(status(of, age=age, now=NOW, ip=IP)["phase"])


def test_a_pod_is_pending_until_it_has_started() -> None:
    assert [phase(pod(), age) for age in (0, STARTS_IN)] == ["Pending", "Running"]


def test_only_a_pod_that_may_end_does() -> None:
    assert [phase(pod(policy), 3600) for policy in ("Always", "OnFailure", "Never")] == [
        "Running", "Succeeded", "Succeeded",
    ]  # fmt: skip


def test_the_annotations_decide_how_long_and_how_it_ends() -> None:
    slow = pod("Never", {"rehearsal/seconds": "100"})
    assert [phase(slow, STARTS_IN + 99), phase(slow, STARTS_IN + 100)] == ["Running", "Succeeded"]
    assert phase(pod("Never", {"rehearsal/exit-code": "1"}), STARTS_IN) == "Failed"
    assert phase(pod("Never", {"rehearsal/hold": "true"}), 3600) == "Running"


def test_a_server_that_exits_is_in_a_crash_loop_and_not_ready() -> None:
    seen = status(pod(annotations={"rehearsal/exit-code": "1"}), age=60, now=NOW, ip=IP)
    assert seen["containerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert {each["type"]: each["status"] for each in seen["conditions"]}["Ready"] == "False"


def test_init_containers_have_ended_once_the_pod_runs_and_sidecars_have_not() -> None:
    first = [{"name": "one", "image": "x"}, {"name": "side", "image": "x", "restartPolicy": "Always"}]
    seen = status(pod(initContainers=first), age=60, now=NOW, ip=IP)
    assert [list(each["state"]) for each in seen["initContainerStatuses"]] == [["terminated"], ["running"]]


ENV = {"name": "E", "valueFrom": {"secretKeyRef": {"name": "s"}}}


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"volumes": [{"name": "v", "secret": {"secretName": "s"}}]}, "ContainerCreating"),
        ({"volumes": [{"name": "v", "projected": {"sources": [{"configMap": {"name": "c"}}]}}]}, "ContainerCreating"),
        ({"containers": [{"name": "m", "env": [ENV]}]}, "CreateContainerConfigError"),
        ({"containers": [{"name": "m", "envFrom": [{"configMapRef": {"name": "c"}}]}]}, "CreateContainerConfigError"),
    ],
)
def test_a_reference_to_nothing_is_trouble(spec: dict[str, Any], reason: str) -> None:
    found = missing_reference(pod(**spec), lambda *_: False)
    assert isinstance(found, Trouble)
    assert found.reason == reason
    assert missing_reference(pod(**spec), lambda *_: True) is None


def test_an_optional_reference_is_none() -> None:
    optional: dict[str, Any] = {"volumes": [{"name": "v", "secret": {"secretName": "s", "optional": True}}]}
    assert missing_reference(pod(**optional), lambda *_: False) is None
