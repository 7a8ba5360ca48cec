"""The files of a search: what is searched, one file per finished trial, and the best so far."""

import json
import math
import re
from dataclasses import asdict
from typing import Any

from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.progress import say
from xgboost_pipeline.storage.files import files_at
from xgboost_pipeline.train.settings import are_searched
from xgboost_pipeline.tune.search import SPACE, Trial

SEARCH = "search.json"
BEST = "best.json"


class Trials:
    """The trials at a URI. A file appears whole: renamed into place here, put at once on an object store."""

    def __init__(self, uri: str, search: dict[str, Any]) -> None:
        """Begin or go on with a search; raise PipelineError if the URI holds another one or other things."""
        self._uri = uri.rstrip("/")
        self._files = files_at(uri)
        kind = self._files.kind(self._uri)
        if kind == "file" or (kind == "directory" and not self._exists(SEARCH) and self._files.list(self._uri)):
            raise PipelineError(f"{uri} exists and holds no search: choose another output")
        if self._exists(SEARCH):
            self._refuse_other(self._read(SEARCH), search)
        else:
            self._write(SEARCH, search)

    def finished(self) -> list[Trial]:
        """Return the finished trials, by number; a file that is damaged is no finished trial, and is said."""
        listed = [file.name for file in self._files.list(self._uri)]
        names = [name for name in listed if re.fullmatch(r"trial-\d{5}\.json", name)]
        found = {name: _trial(name, self._read(name)) for name in names}
        for name in (name for name, trial in found.items() if not trial):
            say(f"warning: {self._uri}/{name} is damaged: that trial runs again, if --trials still asks for it")
        return sorted((trial for trial in found.values() if trial), key=lambda trial: trial.number)

    def add(self, trial: Trial) -> None:
        """Write a finished trial."""
        self._write(_name(trial), asdict(trial))

    def write_best(self, best: dict[str, Any]) -> None:
        """Write what `train --tuned` reads, in place of the last one."""
        self._write(BEST, best)

    def _refuse_other(self, found: object, search: dict[str, Any]) -> None:
        if not isinstance(found, dict):
            raise PipelineError(
                f"{self._uri}/{SEARCH} is damaged: it is not what `tune` wrote, so its trials cannot be trusted; "
                "restore it from a copy, or choose another output"
            )
        known = json.loads(json.dumps(search))
        differing = [name for name in sorted(known.keys() | found.keys()) if known.get(name) != found.get(name)]
        if not differing:
            return
        changes = ", ".join(f"{name} {found.get(name)!r}, now {known.get(name)!r}" for name in differing)
        raise PipelineError(
            f"{self._uri} holds another search: {changes}; choose another output, or search with its settings and data"
        )

    def _read(self, name: str) -> object:
        """Return what a file holds, None if it is no JSON."""
        try:
            return json.loads(self._files.read(f"{self._uri}/{name}"))
        except ValueError:
            return None

    def _exists(self, name: str) -> bool:
        return self._files.kind(f"{self._uri}/{name}") == "file"

    def _write(self, name: str, value: dict[str, Any]) -> None:
        data = (json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
        if not self._files.atomic_rename:
            self._files.write(f"{self._uri}/{name}", data)
            return
        self._files.write(f"{self._uri}/.{name}.partial", data)
        self._files.rename(f"{self._uri}/.{name}.partial", f"{self._uri}/{name}")


def _trial(name: str, found: object) -> Trial | None:
    """Return the trial that a file holds, None if it does not hold one."""
    try:
        trial = Trial(**found)  # type: ignore[arg-type]
        numbers = (trial.value, trial.best_iteration, trial.validation_log_loss, trial.seconds)
        whole = name == _name(trial) and are_searched(trial.settings) and all(map(math.isfinite, numbers))
        whole = whole and all(SPACE[name].low <= value <= SPACE[name].high for name, value in trial.settings.items())
    except (TypeError, ValueError):
        return None
    return trial if whole else None


def _name(trial: Trial) -> str:
    return f"trial-{trial.number:05d}.json"
