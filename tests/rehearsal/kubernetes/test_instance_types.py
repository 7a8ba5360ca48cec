"""What nodes of real instance types have."""

import pytest

from rehearsal.kubernetes.instance_types import UnknownInstanceType, all_types, instance_type


def test_a_gpu_type_has_its_labels_and_karpenter_s_apart() -> None:
    plain, labels = instance_type("g6e.2xlarge").labels, instance_type("g6e.2xlarge").karpenter_labels
    assert labels["karpenter.k8s.aws/instance-gpu-name"] == "l40s"
    assert labels["karpenter.k8s.aws/instance-category"] == "g"
    assert labels["karpenter.k8s.aws/instance-generation"] == "6"
    assert plain["kubernetes.io/arch"] == "amd64"
    assert not [name for name in plain if "karpenter" in name]


def test_gpus_are_there_only_once_announced() -> None:
    kind = instance_type("g5.12xlarge")
    assert kind.allocatable()["nvidia.com/gpu"] == "4"
    assert "nvidia.com/gpu" not in kind.allocatable(gpus=False)


def test_pods_get_what_kubelet_and_hypervisor_leave() -> None:
    kind = instance_type("g5.2xlarge")  # 8 CPUs, 32 GiB, 58 pods
    assert kind.kube_reserved == (90, 11 * 58 + 255)
    assert kind.allocatable() == {
        "cpu": "7910m",
        "memory": f"{30311 - 893 - 100}Mi",
        "pods": "58",
        "ephemeral-storage": "20Gi",
        "nvidia.com/gpu": "1",
    }


def test_every_current_type_can_be_a_node_of_some_size() -> None:
    assert len(all_types()) > 500
    assert all(kind.pods > 0 for kind in all_types())


def test_an_unknown_type_is_refused_by_name() -> None:
    with pytest.raises(UnknownInstanceType, match=r"g5\.3xlarge"):
        instance_type("g5.3xlarge")
