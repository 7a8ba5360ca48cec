"""EC2's quotas of vCPUs for types with GPUs.

https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html
"""

from collections.abc import Mapping

# by what the names of types begin with: the codes of the quotas on demand and Spot
CODES: Mapping[str, tuple[str, str]] = {
    "g": ("L-DB2E81BA", "L-3819A6DF"),
    "p4": ("L-417A185B", "L-7212CCBC"),
    "p5": ("L-417A185B", "L-C4BD4855"),
}
