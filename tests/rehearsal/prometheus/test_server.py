"""A real Prometheus is started, asked, backfilled and stopped, and says what is wrong."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import real_prometheus

from rehearsal.prometheus.build import version
from rehearsal.prometheus.server import Prometheus, PrometheusError, promtool

NOBODY = {"global": {"scrape_interval": "1s"}}


@pytest.fixture(autouse=True)
def _built() -> None:
    real_prometheus.required()


def test_it_is_the_version_that_the_chart_deploys(start: Callable[..., Prometheus]) -> None:
    assert start(NOBODY).api("status/buildinfo")["version"] == version() == "3.14.0"


def test_a_history_is_there_from_the_start(start: Callable[..., Prometheus]) -> None:
    begin = int(time.time()) - 3600
    lines = [f'gpu_heat{{node="a"}} {50 + minute} {begin + 60 * minute}' for minute in range(60)]
    prometheus = start(NOBODY, history="\n".join(["# TYPE gpu_heat gauge", *lines, "# EOF", ""]))
    (found,) = prometheus.query_range("gpu_heat", begin, begin + 3540, 60)
    assert found.labels == {"__name__": "gpu_heat", "node": "a"}
    assert [value for _, value in found.samples] == list(range(50, 110))
    assert prometheus.query("gpu_heat", at=begin + 600)[0].value == 60
    assert prometheus.query("scalar(sum(gpu_heat))", at=begin + 600)[0].value == 60


def test_a_refused_question_says_why(start: Callable[..., Prometheus]) -> None:
    with pytest.raises(PrometheusError, match="parse error"):
        start(NOBODY).query("sum(")


def test_a_wrong_configuration_says_why(start: Callable[..., Prometheus]) -> None:
    with pytest.raises(PrometheusError, match="scrape_intervall not found"):
        start({"global": {"scrape_intervall": "1s"}})


def test_what_does_not_come_about_ends_in_an_error(start: Callable[..., Prometheus]) -> None:
    with pytest.raises(PrometheusError, match="did not come about"):
        start(NOBODY).wait(lambda: False, timeout=0.1)


def test_promtool_s_words_are_told() -> None:
    with pytest.raises(PrometheusError, match="does not exist"):
        promtool("check", "rules", "/nowhere/rules.yaml")


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from rehearsal.prometheus.server import Prometheus; import time;"
        f"p = Prometheus.start(Path({str(tmp_path)!r}), {NOBODY!r}); print(p.process.pid, flush=True); time.sleep(600)"
    )
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=Path.cwd())
    assert owner.stdout
    guard = psutil.Process(int(owner.stdout.readline()))
    family = [guard, *guard.children()]
    assert len(family) == 2
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]
