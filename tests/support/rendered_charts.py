"""What helm makes of charts with values: of stand-ins, or of the real ones in the folder REHEARSAL_CHARTS."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from rehearsal.charts import repositories
from rehearsal.kubernetes import build

Item = dict[str, Any]


@cache
def _archives() -> Mapping[tuple[str, str], bytes]:
    return {(chart.name, chart.version): chart.pack() for _, chart in repositories.load().every()}


def rendered(folder: Path, chart: str, version: str, namespace: str, values: Mapping[str, Any]) -> Iterator[Item]:
    """Yield each object of a release that is called as its chart, with the namespace that it will have."""
    (folder / f"{chart}.tgz").write_bytes(_archives()[chart, version])
    (folder / f"{chart}.json").write_text(json.dumps(values))
    words = [str(build.tools() / "helm"), "template", chart, f"{chart}.tgz", "--namespace", namespace]
    words += ["--values", f"{chart}.json", "--api-versions", "monitoring.coreos.com/v1", "--kube-version", "1.35.0"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    for each in yaml.safe_load_all(done.stdout):
        if each:
            each["metadata"].setdefault("namespace", namespace)
            yield each
