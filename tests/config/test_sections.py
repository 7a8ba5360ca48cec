"""The cluster, its capacity, the data, the teams and EMR: what can be chosen and what goes together."""

from datetime import date
from typing import Any

import pytest

import config
from config.cluster import SUPPORT_ENDS
from tests.config.conftest import Blueprints

ADMIN = "arn:aws:iam::111122223333:role/team/Admin"
AUTOSCALER = {"mode": "cluster-autoscaler"}
AUTOSCALED = {"network": {"zones": ["usw2-az1", "usw2-az2"]}}


def cluster(**settings: Any) -> dict[str, Any]:  # noqa: ANN401 - YAML
    return {"cluster": settings}


def capacity(**settings: Any) -> dict[str, Any]:  # noqa: ANN401 - YAML
    return {"capacity": settings}


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"name": "x" * 101}, "use 1 to 100 lower-case letters, digits and hyphens"),
        ({"name": "9lives"}, 'name: "9lives" is not allowed'),
        ({"name": "rapids-"}, 'name: "rapids-" is not allowed'),
        ({"region": "cn-north-1a"}, 'region: "cn-north-1a" is not allowed; use a region of the partitions'),
        ({"tags": {"aws:cost": "x"}}, "tags.aws:cost: is no tag key"),
        ({"tags": {"AWS:cost": "x"}}, "tags.AWS:cost: is no tag key"),
        ({"tags": {"kubernetes.io/cluster/x": "owned"}}, "is no tag key"),
        ({"tags": {"cost": "100%"}}, 'tags.cost: "100%" is not a value for a tag'),
        ({"tags": {f"tag-{number}": "x" for number in range(41)}}, "tags: has 41 entries: at most 40 allowed"),
        (cluster(version="1.34"), 'cluster.version: "1.34" is not supported here; use one of: 1.35'),
        (
            cluster(public_access_cidrs=["10.0.0.0/8"]),
            "cluster.public_access_cidrs[0]: 10.0.0.0/8 is not a public range",
        ),
        (cluster(public_access_cidrs=["192.0.2.1/32"]), "192.0.2.1/32 is not a public range"),
        (cluster(public_access_cidrs=["1.1.1.1/32"] * 2), "public_access_cidrs[1]: 1.1.1.1/32 is given twice"),
        (cluster(admins=[ADMIN, ADMIN]), f"cluster.admins[1]: {ADMIN} is given twice: keep one of them"),
        (
            cluster(admins=["arn:aws:sts::111122223333:assumed-role/A/me"]),
            "for a session of an assumed role use its role",
        ),
        (cluster(admins=["arn:aws:iam::111122223333:root"]), "use an IAM role or user like"),
        (cluster(admins=["arn:aws:iam::111122223333:role/aws-service-role/eks.amazonaws.com/X"]), "use an IAM role"),
        (cluster(admins=["arn:aws-us-gov:iam::111122223333:role/A"]), "its ARNs begin with arn:aws:"),
        (cluster(log_types=["api", "api"]), "cluster.log_types[1]: api is given twice"),
        (
            cluster(add_ons={"vpc-cni": "v1.22.4-eksbuild.3"}),
            "cluster.add_ons.vpc-cni: is not a setting; did you mean `vpc_cni`?",
        ),
        (
            cluster(add_ons={"coredns": "v1.13.2"}),
            'add_ons.coredns: "v1.13.2" is not allowed; use a version with its build',
        ),
        (
            cluster(add_ons={"kube_proxy": "v1.34.3-eksbuild.2"}),
            "cluster.add_ons.kube_proxy: v1.34.3-eksbuild.2 is not for Kubernetes 1.35: use a version v1.35.*",
        ),
        (cluster(core_nodes={"al2023_release": "1.35.2-20260930"}), "use a dated release like v20260930"),
        (
            cluster(core_nodes={"count": 1}) | {"observability": None, "gpu_dashboard": None},
            "no two of its 2 replicas share a node, so give 2 core nodes or more",
        ),
        (
            {**AUTOSCALED, "capacity": AUTOSCALER, **cluster(core_nodes={"count": 1})},
            "prometheus (210m CPU, 2098 MiB), grafana (100m CPU, 384 MiB) may find no room on the 1 core nodes",
        ),
        ({"network": {"zones": 3}}, "give 3 core nodes or more, or fewer zones"),
        (
            {"teams": [{"name": "a"}, {"name": "b"}, {"name": "c"}]},
            "or 4 of them. They hold 2 at a time of emr-job-submitter, of which each team has one",
        ),
        (
            cluster(core_nodes={"instance_types": ["m5.large"]})
            | {"teams": [{"name": "a"}, {"name": "b"}], "observability": None, "gpu_dashboard": None},
            "cluster.core_nodes: emr-job-submitter (900m CPU, 712",
        ),
        (
            capacity(gpu={"instance_types": ["g5.xlarge"]}),
            "pipeline: executor (4000m CPU, 28160 MiB, 1 GPU) cannot be placed on a gpu node of type g5.xlarge",
        ),
        (cluster(core_nodes={"instance_types": ["g5.xlarge"]}), '"g5.xlarge" is not a type of the families c, m and r'),
        (cluster(core_nodes={"instance_types": ["m7g.large"]}), "m7g.large is an ARM type"),
        (cluster(core_nodes={"instance_types": ["t3.small"]}), '"t3.small" is not a type of the families'),
        (capacity(operating_system="ubuntu"), 'capacity.operating_system: "ubuntu" needs `mode: cluster-autoscaler`'),
        (capacity(al2023_release="v20261312"), '"v20261312" is not allowed; use a dated release like v20260930'),
        (
            capacity(driver={"max_vcpus": 2, "instance_types": ["m5.xlarge"]}),
            "m5.xlarge has 4 vCPUs and could never start: raise max_vcpus (2)",
        ),
        (
            capacity(gpu={"instance_types": ["g5.12xlarge"], "max_gpus": 3}),
            "g5.12xlarge has 4 GPUs and could never start",
        ),
        (
            capacity(gpu={"instance_types": ["g5.2xlagre"]}),
            '"g5.2xlagre" is no supported GPU type; did you mean g5.2xlarge?',
        ),
        (
            {**AUTOSCALED, **capacity(**AUTOSCALER, expire_after_hours=24)},
            "capacity.expire_after_hours: is for Karpenter only",
        ),
        (
            {**AUTOSCALED, **capacity(**AUTOSCALER, termination_grace_minutes=10)},
            "capacity.termination_grace_minutes: is for Karpenter only",
        ),
        (capacity(**AUTOSCALER), "network.zones: a number of zones could mean one without the GPU types"),
        (capacity(gpu={"mig_strategy": "single", "mig_profile": "all-1g.5gb"}), "GPUs of g5.2xlarge cannot be partit"),
        (capacity(gpu={"mig_profile": "all-1g.5gb"}), "capacity.gpu.mig_profile: and mig_strategy go together"),
        (capacity(gpu={"instance_types": ["m5.xlarge"]}), "use sizes of g4dn, g5, g6, g6e, gr6, p4d, p4de, p5"),
        (
            {**AUTOSCALED, **capacity(**AUTOSCALER, gpu={"instance_types": ["g5.2xlarge", "g5.4xlarge"]})},
            "capacity.gpu.instance_types[1]: g5.4xlarge is not like g5.2xlarge",
        ),
        (
            {**AUTOSCALED, **capacity(**AUTOSCALER, driver={"instance_types": ["m5.xlarge", "m5.2xlarge"]})},
            "capacity.driver.instance_types[1]: m5.2xlarge is not like m5.xlarge",
        ),
        ({"data": {"bucket": "My_Bucket"}}, 'data.bucket: "My_Bucket" is not allowed; use 3 to 63 lower-case letters'),
        ({"data": {"bucket": "mine", "keep": False}}, "data.keep: false would delete mine, which was there before"),
        ({"teams": [{"name": "kube-system"}]}, 'teams[0].name: "kube-system" is a namespace of the system'),
        ({"teams": [{"name": "karpenter"}]}, '"karpenter" is a namespace of the system: choose another name'),
        ({"teams": [{"name": "Team"}]}, "use 1 to 63 lower-case letters, digits and hyphens"),
        ({"teams": [{"name": "team-1"}, {"name": "team1"}]}, '"team1" and the team "team-1" would share the names of'),
        ({"tags": {"Cost": "1", "cost": "2"}}, 'tags.cost: differs from "Cost" in case only'),
        (capacity(gpu={"mig_strategy": "mixed"}), "mig_strategy"),
        (capacity(ubuntu_release="2026"), '"2026" is not allowed; use current, or a date like 20260915'),
        ({"teams": [{"name": "a"}, {"name": "a"}]}, 'teams[1].name: "a" and the team "a" would share the names'),
        (
            {"teams": [{"name": "a", "quota": {"gpus": 9}}]},
            "teams[0].quota.gpus: 9 GPUs are more than capacity.gpu.max_gpus (8): lower this or raise that",
        ),
        (
            {"emr": {"release": "emr-7.3.0-spark-rapids-latest"}},
            "emr.release: release is emr-7.3.0-spark-rapids-latest, but XGBoost on GPUs needs Spark 3.5.1: use emr-7.4",
        ),
        ({"emr": {"release": "emr-7.13.0-latest"}}, '"emr-7.13.0-latest" is not allowed; use a release label like'),
        ({"pipeline": {"team": "b"}}, 'pipeline.team: "b" is none of the teams: use one of team-a'),
        (
            {"pipeline": {"executors": 9}},
            "pipeline.executors: 9 executors, driver and submitter ask for 9 GPUs, and team-a may have 8: use fewer",
        ),
        (
            {"teams": [{"name": "a", "quota": {"vcpus": 34}}]},
            "8 executors, driver and submitter ask for 35 vCPUs, and a may have 34: use fewer, or raise its quota",
        ),
        (
            {"teams": [{"name": "a", "quota": {"memory_gib": 64}}]},
            "GiB of memory, and a may have 64: use fewer, or raise its quota",
        ),
        ({"pipeline": {"executor_heap_gib": 17}}, "pipeline: executor ("),
        ({"pipeline": {"conf": {"spark.rapids.memory.pinnedPool.size": "4g"}}}, "pipeline: conf"),
        (
            {"emr": {"release": "emr-spark-8.0.0"}},
            '"emr-spark-8.0.0" is not allowed; use a release label like emr-7.13.0',
        ),
    ],
)
def test_what_cannot_be_is_refused(sections: dict[str, Any], said: str, blueprints: Blueprints) -> None:
    assert said in blueprints.refusal(**sections)


