"""Processes end with the rehearsal, however it ends."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from rehearsal.functions.environment import Environment, Setup
from rehearsal.functions.package import provide

DETACHED = """
import subprocess, sys
def handler(event, context):
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True).pid
"""
BUSY = """
import threading, time
from pathlib import Path
from rehearsal.functions.environment import Environment, Setup
from rehearsal.functions.package import provide

root = Path({root!r})
(root / "task").mkdir()
(root / "task/index.py").write_text("def handler(event, context):\\n    open(event, 'w')\\n    while True: ...")
writes = "require('fs').writeFileSync(file, '')"
(root / "task/index.js").write_text(f"exports.handler = async (file) => {{{{ {{writes}}; for (;;); }}}}")
names = ("FUNCTION_NAME", "FUNCTION_VERSION", "FUNCTION_MEMORY_SIZE", "LOG_GROUP_NAME", "LOG_STREAM_NAME")
variables = {{f"AWS_LAMBDA_{{name}}": "1" for name in names}}
variables |= {{"_HANDLER": "index.handler", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}}
variables |= {{"LAMBDA_TASK_ROOT": str(root / "task")}}
for runtime in ("python3.13", "nodejs24.x"):
    made = Environment.start(Setup(runtime, root, root, provide(root), 512, variables))
    event = '"' + str(root / runtime) + '"'
    threading.Thread(target=made.invoke, args=(event, {{"arn": "", "timeout": 60}}, "id", 60), daemon=True).start()
    print(made.process.pid, flush=True)
time.sleep(60)
"""


def test_no_handler_runs_on_when_the_rehearsal_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", BUSY.format(root=str(tmp_path))]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": os.getcwd()})  # noqa: PTH109
    assert parent.stdout
    children = [psutil.Process(int(parent.stdout.readline())) for _ in range(2)]
    began = [tmp_path / runtime for runtime in ("python3.13", "nodejs24.x")]
    while not all(file.exists() for file in began):
        assert parent.poll() is None
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    _, alive = psutil.wait_procs(children, timeout=5)
    running = [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    for process in running:
        process.kill()
    assert not running


def test_a_child_in_a_session_of_its_own_ends_with_its_environment(tmp_path: Path) -> None:
    (tmp_path / "task").mkdir()
    (tmp_path / "task/index.py").write_text(DETACHED)
    names = ("FUNCTION_NAME", "FUNCTION_VERSION", "FUNCTION_MEMORY_SIZE", "LOG_GROUP_NAME", "LOG_STREAM_NAME")
    variables = {f"AWS_LAMBDA_{name}": "1" for name in names} | {"_HANDLER": "index.handler"}
    variables |= {"LAMBDA_TASK_ROOT": str(tmp_path / "task"), "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    made = Environment.start(Setup("python3.13", tmp_path, tmp_path, provide(tmp_path), 512, variables))
    answer = made.invoke("null", {"arn": "", "timeout": 60}, "id", 60)
    child = psutil.Process(json.loads(answer.payload))
    assert child.is_running()
    made.stop()
    _, alive = psutil.wait_procs([child], timeout=30)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
