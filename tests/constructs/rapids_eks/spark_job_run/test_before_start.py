"""What is looked at before a run is started."""

import json

import pytest

from tests.constructs.rapids_eks.spark_job_run.world import World, request


@pytest.mark.parametrize(
    ("objects", "says"),
    [
        ({}, "holds no files: upload"),
        ({"input/_SUCCESS": b"", "input/manifest.json": b"{}", "input/sub/2020Q1.csv": b"|"}, "holds no files"),
        ({"input/2020Q1.csv.gz": b"x"}, "2020Q1.csv.gz is compressed: unpack it"),
        ({"input/a.parquet": b"x"}, "a.parquet is no loan file"),
        ({"input/2020Q1.csv": b""}, "2020Q1.csv is empty"),
        ({"input/2020Q1.csv": b"PK\x03\x04 |"}, "compressed in spite of its name"),
        ({"input/2020Q1.csv": b"a,b\n|"}, "has no '|' in its first row"),
        ({"input/2020Q1.csv": b"|" * 309 * 1021}, "about 1021 rows (309 bytes each), but the executors have memory"),
        ({f"input/{n}.zip": b"x" for n in range(9)}, "(and 6 more)"),
    ],
)
def test_input_that_cannot_be_read_starts_nothing(objects: dict[str, bytes], says: str) -> None:
    world = World()
    world.s3.objects = objects
    found = world.look(request())
    assert says in found["failed"]
    assert not world.emr.records
    assert not world.s3.written


def test_input_that_the_job_reads_is_taken() -> None:
    world = World()
    world.s3.objects = {"input/2020Q1.csv": b"|" * 309 * 1020, "input/b.TXT": b"|\n", "input/_x.gz": b""}
    assert world.look(request())["left"] == ["job run 0, which has just been started"]


def test_a_quota_that_is_too_small_starts_nothing() -> None:
    world = World()
    world.quotas.value = 4
    failed = world.look(request())["failed"]
    assert "need 8 vCPUs of GPU instances (1 executor), but the EC2 quota L-1 is 4" in failed
    assert "request-service-quota-increase --service-code ec2 --quota-code L-1 --desired-value 8" in failed
    assert not world.emr.records


@pytest.mark.parametrize(("value", "codes"), [(8, ["L-1"]), (4, ["L-1", "L-2"]), (-1, ["L-1"]), (0, [])])
def test_quotas_that_are_enough_together_or_unknown_are_no_obstacle(value: float, codes: list[str]) -> None:
    world = World()
    world.quotas.value = value
    world.look(request(Quotas=json.dumps({"vcpus": 8, "codes": codes, "why": ""})))
    assert len(world.emr.records) == 1
