"""What keeps the repository in shape: the tree's rules, and commands in the README that exist."""

import ast
import re
import subprocess
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("benchmarks", "config", "constructs", "docker", "jobs", "operations", "rehearsal", "stacks", "tests")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("folder", ["constructs", "docker", "tests"])
def test_a_source_root_is_never_a_package(folder: str) -> None:
    assert not (ROOT / folder / "__init__.py").exists()


def test_tests_are_no_packages() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_constructs_is_the_package_of_that_name_or_absent() -> None:
    found = find_spec("constructs")
    assert found is None or (found.origin is not None and "site-packages" in found.origin)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert text.count("\n") <= 300
    assert all((node.end_lineno or 0) - node.lineno < 50 for node in functions)


def test_the_architecture_lists_the_layers_that_are_enforced() -> None:
    contract = (ROOT / "pyproject.toml").read_text().split('name = "the job\'s layers"')[1].split("]")[0]
    enforced = [
        re.findall(r"xgboost_pipeline\.(\w+)", line) for line in contract.splitlines() if "xgboost_pipeline." in line
    ]
    table = (ROOT / "docs" / "architecture.md").read_text().split("| layer |")[1].split("\n\n")[0]
    documented = [re.findall(r"`(\w+)`", row.split("|")[1]) for row in table.splitlines() if row.startswith("| `")]
    assert sorted(chain(*documented)) == sorted(chain(*enforced))
    order = {name: i for i, names in enumerate(enforced) for name in names}
    highest = [min(order[name] for name in names) for names in documented]
    assert highest == sorted(highest)


def test_every_make_target_of_the_readme_is_listed_by_make() -> None:
    listed = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    named = set(re.findall(r"(?m)(?:^|`)make ([a-z-]+)", (ROOT / "README.md").read_text()))
    assert {"demo", "test"} <= named
    assert all(f"make {target} " in listed for target in named)


def test_no_committed_file_names_an_index_host_or_this_machine() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    forbidden = re.compile(rb"files\.pythonhosted|registry\.npmjs|repo1\.maven|(?<![\w.])/(?:work|root|home)/")
    for name in filter(None, tracked.split("\0")):
        assert not forbidden.search((ROOT / name).read_bytes()) or name == "tests/test_repository.py", name
