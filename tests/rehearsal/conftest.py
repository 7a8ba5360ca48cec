"""A rehearsal in the tests' own process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal import server
from rehearsal.world import World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One account with its port open, for one file of tests."""
    made = World(Path(tmp_path_factory.mktemp("world")), 0)
    server.serve(made)
    yield made
    made.close()
