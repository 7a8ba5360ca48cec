import sys
import time
from pathlib import Path

import pytest

import process_tree

MIB = 2**20
BURN = "import time\nwhile time.process_time() < {seconds}: pass"
HOLD = (
    "held = bytearray({mib} << 20)\nfor i in range(0, len(held), 4096): held[i] = 1\nimport time; time.sleep({seconds})"
)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def child(code: str, then: str = "") -> list[str]:
    """A command whose child runs the code and has ended before the command ends."""
    return python(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}], check=True)\n{then}")


def orphan(code: str) -> list[str]:
    """A command that ends at once and leaves a child behind, as PySpark leaves its JVM."""
    return python(f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {code!r}]).returncode = 0")


def grandchild(code: str, then: str = "") -> list[str]:
    return child(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}], check=True)", then)


@pytest.mark.parametrize("family", [python, child, grandchild, orphan])
def test_cpu_time_of_every_generation_is_counted(family: "type") -> None:
    idle = process_tree.measure(family("pass")).cpu
    busy = process_tree.measure(family(BURN.format(seconds=1.5))).cpu
    assert 1.4 <= busy - idle <= 2.0


def test_waiting_is_wall_time_but_no_cpu_time() -> None:
    usage = process_tree.measure(python("import time; time.sleep(1)"))
    assert 1 <= usage.wall < 5
    assert usage.cpu < 0.8


def test_memory_held_by_a_child_is_counted_with_its_parents() -> None:
    holding = HOLD.format(mib=200, seconds=1)
    both = "held = bytearray(b'1') * (100 << 20)\nimport subprocess, sys\n"
    both += f"subprocess.run([sys.executable, '-c', {holding!r}])"
    usage = process_tree.measure(python(both))
    assert 300 * MIB <= usage.peak_rss <= 380 * MIB


def test_memory_of_a_grandchild_that_ended_between_two_looks_is_counted() -> None:
    usage = process_tree.measure(grandchild(HOLD.format(mib=200, seconds=0)))
    assert 200 * MIB <= usage.peak_rss <= 300 * MIB


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the proportional share of shared pages")
def test_memory_shared_by_processes_is_counted_once() -> None:
    code = "import os, time\nheld = bytearray(b'1') * (200 << 20)\nif os.fork() == 0: time.sleep(1.5); os._exit(0)\n"
    code += "os.wait()"
    assert process_tree.measure(python(code)).peak_rss <= 300 * MIB


def test_the_commands_exit_status_is_reported() -> None:
    assert process_tree.measure(python("raise SystemExit(3)")).status == 3


def test_output_goes_to_the_log(tmp_path: Path) -> None:
    process_tree.measure(python("print('said')"), log=tmp_path / "log")
    assert "said" in (tmp_path / "log").read_text()


def test_a_child_that_never_ends_does_not_hold_the_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROCESS_TREE_GRACE", "1")
    start = time.monotonic()
    process_tree.measure(orphan("import time; time.sleep(60)"))
    assert time.monotonic() - start < 20
