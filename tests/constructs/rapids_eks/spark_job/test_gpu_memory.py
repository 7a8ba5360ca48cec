"""How the memory of GPUs is shared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.ec2.models.instance_types import INSTANCE_TYPES

from config.instance_types import GPUS
from rapids_eks.spark_job.gpu_memory import POOL_SHARE, batch_bytes, smallest_mib


@pytest.mark.parametrize("name", [name for name in GPUS if name in INSTANCE_TYPES])
def test_a_gpu_has_what_ec2_tells(name: str) -> None:
    (told,) = INSTANCE_TYPES[name]["GpuInfo"]["Gpus"]
    assert smallest_mib([name]) == told["MemoryInfo"]["SizeInMiB"]


def test_every_type_that_the_settings_allow_is_known() -> None:
    assert smallest_mib(list(GPUS)) == 16384


def test_an_unknown_type_is_refused_by_its_name() -> None:
    with pytest.raises(ValueError, match=r"gpu_types has m5.xlarge, without a known GPU"):
        smallest_mib(["g5.xlarge", "m5.xlarge"])


@given(st.integers(1000, 200_000), st.integers(1, 16))
def test_four_batches_of_every_task_fit_into_rapids_part_of_a_gpu(gpu_mib: int, tasks: int) -> None:
    batch = batch_bytes(gpu_mib, tasks)
    assert 4 * batch * tasks <= POOL_SHARE * gpu_mib * 2**20
    assert 0 < batch < 2**31


def test_xgboost_has_what_the_facts_say_it_needs_of_a_gpu() -> None:
    assert POOL_SHARE <= 0.6


def test_one_task_gets_the_largest_batch_on_24_gb_and_four_get_a_quarter_of_the_pool_each() -> None:
    assert batch_bytes(22888, 1) == 2**31 - 1
    assert batch_bytes(22888, 4) == int(22888 * 2**20 * 0.6) // 16
