"""The image of Spark's driver and executors."""

import re
from collections.abc import Iterator
from typing import Annotated

from config.errors import Problem
from config.section import Section, Shape

PUBLIC = "public.ecr.aws/emr-on-eks/spark"  # https://gallery.ecr.aws/emr-on-eks
NAME = r"[a-z0-9][a-z0-9.-]*(?::\d{2,5})?/[a-z0-9][a-z0-9._/-]*"
FIXED = r"(?::[\w][\w.-]{0,127}|@sha256:[0-9a-f]{64})"
Reference = Annotated[
    str, Shape(NAME + FIXED, "an image with its registry and a tag or digest, like public.ecr.aws/NAME:TAG")
]


class Image(Section):
    """What the image is made from, or which one is used."""

    base: Reference | None = None
    """EMR's image with RAPIDS that ours is built on, of the same release as emr.release; null is the newest one of that
    release in Amazon's public registry. A dated tag or a digest stays the same."""
    uri: Reference | None = None
    """An image that is ready, made from emr.release's; then none is built. null builds docker/spark-rapids."""

    def base_of(self, release: str) -> str:
        """Return the image that ours is built on, for a release label like emr-7.13.0-spark-rapids-20260410."""
        return self.base or f"{PUBLIC}/{release.rpartition('-')[0]}:latest"

    def misfit(self, release: str) -> str:
        """Return why the base is not the release's, or nothing where it is or cannot be told; EMR runs no mixture."""
        found = re.search(r"emr-\d+\.\d+\.\d+[a-z0-9-]*", self.base or "")
        wanted = release.rpartition("-")[0]
        if not found or found[0] == wanted:
            return ""
        return f"{self.base} is of another release than emr.release ({release}): use one of {wanted}"

    def problems(self) -> Iterator[Problem]:
        """Yield a base that nothing is built on."""
        if self.uri and self.base:
            text = f"{self.base} is of no use, as image.uri names an image that is ready: remove one of them"
            yield Problem(("base",), text)
