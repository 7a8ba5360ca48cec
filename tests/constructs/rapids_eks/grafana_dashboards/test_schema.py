"""The dashboards under Grafana's own types, by the TypeScript compiler."""

import copy
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from rapids_eks.grafana_dashboards.dashboards import dashboards

SCHEMA = Path(__file__).parent / "schema.ts"
MODULES = Path(__file__).parents[4] / "node_modules"
TYPES, COMPILER = MODULES / "@grafana/schema/dist/types", MODULES / "typescript/bin/tsc"
Dashboard = dict[str, Any]
OPTIONS = {
    "strict": True,
    "noEmit": True,
    "skipLibCheck": True,
    "target": "es2022",
    "module": "esnext",
    "moduleResolution": "bundler",
    "types": [],
    "paths": {"@grafana/schema": [str(TYPES / "index.d.ts")], "@grafana/panels/*": [str(TYPES / "raw/composable/*")]},
}


def unknown_setting(dashboard: Dashboard) -> None:
    dashboard["refreshing"] = "1m"


def unknown_option(dashboard: Dashboard) -> None:
    dashboard["panels"][0]["options"]["legend"]["displaymode"] = "table"


def unknown_value(dashboard: Dashboard) -> None:
    dashboard["panels"][0]["options"]["tooltip"]["mode"] = "all"


def unknown_style(dashboard: Dashboard) -> None:
    dashboard["panels"][0]["fieldConfig"]["defaults"]["custom"]["drawStyle"] = "lines"


def unknown_panel(dashboard: Dashboard) -> None:
    dashboard["panels"][0]["type"] = "graph"


def text_for_a_number(dashboard: Dashboard) -> None:
    dashboard["panels"][0]["gridPos"]["w"] = "12"


MISTAKES: tuple[Callable[[Dashboard], None], ...] = (
    unknown_setting,
    unknown_option,
    unknown_value,
    unknown_style,
    unknown_panel,
    text_for_a_number,
)


def mistaken(mistake: Callable[[Dashboard], None]) -> Dashboard:
    found = copy.deepcopy(dashboards()["gpus.json"])
    mistake(found)
    return found


def errors(directory: Path, checked: Mapping[str, Dashboard]) -> dict[str, list[str]]:
    """Return what the compiler says of each dashboard."""
    shutil.copy(SCHEMA, directory)
    for name, dashboard in checked.items():
        text = json.dumps(dashboard, indent=1)
        (directory / f"{name}.ts").write_text(
            f"import type {{ Dashboard }} from './schema';\nexport const it: Dashboard = {text};\n"
        )
    (directory / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS}))
    said = subprocess.run(
        ["node", COMPILER, "--project", directory, "--pretty", "false"], capture_output=True, text=True, check=False
    )
    found = re.findall(r"^(?:.*/)?(\w+)\.ts\(\d+,\d+\): (error .*)$", said.stdout, re.MULTILINE)
    assert bool(found) == bool(said.returncode), said.stdout + said.stderr
    return {name: [message for of, message in found if of == name] for name in (*checked, "schema")}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    if not (TYPES.is_dir() and COMPILER.is_file()):
        missing = f"@grafana/schema and typescript are not in {MODULES}; run `make setup`"
        pytest.fail(missing) if os.environ.get("CI") == "1" else pytest.skip(missing)
    ours = {name.removesuffix(".json"): dict(each) for name, each in dashboards().items()}
    return errors(tmp_path_factory.mktemp("types"), ours | {each.__name__: mistaken(each) for each in MISTAKES})


@pytest.mark.parametrize("name", dashboards())
def test_grafana_knows_all_that_a_dashboard_says(said: dict[str, list[str]], name: str) -> None:
    assert said[name.removesuffix(".json")] == []
    assert said["schema"] == []


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_noticed(said: dict[str, list[str]], mistake: Callable[[Dashboard], None]) -> None:
    assert said[mistake.__name__]
