"""Processes end with the rehearsal, however it ends."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

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
