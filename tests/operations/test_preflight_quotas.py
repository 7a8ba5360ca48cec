"""What preflight finds of quotas: vCPUs with and without GPUs, and builds at a time."""

import pytest

import config
from operations.preflight.run import findings
from tests.operations.fake_aws import FakeAws, changed, question, quota, ready, refuses


def told(aws: FakeAws, subject: str, given: config.Blueprint | None = None) -> list[tuple[str, str, str]]:
    found = findings(question(aws, given))
    return [(each.level, each.text, each.fix) for each in found if each.subject == subject]


GPU_QUOTAS = [  # Spot vCPUs, on-demand vCPUs, levels of both; 8 GPUs of g5.2xlarge take 64
    (64, 64, ["ok", "ok"]),
    (64, 0, ["ok", "warning"]),
    (0, 64, ["warning", "ok"]),
    (32, 32, ["warning", "warning"]),
    (32, 31, ["problem", "problem"]),
    (0, 0, ["problem", "problem"]),
]


@pytest.mark.parametrize(("spot", "on_demand", "levels"), GPU_QUOTAS)
def test_gpu_quotas_are_a_problem_only_where_both_markets_together_hold_no_run(
    spot: float, on_demand: float, levels: list[str]
) -> None:
    aws = ready()
    aws.answers["service-quotas.GetServiceQuota"] = quota(L_3819A6DF=spot, L_DB2E81BA=on_demand)
    all_told = told(aws, "GPU quota")
    assert [level for level, _, _ in all_told] == levels
    fixes = [fix for _, _, fix in all_told if fix]
    assert all("--desired-value 64" in fix and "--region us-west-2" in fix for fix in fixes)
    assert ("L-DB2E81BA" in " ".join(fixes)) == (on_demand < 64)


def test_on_demand_only_asks_for_no_spot_quota() -> None:
    aws = ready()
    aws.answers["service-quotas.GetServiceQuota"] = quota(L_3819A6DF=0.0)
    assert [level for level, _, _ in told(aws, "GPU quota", changed("capacity.gpu", spot=False))] == ["ok"]


def test_p_types_count_to_quotas_of_their_own() -> None:
    aws = ready()
    aws.answers["service-quotas.GetServiceQuota"] = quota(L_417A185B=0.0, L_7212CCBC=0.0, L_C4BD4855=192.0)
    types = ("p4d.24xlarge", "p5.48xlarge")
    all_told = told(aws, "GPU quota", changed("capacity.gpu", instance_types=types))
    assert [(level, text.partition(" ")[0]) for level, text, _ in all_told] == [
        ("warning", "0"),
        ("ok", "192"),
        ("warning", "0"),
    ]


def test_a_quota_without_a_value_of_the_account_s_own_has_aws_s_default() -> None:
    aws = ready()
    aws.answers["service-quotas.GetServiceQuota"] = refuses("NoSuchResourceException")
    aws.answers["service-quotas.GetAWSDefaultServiceQuota"] = quota(L_1216C47A=5.0)
    assert [level for level, _, _ in told(aws, "vCPU quota")] == ["problem"]
    assert [level for level, _, _ in told(aws, "build quota")] == ["ok", "ok"]


@pytest.mark.parametrize(("value", "level"), [(24, "ok"), (23, "warning"), (12, "warning"), (11, "problem")])
def test_core_nodes_and_one_driver_must_find_their_vcpus(value: float, level: str) -> None:
    aws = ready()
    aws.answers["service-quotas.GetServiceQuota"] = quota(L_1216C47A=value)
    assert [each for each, _, _ in told(aws, "vCPU quota")] == [level]


@pytest.mark.parametrize(
    ("code", "says"), [("L_4DDC4A99", "Spark's driver and executors"), ("L_9D07B6EF", "the GPU metrics exporter")]
)
def test_no_concurrent_build_of_an_image_is_a_problem(code: str, says: str) -> None:
    aws = ready()
    aws.answers["service-quotas.GetServiceQuota"] = quota(**{code: 0.0})
    (problem,) = [each for each in told(aws, "build quota") if each[0] == "problem"]
    assert says in problem[1]
    assert code.replace("_", "-") in problem[2]


def test_images_that_are_ready_need_no_builds() -> None:
    aws = ready()
    aws.answers["service-quotas.GetServiceQuota"] = quota(L_4DDC4A99=0.0, L_9D07B6EF=0.0)
    ready_made = changed("image", uri="example.com/spark:1")
    exporter = ready_made.gpu_dashboard and ready_made.gpu_dashboard.model_copy(update={"image": "example.com/x:1"})
    assert told(aws, "build quota", ready_made.model_copy(update={"gpu_dashboard": exporter})) == []
    assert len(told(aws, "build quota", ready_made)) == 1
