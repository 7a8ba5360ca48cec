"""The Kubernetes control plane, which only some tests need."""

import pytest

from rehearsal.kubernetes import build


def required() -> None:
    """Skip the test, saying how to build the control plane, where that has not been done."""
    try:
        build.kubebox()
    except build.BuildError as missing:
        pytest.skip(str(missing))
