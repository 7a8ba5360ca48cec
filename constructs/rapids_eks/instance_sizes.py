"""What EC2's instance types have, so that a synth need not ask AWS: vCPUs, memory, GPUs, and pods by their addresses.

https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-types.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_NAME = re.compile(r"(?P<family>(?P<kind>[cmrt])(?P<generation>\d)[a-z-]*)\.(?P<size>large|\d*xlarge)")
_GIB_PER_VCPU = {"c": 2.0, "m": 4.0, "r": 8.0, "t": 4.0, "c5n": 2.625}
_OTHER_GIB = {"c5n.9xlarge": 96.0, "c5n.18xlarge": 192.0}
_EIGHTH = {2: 59, 4: 118, 8: 118, 16: 394, 32: 492, 48: 590, 64: 1010}
# vCPUs -> pods, each of which has an address of one of the instance's interfaces. A type takes the entry of its vCPUs
# or of the next smaller number.
_PODS: Mapping[str, Mapping[int, int]] = {
    "older": {2: 29, 4: 58, 8: 58, 12: 234, 48: 234, 64: 737},
    "c6in m6in m6idn r6in r6idn": {2: 29, 4: 58, 8: 58, 16: 234, 48: 234, 64: 737, 128: 786},
    "c8a m8a r8a": {2: 59, 4: 78, 8: 158, 16: 314, 32: 392, 48: 758, 64: 1010, 192: 1514},
    "c8i c8i-flex c8id m8i m8i-flex m8id r8i r8i-flex r8id": _EIGHTH | {128: 1514},
    "c8ib c8in c8ine m8ib m8idb m8idn m8in m8ine r8ib r8idb r8idn r8in": _EIGHTH | {2: 78, 32: 394, 192: 1514},
    "m5zn": {2: 29, 4: 58, 8: 58, 12: 234, 48: 737},
    "m8azn": {2: 78, 4: 78, 12: 314, 48: 1010},
    "t3 t3a": {2: 35, 4: 58},
}
_PODS_OF_FAMILY = {family: pods for families, pods in _PODS.items() for family in families.split()}


@dataclass(frozen=True)
class InstanceSize:
    """One type: its vCPUs, its memory in GiB, its GPUs, and the pods that it has addresses for."""

    vcpus: int
    memory_gib: float
    pods: int
    gpus: int = 0


_SIZES = (1, 2, 4, 8, 16)  # of a GPU type in units of xlarge, one GPU each
_GPU_TYPES: Mapping[str, InstanceSize] = {
    **{f"g4dn.{n}": InstanceSize(4 * n, 16 * n, 29 if n < 8 else 58, 1) for n in _SIZES},  # noqa: PLR2004 - a size
    **{f"g5.{n}": InstanceSize(4 * n, 16 * n, 58 if n < 4 else 234, 1) for n in _SIZES},  # noqa: PLR2004 - a size
    **{f"g6.{n}": InstanceSize(4 * n, 16 * n, {1: 58, 2: 58, 16: 737}.get(n, 234), 1) for n in _SIZES},
    **{f"g6e.{n}": InstanceSize(4 * n, 32 * n, {1: 58, 2: 58, 16: 737}.get(n, 234), 1) for n in _SIZES},
    **{f"gr6.{n}": InstanceSize(4 * n, 32 * n, 234, 1) for n in (4, 8)},
    "g4dn.12": InstanceSize(48, 192, 234, 4),
    "g5.12": InstanceSize(48, 192, 737, 4),
    "g5.24": InstanceSize(96, 384, 737, 4),
    "g5.48": InstanceSize(192, 768, 345, 8),
    "g6.12": InstanceSize(48, 192, 234, 4),
    "g6.24": InstanceSize(96, 384, 737, 4),
    "g6.48": InstanceSize(192, 768, 737, 8),
    "g6e.12": InstanceSize(48, 384, 292, 4),
    "g6e.24": InstanceSize(96, 768, 982, 4),
    "g6e.48": InstanceSize(192, 1536, 1962, 8),
    "p4d.24": InstanceSize(96, 1152, 2942, 8),
    "p4de.24": InstanceSize(96, 1152, 2942, 8),
    "p5.4": InstanceSize(16, 256, 118, 1),
    **{f"{family}.48": InstanceSize(192, 2048, 3138, 8) for family in ("p5", "p5e", "p5en")},
}


def instance_size(name: str) -> InstanceSize:
    """Return what an x86_64 type of the families c, m, r and t, or one with NVIDIA's GPUs, has.

    Raises ValueError where nothing is known of it.
    """
    short = name.replace(".xlarge", ".1").removesuffix("xlarge")
    if short in _GPU_TYPES:
        return _GPU_TYPES[short]
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError(
            f'Nothing is known of the instance type "{name}": use one of the families c, m, r or t, like m5.xlarge, '
            "or one with NVIDIA's GPUs, like g5.2xlarge"
        )
    vcpus = 2 if found["size"] == "large" else 4 * int(found["size"].removesuffix("xlarge") or 1)
    memory = _OTHER_GIB.get(name, vcpus * _GIB_PER_VCPU.get(found["family"], _GIB_PER_VCPU[found["kind"]]))
    pods = _PODS_OF_FAMILY.get(found["family"], _PODS["older"])
    return InstanceSize(vcpus, memory, pods[max(size for size in pods if size <= vcpus)])
