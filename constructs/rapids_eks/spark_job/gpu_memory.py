"""How the memory of a GPU is shared between RAPIDS and XGBoost, and what RAPIDS takes at once."""

from collections.abc import Mapping, Sequence

# MiB of one GPU, by the family of instance types: https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html
_MIB: Mapping[str, int] = {
    "g4dn": 16384,
    **dict.fromkeys(("g5", "g6", "gr6"), 22888),
    "g6e": 45776,
    "p4d": 40960,
    **dict.fromkeys(("p4de", "p5"), 81920),
    **dict.fromkeys(("p5e", "p5en"), 144384),
}
POOL_SHARE = 0.6  # RAPIDS' part of a GPU; XGBoost trains with what is left, in a process of its own
_LARGEST_BATCH = 2**31 - 1  # bytes


def smallest_mib(instance_types: Sequence[str]) -> int:
    """Return the MiB of a GPU of whichever of the types has the smallest; raise ValueError for an unknown type."""
    families = [name.partition(".")[0] for name in instance_types]
    unknown = [name for name, family in zip(instance_types, families, strict=True) if family not in _MIB]
    if unknown:
        raise ValueError(f"gpu_types has {', '.join(unknown)}, without a known GPU: use sizes of {', '.join(_MIB)}")
    return min(_MIB[family] for family in families)


def batch_bytes(gpu_mib: int, tasks: int) -> int:
    """Return the bytes of a batch: a quarter of what each of the tasks that share the pool has.

    https://docs.nvidia.com/spark-rapids/user-guide/latest/tuning-guide.html#columnar-batch-size
    """
    return min(_LARGEST_BATCH, int(gpu_mib * 2**20 * POOL_SHARE / tasks / 4))
