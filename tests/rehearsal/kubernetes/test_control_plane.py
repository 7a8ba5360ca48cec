"""The control plane as processes: versions, clients, and that nothing of it outlives its parent."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from kubernetes.client import CoreV1Api, VersionApi

from rehearsal.kubernetes import build
from rehearsal.kubernetes.cluster import Cluster
from rehearsal.kubernetes.control_plane import ControlPlane

START = """
import sys, time
from pathlib import Path
from rehearsal.kubernetes.control_plane import ControlPlane
plane = ControlPlane.start(Path(sys.argv[1]))
print(plane.data, *plane.pids.values(), flush=True)
time.sleep(600)
"""


def test_it_is_the_version_that_was_built(cluster: Cluster) -> None:
    assert VersionApi(cluster.plane.client()).get_code().git_version == f"v{build.kubernetes_version()}"


def test_the_official_client_is_administrator(cluster: Cluster) -> None:
    names = [each.metadata.name for each in CoreV1Api(cluster.plane.client()).list_namespace().items]
    assert "kube-system" in names


def test_another_version_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(build.BuildError, match=r"Kubernetes 1\.29 cannot be rehearsed"):
        ControlPlane.start(tmp_path, version_name="1.29")


@pytest.mark.usefixtures("cluster")  # skips where nothing is built
def test_no_part_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(build.__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, "-c", START, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        assert parent.stdout
        data, *pids = parent.stdout.readline().split()
        parts = [psutil.Process(int(pid)) for pid in pids]
        assert len(parts) == 4
        parent.send_signal(signal.SIGKILL)
    _, alive = psutil.wait_procs(parts, timeout=60)
    assert alive == []
    assert not Path(data).exists()
