"""Where a dashboard is to be seen."""

import aws_cdk as cdk
import pytest

from rapids_eks.gpu_dashboard.construct import GpuDashboard


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-west-2", "console.aws.amazon.com"),
        ("us-gov-west-1", "console.amazonaws-us-gov.com"),
        ("cn-north-1", "console.amazonaws.cn"),
    ],
)
def test_each_partition_has_a_console_of_its_own(region: str, host: str) -> None:
    stack = cdk.Stack(None, "Stack", env=cdk.Environment(account="1" * 12, region=region))
    url = GpuDashboard(stack, "Dashboard", name="gpus", rows=[]).url
    assert url == f"https://{host}/cloudwatch/home?region={region}#dashboards/dashboard/gpus"
