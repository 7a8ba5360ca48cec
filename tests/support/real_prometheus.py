"""The real Prometheus and promtool, which only some tests need."""

import os

import pytest

from rehearsal.kubernetes.build import BuildError
from rehearsal.prometheus import build


def required() -> None:
    """Skip the test, saying how to build Prometheus, where that has not been done; under CI=1 that is a failure."""
    try:
        build.programs()
    except BuildError as missing:
        if os.environ.get("CI") == "1":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