@pytest.mark.parametrize(
    "sections",
    [
        {"name": "x" * 100},
        {"region": "us-gov-west-1", "cluster": {"admins": ["arn:aws-us-gov:iam::111122223333:user/me"]}},
        {"tags": {"cost centre": "team a", "Name:x/y": ""}},
        cluster(public_access_cidrs=["0.0.0.0/0"]),
        cluster(public_access_cidrs=["52.94.1.0/24", "1.1.1.1/32"], log_types=[], admins=[ADMIN]),
        {**AUTOSCALED, "capacity": {**AUTOSCALER, "operating_system": "ubuntu"}, **cluster(core_nodes={"count": 2})},
        {
            **AUTOSCALED,
            "capacity": AUTOSCALER,
            **cluster(core_nodes={"count": 1}),
            "observability": None,
            "gpu_dashboard": None,
        },
        {"teams": [{"name": "a"}, {"name": "b"}, {"name": "c"}], **cluster(core_nodes={"count": 4})},
        {"network": {"zones": 3}, **cluster(core_nodes={"count": 3})},
        {**AUTOSCALED, "capacity": {**AUTOSCALER, "gpu": {"instance_types": ["g5.2xlarge", "g6.2xlarge"]}}},
        capacity(gpu={"instance_types": ["p4d.24xlarge"], "mig_strategy": "single", "mig_profile": "all-1g.5gb"}),
        capacity(expire_after_hours=None),
        {"data": {"bucket": "mine"}},
        {"emr": {"release": "emr-7.4.0-spark-rapids-latest"}},
        {"pipeline": None},
        {"pipeline": None, **capacity(gpu={"instance_types": ["g5.xlarge"]})},
        {"teams": [{"name": "data"}, {"name": "bootstrap-version"}]},
        {
            "pipeline": {
                "executors": 1,
                "arguments": ["--rounds", "500"],
                "conf": {"spark.sql.shuffle.partitions": "64"},
            }
        },
        {"teams": [{"name": "a", "quota": {"gpus": 2}}]},
        {"emr": {"release": "emr-10.0.0-spark-rapids-20281231"}},
    ],
)
def test_what_can_be_is_read(sections: dict[str, Any], blueprints: Blueprints) -> None:
    assert blueprints.refusals(**sections) == []


