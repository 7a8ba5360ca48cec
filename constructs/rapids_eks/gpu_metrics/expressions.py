"""PromQL over the DCGM exporter's fields, whatever version of the exporter has published them."""

from rapids_eks.gpu_metrics.counters import RENAMED

BLANK = 2147483632  # the least of the numbers by which DCGM says that it has none
GPU = ("cluster", "node", "gpu", "UUID", "modelName")  # what tells one GPU from another
SLICE = (*GPU, "GPU_I_ID", "GPU_I_PROFILE")  # the same of what pods are given: a GPU, or an instance of MIG


def measured(name: str, selector: str = "", offset: str = "") -> str:
    """Return the field in the unit of exporter 4.8, from either version's series; `offset` is how long ago it was.

    A ratio of more than 1 is a percentage already: DCGM before 4.7 knew the new names, and kept the old numbers.
    """
    selected = (f"{{{selector}}}" if selector else "") + (f" offset {offset}" if offset else "")
    old = f"{name}{selected} < {BLANK}"
    if name not in RENAMED:
        return f"({old})"
    new, factor = f"{RENAMED[name].field}{selected}", RENAMED[name].factor
    if factor == 100:  # noqa: PLR2004 - percent of a ratio
        return f"({old} or 100 * ({new} <= 1) or {new} < {BLANK})"
    return f"({old} or {new} * {factor!r})" if factor != 1 else f"({old} or {new} < {BLANK})"


def names(field: str) -> tuple[str, ...]:
    """Return under which names the exporter has published a field, the oldest first."""
    return (field, RENAMED[field].field) if field in RENAMED else (field,)


def each(labels: tuple[str, ...], expression: str) -> str:
    """Return the largest of what has the same labels: a GPU in time slices, or cut up by MIG, is told many times."""
    return f"max by ({', '.join(labels)}) ({expression})"


def bits(mask: str, *of: int) -> str:
    """Return how many of these bits are set; PromQL knows no masks."""
    return " + ".join(f"floor({mask} / {bit}) % 2" for bit in of)
