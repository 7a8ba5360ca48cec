"""What tests share: one Spark session, and one rehearsal whose faults end with the test that planted them."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import leaving
import pytest
from hypothesis import settings
from pyspark.sql import SparkSession
from quotas import GPUS, STANDARD, raise_quotas

from rehearsal import daemon
from tests.rehearsal.live.account import Account
from xgboost_pipeline.session import spark_session

# jsii runs the CDK on the Node.js of the packages, not on the machine's, which may be too old or absent
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
# A shared machine stands still for a second now and then, which says nothing about the code
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
DEPLOYING: set[Path] = set()  # files of tests
SPEED = 300.0  # AWS's seconds in one of the wall's


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put first the files whose tests deploy: they take longest, and the last ones would keep one worker alone."""
    DEPLOYING.update(item.path for item in items if _deploys(item))
    items.sort(key=lambda item: item.path not in DEPLOYING)


def _deploys(item: pytest.Item) -> bool:
    own_time = item.get_closest_marker("timeout") is not None
    return own_time or "account" in getattr(item, "fixturenames", ())


def pytest_runtest_setup(item: pytest.Item) -> None:
    """End what ran for the tests before, where this one has no use for it."""
    leaving.leave(item)


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """Local Spark as users of this machine have it, with few partitions since test data is small."""
    session = spark_session("tests", {"spark.sql.shuffle.partitions": "2"})
    yield session
    session.stop()


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """One account in a rehearsal that runs in a process of its own."""
    directory = Path(tmp_path_factory.mktemp("live"))
    world = daemon.up(directory, 0, SPEED)
    raise_quotas(world, *STANDARD)
    end = leaving.until_left(lambda item: item.path in DEPLOYING, lambda: daemon.down(directory))
    yield Account(world)
    end()


@pytest.fixture
def plant(account: Account) -> Iterator[Callable[..., None]]:
    """Make something fail: `plant("create", "LogicalId")`, once unless `always=True`; see rehearsal/faults.py."""

    def planted(kind: str, target: str, *, always: bool = False) -> None:
        account.world.page("faults", {"kind": kind, "target": target, "always": always})

    yield planted
    account.world.page("faults", method="DELETE")


@pytest.fixture(scope="module")
def gpu_quotas(account: Account) -> Iterator[None]:
    """Let the account start nodes with GPUs, which a new one may not."""
    raise_quotas(account.world, *GPUS)
    yield
    account.world.page("quotas", method="DELETE")
    raise_quotas(account.world, *STANDARD)