def test_the_api_is_private_unless_ranges_are_typed(blueprints: Blueprints) -> None:
    assert blueprints.read().cluster.public_access_cidrs == ()


def test_the_end_of_support_of_the_version_is_known(blueprints: Blueprints) -> None:
    assert blueprints.read().cluster.support_ends == date(2027, 3, 27)
    assert list(SUPPORT_ENDS) == sorted(SUPPORT_ENDS)


def test_the_region_tells_the_partition(blueprints: Blueprints) -> None:
    assert blueprints.read().partition == "aws"
    assert blueprints.read(region="us-gov-east-1").partition == "aws-us-gov"


def test_a_blueprint_cannot_be_changed(blueprints: Blueprints) -> None:
    with pytest.raises(ValueError, match="frozen"):
        blueprints.read().capacity.gpu.max_gpus = 9


def test_sections_made_in_python_are_checked_like_those_of_a_file() -> None:
    with pytest.raises(ValueError, match="raise max_gpus"):
        config.GpuNodes(instance_types=("p4d.24xlarge",), max_gpus=7)


@pytest.mark.parametrize(("gpus", "executors"), [(1, 1), (3, 3), (8, 8), (100, 8)])
def test_a_run_takes_no_more_executors_than_its_team_may_have_gpus(gpus: int, executors: int) -> None:
    blueprint = config.Blueprint.model_validate(
        {
            "name": "a",
            "region": "us-west-2",
            "capacity": {"gpu": {"max_gpus": 100}},
            "network": {"pod_cidr": "100.64.0.0/16"},
            "teams": [{"name": "a", "quota": {"gpus": gpus}}],
        }
    )
    assert blueprint.job(blueprint.teams[0], "image").executor_count == executors


@pytest.mark.parametrize(
    ("profile", "slices"), [(None, 1), ("all-1g.10gb", 7), ("all-2g.20gb", 3), ("all-3g.40gb", 2), ("all-balanced", 7)]
)
def test_a_gpu_is_cut_into_as_many_partitions_as_have_room(profile: str | None, slices: int) -> None:
    given: dict[str, Any] = {"mig_strategy": "single", "mig_profile": profile} if profile else {}
    assert (
        config.Capacity.model_validate({"gpu": {"instance_types": ("p4d.24xlarge",), **given}}).gpu.most_slices
        == slices
    )
