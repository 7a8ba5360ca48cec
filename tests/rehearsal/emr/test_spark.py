import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from rehearsal.emr import spark, supervisor

STARTER = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)']); "
STARTER += "print('up', flush=True); time.sleep(99)"


def test_settings_of_kubernetes_and_gpus_are_left_out() -> None:
    given = {
        "spark.kubernetes.container.image": "i",
        "spark.executor.resource.gpu.amount": "1",
        "spark.task.resource.gpu.amount": "0.25",
        "spark.plugins": "com.nvidia.spark.SQLPlugin",
        "spark.rapids.sql.enabled": "true",
        "spark.executor.memory": "16g",
        "spark.driver.memory": "64g",
        "spark.sql.shuffle.partitions": "16",
        "spark.submit.pyFiles": "s3://b/x.zip",
    }
    kept, dropped = spark.translated(given)
    assert kept == {"spark.sql.shuffle.partitions": "16", "spark.submit.pyFiles": "s3://b/x.zip", **spark.LOCAL}
    assert len(dropped) == 7


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        (("run", "--device", "cuda", "--x"), ["run", "--device", "cpu", "--x"]),
        (("--device=cuda",), ["--device=cpu"]),
        (("--device", "cpu"), ["--device", "cpu"]),
        (("--name", "cuda"), ["--name", "cuda"]),
        ((), []),
    ],
)
def test_cuda_becomes_the_cpu(given: tuple[str, ...], changed: list[str]) -> None:
    assert spark.on_cpu(given) == (changed, tuple(changed) != given)


def started(parent: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, supervisor.__file__, str(parent), sys.executable, "-c", STARTER]
    return subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)


def test_a_job_ends_with_all_that_it_has_started() -> None:
    process = started(psutil.Process().pid)
    assert process.stdout
    assert process.stdout.readline() == b"up\n"
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) == 2
    spark.end(process)
    assert not psutil.wait_procs(family, 10)[1]
    process.stdout.close()


def test_a_job_whose_rehearsal_is_gone_does_not_start() -> None:
    process = started(parent=1 + psutil.Process().pid)
    assert process.wait(20) == 1
    assert process.stdout
    assert process.stdout.read() == b""
    process.stdout.close()


def test_the_project_is_no_part_of_the_image(tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text("import xgboost_pipeline")
    environment = {"PYTHONPATH": str(Path(spark.__file__).parent / "image")}
    done = subprocess.run(
        [sys.executable, str(tmp_path / "job.py")], env=environment, cwd=tmp_path, capture_output=True, check=False
    )
    assert b"No module named 'xgboost_pipeline'" in done.stderr


def test_a_job_ends_when_the_rehearsal_crashes() -> None:
    lines = (
        "import os, subprocess, sys",
        "from rehearsal.emr import supervisor",
        "command = [sys.executable, supervisor.__file__, str(os.getpid()), sys.executable, '-c', sys.argv[1]]",
        "started = subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE)",
        "started.stdout.readline()",
        "print(started.pid, flush=True)",
        "sys.stdin.read()",
    )
    rehearsal = subprocess.Popen(
        [sys.executable, "-c", "\n".join(lines), STARTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert rehearsal.stdin
    assert rehearsal.stdout
    leader = psutil.Process(int(rehearsal.stdout.readline()))
    family = [leader, *leader.children(recursive=True)]
    assert len(family) == 3
    rehearsal.kill()
    rehearsal.wait()
    assert not psutil.wait_procs(family, 10)[1]
    rehearsal.stdin.close()
    rehearsal.stdout.close()
