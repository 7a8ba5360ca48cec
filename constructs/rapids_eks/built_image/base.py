"""The registry that a base image lies in: how a build logs in there, and what it must be allowed."""

import re
from dataclasses import dataclass

PUBLIC = "public.ecr.aws/"
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html
PRIVATE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com/(?P<name>[a-z0-9._/-]+)(?:[:@].+)?"
)
PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
# Without a login Amazon's public registry serves an address one image a second, and builds share theirs; outside the
# commercial partition it knows no login: https://docs.aws.amazon.com/AmazonECR/latest/public/public-service-quotas.html
ANONYMOUS = "echo 'No login to the public registry: images are pulled anonymously'"


@dataclass(frozen=True)
class Base:
    """An image by its name, with a tag or a digest. ValueError refuses what is neither."""

    image: str

    def __post_init__(self) -> None:
        """Refuse a name that docker would complete by `latest` without a word."""
        if not re.fullmatch(r"[^\s:@'\"$]+(?::\d+)?/[^\s:@'\"$]+(?::[\w.-]{1,128}|@sha256:[0-9a-f]{64})", self.image):
            allowed = "REGISTRY/NAME:TAG or REGISTRY/NAME@sha256:DIGEST"
            raise ValueError(
                f'base_image is "{self.image}": give {allowed}, like {PUBLIC}emr-on-eks/spark/emr-7.13.0:latest'
            )

    @property
    def repository(self) -> str | None:
        """Ending of the ARN, after the partition, of its repository in a private registry of ECR; None elsewhere."""
        found = PRIVATE.fullmatch(self.image)
        return f"ecr:{found['region']}:{found['account']}:repository/{found['name']}" if found else None

    @property
    def public(self) -> bool:
        """Whether it lies in Amazon's public registry."""
        return self.image.startswith(PUBLIC)

    @property
    def login(self) -> str:
        """The shell command that logs in."""
        enter = "docker login --username AWS --password-stdin"
        if self.public:
            return f"aws ecr-public get-login-password --region us-east-1 | {enter} {PUBLIC[:-1]} || {ANONYMOUS}"
        if found := PRIVATE.fullmatch(self.image):
            return f"aws ecr get-login-password --region {found['region']} | {enter} {self.image.partition('/')[0]}"
        return ":"
