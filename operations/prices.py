"""AWS's published prices in US dollars, without taxes and discounts, as they were on a day.

On-demand Linux: https://aws.amazon.com/ec2/pricing/on-demand/, as Karpenter's own table of that day has them:
https://github.com/aws/karpenter-provider-aws/blob/main/pkg/providers/pricing/zz_generated.pricing_aws.go
"""

from collections.abc import Mapping
from datetime import date

from config.instance_types import vcpus

AS_OF = date(2026, 7, 20)
SOURCE = "https://aws.amazon.com/ec2/pricing/on-demand/"
# In all three everything here costs the same; of other regions nothing is told rather than guessed.
REGIONS = ("us-east-1", "us-east-2", "us-west-2")

HOURS = 730.0  # of a month, as AWS reckons
CONTROL_PLANE, CONTROL_PLANE_EXTENDED = 0.10, 0.60  # an hour: https://aws.amazon.com/eks/pricing/
NAT_GATEWAY = 0.045  # an hour, with none of the traffic: https://aws.amazon.com/vpc/pricing/
PUBLIC_ADDRESS = 0.005  # an hour: https://aws.amazon.com/vpc/pricing/
INTERFACE_ENDPOINT = 0.01  # an hour and zone: https://aws.amazon.com/privatelink/pricing/
VOLUME = 0.08  # a GiB of gp3 and month: https://aws.amazon.com/ebs/pricing/
KEY = 1.0  # a month: https://aws.amazon.com/kms/pricing/
# What EMR on EKS adds for what its pods request, an hour: https://aws.amazon.com/emr/pricing/
EMR_VCPU, EMR_GIB = 0.01012, 0.00111125

# A GPU type's price of an hour, by its size. Of p5e none is published: it is sold in Capacity Blocks.
_GPU_TYPES = """
g4dn  xlarge 0.526  2xlarge 0.752  4xlarge 1.204  8xlarge 2.176  12xlarge 3.912  16xlarge 4.352
g5    xlarge 1.006  2xlarge 1.212  4xlarge 1.624  8xlarge 2.448  12xlarge 5.672  16xlarge 4.096
g5    24xlarge 8.144  48xlarge 16.288
g6    xlarge 0.8048  2xlarge 0.9776  4xlarge 1.3232  8xlarge 2.0144  12xlarge 4.6016  16xlarge 3.3968
g6    24xlarge 6.6752  48xlarge 13.3504
g6e   xlarge 1.861  2xlarge 2.24208  4xlarge 3.00424  8xlarge 4.52856  12xlarge 10.49264  16xlarge 7.57719
g6e   24xlarge 15.06559  48xlarge 30.13118
gr6   4xlarge 1.5392  8xlarge 2.4464
p4d   24xlarge 21.957642
p4de  24xlarge 27.44705
p5    4xlarge 6.88  48xlarge 55.04
p5en  48xlarge 63.296
"""
# Of the other types a family's sizes cost the same for each vCPU and hour.
_VCPU = """
c5 0.0425  c5a 0.0385  c5ad 0.043  c5d 0.048  c5n 0.054  c6a 0.03825  c6i 0.0425  c6id 0.0504  c6in 0.0567
c7a 0.05132  c7i 0.044625  c8a 0.053885  c8i 0.046855
m5 0.048  m5a 0.043  m5ad 0.0515  m5d 0.0565  m5dn 0.068  m5n 0.0595  m6a 0.0432  m6i 0.048  m6id 0.059325
m6idn 0.07956  m6in 0.069615  m7a 0.05796  m7i 0.0504  m7i-flex 0.04788  m8a 0.06086  m8i 0.05292  m8i-flex 0.050275
r5 0.063  r5a 0.0565  r5ad 0.0655  r5b 0.0745  r5d 0.072  r5dn 0.0835  r5n 0.0745  r6a 0.0567  r6i 0.063  r6id 0.0756
r6idn 0.097695  r6in 0.087165  r7a 0.076075  r7i 0.06615  r7iz 0.093  r8a 0.07988  r8i 0.06946  r8i-flex 0.065985
t3 0.0416  t3a 0.0376
"""


def _pairs(words: list[str]) -> dict[str, float]:
    return {name: float(price) for name, price in zip(words[::2], words[1::2], strict=True)}


_OF_GPU_TYPE: Mapping[str, float] = {
    f"{family}.{size}": price
    for family, *sizes in (line.split() for line in _GPU_TYPES.strip().split("\n"))
    for size, price in _pairs(sizes).items()
}
_OF_VCPU: Mapping[str, float] = _pairs(_VCPU.split())


def on_demand(instance_type: str) -> float | None:
    """Return what an hour of an instance type costs in the regions above; None where that is not known."""
    family = instance_type.partition(".")[0]
    if family in _OF_VCPU:
        return vcpus(instance_type) * _OF_VCPU[family]
    return _OF_GPU_TYPE.get(instance_type)
