"""Where the data lies."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from config.errors import Problem
from config.names import Bucket
from config.section import Section


class Data(Section):
    """The bucket with every team's input, scripts, output and logs."""

    bucket: Bucket | None = None
    """An existing bucket of this region; null makes one. An existing one is never deleted."""
    keep: bool = True
    """Keep the new bucket and all that is in it when the stacks are deleted; false deletes both."""
    old_version_days: Annotated[int, Field(ge=1, le=36500)] = 30
    """Days for which what was overwritten or deleted in the new bucket can be had back."""
    log_days: Annotated[int, Field(ge=1, le=36500)] = 90
    """Days after which the jobs' logs in the new bucket are deleted."""

    def problems(self) -> Iterator[Problem]:
        """Yield the wish to delete a bucket that is not ours."""
        if self.bucket and not self.keep:
            text = f"false would delete {self.bucket}, which was there before: remove this line or data.bucket"
            yield Problem(("keep",), text)
