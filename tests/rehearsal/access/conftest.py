"""A fresh account for each test."""

from pathlib import Path

import pytest
from moto.core.base_backend import BackendDict

from rehearsal.world import World
from tests.rehearsal.access.account import Account


@pytest.fixture
def account(tmp_path: Path) -> Account:
    BackendDict.reset()
    return Account(World(tmp_path, 0))
