"""Names and identifiers as AWS and Kubernetes allow them."""

from typing import Annotated

from pydantic import BeforeValidator

from config.section import Shape
from config.zones import REGION, ZONE_NAME


def _digits(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


ClusterName = Annotated[
    str,
    Shape(
        r"[a-z](?:[a-z0-9-]{0,98}[a-z0-9])?",
        "1 to 100 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen",
    ),
]
Region = Annotated[str, Shape(REGION, "a region of the partitions aws and aws-us-gov, like us-west-2 or us-gov-west-1")]
Account = Annotated[str, BeforeValidator(_digits), Shape(r"\d{12}", "12 digits")]
Namespace = Annotated[
    str,
    Shape(
        r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?",
        "1 to 63 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen",
    ),
]
Bucket = Annotated[
    str,
    Shape(
        r"(?!xn--|sthree-|amzn-s3-demo-)[a-z0-9](?!.*--.*-s3)[a-z0-9-]{1,61}[a-z0-9]",
        "3 to 63 lower-case letters, digits and hyphens; names with dots break TLS",
    ),
]
# EKS refuses the account's root, sessions and service-linked roles:
# https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html
Principal = Annotated[
    str,
    Shape(
        r"arn:aws(?:-us-gov)?:iam::\d{12}:(?:user|role)/(?!aws-service-role/)[\w+=,.@/-]+",
        "an IAM role or user like arn:aws:iam::111122223333:role/Admin; for a session of an assumed role use its role",
    ),
]
VpcId = Annotated[str, Shape(r"vpc-[0-9a-f]{8}(?:[0-9a-f]{9})?", "an id like vpc-0123456789abcdef0")]
SubnetId = Annotated[str, Shape(r"subnet-[0-9a-f]{8}(?:[0-9a-f]{9})?", "an id like subnet-0123456789abcdef0")]
ZoneName = Annotated[str, Shape(ZONE_NAME, "the name of an Availability Zone like us-west-2a")]
# The releases of the images: https://github.com/awslabs/amazon-eks-ami/releases
ImageRelease = Annotated[
    str, Shape(r"v20\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])", "a dated release like v20260930")
]
