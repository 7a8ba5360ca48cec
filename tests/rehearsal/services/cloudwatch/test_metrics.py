"""PutMetricData refuses what AWS's documentation says it refuses, and keeps how often each value was observed."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.services.cloudwatch.service import Metrics
from rehearsal.services.cloudwatch.store import Stored
from rehearsal.wire.call import Refused
from rehearsal.world import World

NOW = datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC)
MINUTE = int(NOW.timestamp()) // 60 * 60


def put(metrics: Metrics, *data: dict[str, Any], namespace: str = "EKS/c/GPU") -> Metrics:
    metrics.put(
        {"Namespace": namespace, "MetricData": [{"MetricName": "m", "Timestamp": NOW, **each} for each in data]}
    )
    return metrics


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(lambda: NOW)


def test_values_add_up_in_their_minute_however_they_come(metrics: Metrics) -> None:
    put(metrics, {"Values": [1.0, 5.0], "Counts": [3.0, 1.0]}, {"Value": 2.0}, {"Values": [7.0]})
    ((metric, minute), stored), *_ = metrics.store.table().items()
    assert (metric, minute) == (("EKS/c/GPU", "m", ()), MINUTE)
    assert stored == Stored(sum=17, count=6, lowest=1, highest=7)


def test_a_repeated_delivery_counts_twice(metrics: Metrics) -> None:
    """There is no idempotency: sums change, averages do not."""
    for _ in range(2):
        put(metrics, {"Values": [1.0, 5.0]})
    (stored,) = metrics.store.table().values()
    assert (stored.sum, stored.count) == (12, 4)


def test_each_set_of_dimensions_is_a_metric_of_its_own(metrics: Metrics) -> None:
    gpu, node = {"Name": "GPU", "Value": "0"}, {"Name": "InstanceId", "Value": "i-1"}
    put(metrics, {"Value": 1.0}, {"Value": 1.0, "Dimensions": [gpu]}, {"Value": 1.0, "Dimensions": [node, gpu]})
    put(metrics, {"Value": 1.0, "Dimensions": [gpu, node]})
    assert len(metrics.store.table()) == 3, "their order says nothing"


@pytest.mark.parametrize(
    ("datum", "said"),
    [
        ({"Value": float("nan")}, "-2\\^360 to 2\\^360"),
        ({"Value": float("inf")}, "-2\\^360 to 2\\^360"),
        ({"Value": -(2.0**361)}, "-2\\^360 to 2\\^360"),
        ({"Values": [1.0] * 151}, "1 to 150 elements, it has 151"),
        ({"Values": []}, "1 to 150 elements"),
        ({"Values": [1.0], "Counts": [1.0, 2.0]}, "same length"),
        ({"Values": [1.0], "Counts": [0.0]}, "above 0"),
        ({}, "At least one of the parameters must be specified"),
        ({"Value": 1.0, "Values": [1.0]}, "exclude"),
        ({"StatisticValues": {"SampleCount": 1}}, "the rehearsal does not know"),
        ({"Value": 1.0, "Dimensions": [{"Name": "a", "Value": "knöten"}]}, "only ASCII"),
        ({"Value": 1.0, "Dimensions": [{"Name": "a", "Value": "x\ny"}]}, "no control characters"),
        ({"Value": 1.0, "Dimensions": [{"Name": "a", "Value": "  "}]}, "non-whitespace"),
        ({"Value": 1.0, "Dimensions": [{"Name": ":a", "Value": "x"}]}, "colon"),
        ({"Value": 1.0, "Dimensions": [{"Name": "a", "Value": "x"}] * 2}, "same name twice"),
        ({"Value": 1.0, "Timestamp": NOW - timedelta(days=14, seconds=1)}, "two weeks before"),
        ({"Value": 1.0, "Timestamp": NOW + timedelta(hours=2, seconds=1)}, "two hours after"),
        ({"Value": 1.0, "StorageResolution": 10}, "1 or 60"),
        ({"Value": 1.0, "MetricName": "ü"}, "only ASCII"),
    ],
)
def test_one_bad_datum_refuses_the_whole_request(datum: dict[str, Any], said: str, metrics: Metrics) -> None:
    with pytest.raises(Refused, match=said):
        put(metrics, {"Value": 1.0}, datum)
    assert not metrics.store.table()


def test_the_limits_themselves_are_allowed(metrics: Metrics) -> None:
    put(metrics, *[{"Value": 1.0}] * 1000)
    put(metrics, {"Values": [float(each) for each in range(150)]}, {"Value": 2.0**360})
    put(
        metrics,
        {"Value": 1.0, "Timestamp": NOW - timedelta(days=14)},
        {"Value": 1, "Timestamp": NOW + timedelta(hours=2)},
    )
    assert sum(each.count for each in metrics.store.table().values()) == 1000 + 151 + 2


@pytest.mark.parametrize(
    ("data", "namespace", "said"),
    [
        ([{"Value": 1.0}] * 1001, "n", "at most 1000 elements, it has 1001"),
        ([], "n", "MetricData is required"),
        ([{"Value": 1.0}], "AWS/EC2", "must not begin with AWS/"),
        ([{"Value": 1.0, "Dimensions": [{"Name": "a", "Value": "x" * 1024}]}] * 1000, "n", "exceeded 1048576 bytes"),
    ],
)
def test_requests_are_limited_as_a_whole(
    data: list[dict[str, Any]], namespace: str, said: str, metrics: Metrics
) -> None:
    with pytest.raises(Refused, match=said):
        put(metrics, *data, namespace=namespace)


def test_the_sdks_own_client_compresses_and_is_understood(world: World) -> None:
    client, moment = world.client("cloudwatch"), time.time() // 60 * 60
    data = [
        {"MetricName": "m", "Dimensions": [{"Name": "GPU", "Value": str(each)}], "Timestamp": moment, "Value": 1.0}
        for each in range(500)
    ]
    client.put_metric_data(Namespace="EKS/c/GPU", MetricData=data)
    assert len(client.list_metrics(Namespace="EKS/c/GPU", MetricName="m")["Metrics"]) == 500
    (one,) = client.list_metrics(Dimensions=[{"Name": "GPU", "Value": "7"}])["Metrics"]
    assert one == {"Namespace": "EKS/c/GPU", "MetricName": "m", "Dimensions": [{"Name": "GPU", "Value": "7"}]}
    long = [{"Name": "GPU", "Value": "x" * 1025}]
    with pytest.raises(ClientError, match="length less than or equal to 1024"):
        client.put_metric_data(Namespace="EKS/c/GPU", MetricData=[{"MetricName": "m", "Value": 1, "Dimensions": long}])


def test_a_role_writes_only_to_the_namespace_of_its_condition(world: World) -> None:
    iam = world.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{world.account}:root"}, "Action": "sts:AssumeRole"}
    allowed = {
        "Effect": "Allow",
        "Action": "cloudwatch:PutMetricData",
        "Resource": "*",
        "Condition": {"StringEquals": {"cloudwatch:namespace": "EKS/c/GPU"}},
    }
    role = iam.create_role(RoleName="exporter", AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="exporter", PolicyName="own", PolicyDocument=document(allowed))
    world.clock.advance(timedelta(minutes=1))
    key = world.client("sts").assume_role(RoleArn=role, RoleSessionName="exporter")["Credentials"]
    client = world.client("cloudwatch", key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"])
    client.put_metric_data(Namespace="EKS/c/GPU", MetricData=[{"MetricName": "m", "Value": 1}])
    with pytest.raises(ClientError, match="not authorized to perform: cloudwatch:PutMetricData"):
        client.put_metric_data(Namespace="EKS/other/GPU", MetricData=[{"MetricName": "m", "Value": 1}])


def document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
