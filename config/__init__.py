"""The settings of the system: `load` reads a blueprint; every limit and its message lives in this package."""

import json
from pathlib import Path

from pydantic import ValidationError

from config import document, wording
from config.add_ons import AddOns
from config.blueprint import Blueprint
from config.capacity import Capacity, DriverNodes, GpuNodes
from config.cluster import Cluster, CoreNodes
from config.data import Data
from config.emr import Emr
from config.errors import ConfigError, Problem
from config.existing_network import ExistingNetwork, ExistingSubnet
from config.gpu_dashboard import GpuAlarms, GpuDashboard
from config.image import Image
from config.network import Network
from config.observability import Observability
from config.pipeline import Pipeline
from config.schema import schema
from config.teams import Quota, Team

__all__ = [
    "AddOns",
    "Blueprint",
    "Capacity",
    "Cluster",
    "ConfigError",
    "CoreNodes",
    "Data",
    "DriverNodes",
    "Emr",
    "ExistingNetwork",
    "ExistingSubnet",
    "GpuAlarms",
    "GpuDashboard",
    "GpuNodes",
    "Image",
    "Network",
    "Observability",
    "Pipeline",
    "Quota",
    "Team",
    "load",
    "parse",
    "schema",
]

START = "copy examples/default.yaml and edit it"


def load(path: str | Path) -> Blueprint:
    """Read a blueprint from a YAML file; raises ConfigError that lists everything that is wrong with it."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(str(path), [f"there is no such file: {START}"]) from None
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), [f"is not UTF-8 text (byte {error.start}): save it as UTF-8"]) from None
    except OSError as error:
        raise ConfigError(str(path), [f"cannot be read: {error.strerror}"]) from None
    return parse(text, str(path))


def parse(text: str, source: str = "blueprint") -> Blueprint:
    """Read a blueprint from YAML text; `source` names it in errors."""
    try:
        given = document.parse(text)
    except ValueError as error:
        raise ConfigError(source, [str(error)]) from None
    if not isinstance(given.values, dict):
        found = "is empty" if given.values is None else "is not a mapping of settings (lines like `key: value`)"
        raise ConfigError(source, [f"{found}: {START}"])
    try:
        blueprint = Blueprint.model_validate_json(json.dumps(given.values), strict=True)
    except ValidationError as error:
        raise _refusal(source, given, [*given.problems, *wording.problems(error, Blueprint)]) from None
    if given.problems:
        raise _refusal(source, given, given.problems)
    return blueprint


def _refusal(source: str, given: document.Document, problems: list[Problem]) -> ConfigError:
    placed = sorted((given.line(problem.path) or 0, problem.where, problem.text) for problem in problems)
    return ConfigError(source, [f"line {line}{', ' * bool(where)}{where}: {text}" for line, where, text in placed])
