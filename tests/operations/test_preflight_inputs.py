"""What preflight finds of the input of a run."""

from io import BytesIO

import pytest

import config
from operations.preflight.run import findings
from tests.operations.fake_aws import FakeAws, changed, missing_stack, question, ready

FILES = "emr-ml-team-a/spark-rapids-emr/input/fannie-mae-single-family-loan-performance"


def told(aws: FakeAws, given: config.Blueprint | None = None) -> list[tuple[str, str, str]]:
    found = findings(question(aws, given))
    return [(each.level, each.text, each.fix) for each in found if each.subject == "input"]


def with_files(*files: tuple[str, int], start: bytes = b"|100|012020|\n") -> FakeAws:
    aws = ready()
    resources = [("AWS::EMRContainers::VirtualCluster", "vc"), ("AWS::S3::Bucket", "the-data")]
    aws.answers["cloudformation.ListStackResources"] = {
        "StackResourceSummaries": [{"ResourceType": kind, "PhysicalResourceId": name} for kind, name in resources]
    }
    aws.answers["s3.ListObjectsV2"] = lambda asked: {
        "Contents": [{"Key": asked["Prefix"] + name, "Size": size} for name, size in files]
    }
    aws.answers["s3.GetObject"] = lambda _: {"Body": BytesIO(start)}
    return aws


def test_input_that_a_run_can_read_is_told() -> None:
    (finding,) = told(with_files(("2020Q1.csv", 10**9)))
    assert finding[0] == "ok"
    assert f"s3://the-data/{FILES}/" in finding[1]


@pytest.mark.parametrize(
    ("aws", "words"),
    [
        (with_files(), f"s3://the-data/{FILES}/ holds no files"),
        (with_files(("2020Q1.zip", 10**9)), "2020Q1.zip is compressed"),
        (with_files(("2020Q1.csv", 10**9), start=b"a,b,c\n"), "2020Q1.csv has no '|'"),
        (with_files(("2020Q1.csv", 10**13)), "have about 32362459546 rows"),
    ],
)
def test_input_that_would_stop_a_run_is_named_before_it_costs_anything(aws: FakeAws, words: str) -> None:
    ((level, text, fix),) = told(aws)
    assert (level, words in text) == ("warning", True), text
    assert "before `make run`" in fix


def test_a_bucket_that_is_given_is_looked_into_before_the_first_deployment() -> None:
    aws = with_files()
    aws.answers |= {"cloudformation.ListStackResources": missing_stack, "s3.GetBucketLocation": {}}
    aws.answers["s3.GetBucketLocation"] = {"LocationConstraint": "us-west-2"}
    assert "s3://mine/" in told(aws, changed("data", bucket="mine"))[0][1]
    assert told(ready()) == [], "without any bucket there is nothing to look into"
