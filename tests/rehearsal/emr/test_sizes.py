import pytest

from rehearsal.emr.sizes import BadSetting, check, executors, gpus, mebibytes, memory, resources


@pytest.mark.parametrize(
    ("text", "size"), [("512", 512), ("4g", 4096), ("1G", 1024), ("2048k", 2), ("1t", 1048576), ("10GB", 10240)]
)
def test_sizes_are_read_as_spark_reads_them(text: str, size: int) -> None:
    assert mebibytes(text) == size


@pytest.mark.parametrize("text", ["", "4 gibibytes", "1.5g", "-1g"])
def test_a_size_that_spark_cannot_read_is_refused(text: str) -> None:
    with pytest.raises(BadSetting, match="Failed to parse byte string"):
        mebibytes(text)


@pytest.mark.parametrize(
    ("conf", "python", "size"),
    [
        ({"spark.executor.memory": "16g"}, True, 16384 + 6553),
        ({"spark.executor.memory": "16g"}, False, 16384 + 1638),
        ({"spark.executor.memory": "512m"}, True, 512 + 384),
        ({"spark.executor.memory": "16g", "spark.executor.memoryOverhead": "12g"}, True, 28672),
        ({"spark.executor.memory": "10g", "spark.kubernetes.memoryOverheadFactor": "0.2"}, True, 12288),
        ({"spark.executor.memory": "1g", "spark.executor.pyspark.memory": "2g"}, True, 1024 + 409 + 2048),
        ({"spark.executor.memory": "1g", "spark.executor.pyspark.memory": "2g"}, False, 1024 + 384),
        ({"spark.memory.offHeap.enabled": "true", "spark.memory.offHeap.size": "1g"}, False, 1024 + 384 + 1024),
    ],
)
def test_an_executor_asks_for_heap_and_what_lies_beside_it(conf: dict[str, str], python: bool, size: int) -> None:
    assert memory(conf, "executor", python=python) == size


def test_gpus_become_a_resource_of_kubernetes() -> None:
    conf = {"spark.executor.resource.gpu.amount": "1", "spark.executor.resource.gpu.vendor": "nvidia.com"}
    assert resources(conf, "executor", python=True)["limits"]["nvidia.com/gpu"] == "1"
    assert gpus(conf, "driver") == {}


def test_gpus_without_a_vendor_are_refused_in_spark_s_words() -> None:
    with pytest.raises(BadSetting, match="vendor was not specified"):
        gpus({"spark.executor.resource.gpu.amount": "1"}, "executor")


@pytest.mark.parametrize(
    ("conf", "count"),
    [
        ({}, 2),
        ({"spark.executor.instances": "8"}, 8),
        ({"spark.dynamicAllocation.enabled": "true"}, 0),
        ({"spark.dynamicAllocation.enabled": "true", "spark.dynamicAllocation.minExecutors": "3"}, 3),
    ],
)
def test_a_driver_starts_with_as_many_executors_as_spark_says(conf: dict[str, str], count: int) -> None:
    assert executors(conf) == count


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("spark.executor.cores", "banana", "Executor cores must be a positive number"),
        ("spark.driver.cores", "0", "Driver cores must be a positive number"),
        ("spark.executor.instances", "two", "Number of executors must be a positive number"),
        ("spark.executor.memory", "0g", "Executor memory must be a positive number"),
        ("spark.driver.memory", "much", "Failed to parse byte string"),
        ("spark.dynamicAllocation.enabled", "perhaps", "should be boolean"),
    ],
)
def test_a_size_that_is_none_ends_the_submission(key: str, value: str, says: str) -> None:
    """Guards against runs that wait for ever for executors that no API server takes."""
    check({"spark.executor.cores": "4", "spark.executor.instances": "2"})
    with pytest.raises(BadSetting, match=says):
        check({key: value})


@pytest.mark.parametrize(
    ("conf", "says"),
    [
        ({"spark.executor.resource.gpu.amount": "one", "spark.executor.resource.gpu.vendor": "nvidia.com"}, "be int"),
        ({"spark.executor.memoryOverheadFactor": "half"}, "should be double"),
    ],
)
def test_a_number_that_is_none_is_refused_in_spark_s_words(conf: dict[str, str], says: str) -> None:
    with pytest.raises(BadSetting, match=says):
        resources(conf, "executor", python=True)
