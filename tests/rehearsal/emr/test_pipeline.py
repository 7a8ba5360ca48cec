"""The project's own job, from its zip in S3 to its model in S3, as a team would submit it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from feature_tables import feature_rows, write_features

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "jobs" / "xgboost_pipeline"


def test_the_pipeline_leaves_its_model_under_the_team_s_prefix(team: Any, tmp_path: Path) -> None:  # noqa: ANN401 - the conftest's Team
    zipped = tmp_path / "x.zip"
    subprocess.run([sys.executable, "-m", "zipfile", "-c", str(zipped), str(PACKAGE)], check=True)
    features = write_features(tmp_path / "features", feature_rows())
    stored = [team.put(f"features/{path.relative_to(features)}", path.read_bytes()) for path in files(features)]
    prefix = stored[0].partition("/features/")[0]
    parameters = f"--py-files {team.put('xgboost_pipeline.zip', zipped.read_bytes())} --conf spark.executor.instances=2"
    arguments = ("--device", "cuda", "--features", f"{prefix}/features", "--output", f"{prefix}/model", "--rounds", "5")
    started = team.start((PACKAGE / "__main__.py").read_text(), "train", *arguments, parameters=parameters)
    team.completes(started)
    assert "rehearsal: --device cuda became --device cpu" in team.log(started)
    assert any("Accuracy is" in line for line in team.log(started))
    assert "model/manifest.json" in team.stored("model/")


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".crc")
