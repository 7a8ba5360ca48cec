"""What the report reads of a model directory."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.storage import open_output

NEEDED = (
    *("rows", "base_rate", "defaulted_loans", "roc_auc", "pr_auc", "intervals", "baselines"),
    *("quarters", "curves", "sentence", "thresholds"),
)
DESCRIBED = ("label", "label_definition", "split", "fingerprint", "funnel", "settings", "importance", "history")


@dataclass(frozen=True)
class Evaluated:
    """A model with its metrics (see `evaluate`), its manifest and its columns as `features` describes them."""

    uri: str
    manifest: dict[str, Any]
    metrics: dict[str, Any]
    columns: list[dict[str, Any]]

    @property
    def label(self) -> str:
        """Return `reference` or `forward`."""
        return str(self.manifest["label"])

    @property
    def split(self) -> str:
        """Return `rows`, `loan` or `loan_and_time`."""
        return str(self.manifest["split"])

    @property
    def synthetic(self) -> bool:
        """Tell whether the loans were made up; they were unless the manifest says otherwise."""
        return self.manifest.get("synthetic") is not False


def open_evaluated(uri: str) -> Evaluated:
    """Open a model directory or URI; raise PipelineError when it is damaged or was not evaluated."""
    stored = open_output(uri, kind="model")
    metrics = stored.read_json("metrics.json") if stored.exists("metrics.json") else {}
    missing = [name for name in NEEDED if name not in metrics]
    missing += [f"{name} (manifest)" for name in DESCRIBED if name not in stored.manifest]
    if missing:
        raise PipelineError(
            f"model {uri} has no metrics {', '.join(missing)}, which a report needs: "
            "run `train` again with this version"
        )
    return Evaluated(uri, stored.manifest, metrics, stored.read_json("features.json"))


def open_described(model: Evaluated, uri: str) -> Evaluated:
    """Return the model with columns and timings of a features directory; raise PipelineError if it is another's."""
    features = open_output(uri, kind="features").manifest
    for name in ("label", "fingerprint"):
        if features.get(name) != model.manifest[name]:
            raise PipelineError(
                f"features {uri} have {name} {features.get(name)!r}, the model {model.uri} {model.manifest[name]!r}: "
                "give the features it was trained on"
            )
    described = {"features_seconds": features.get("seconds", {}), "features_settings": features.get("settings", {})}
    return replace(model, manifest=model.manifest | described, columns=features["columns"])


def require_same_data(models: Sequence[Evaluated]) -> None:
    """Raise PipelineError unless all models come from the same files, split alike: else nothing can be compared."""
    ours = _made_from(models[0])
    for other in models[1:]:
        differing = [(n, theirs, ours[n]) for n, theirs in _made_from(other).items() if theirs != ours[n]]
        if differing:
            said = ", ".join(f"{name} {theirs!r}, not {our!r}" for name, theirs, our in differing)
            raise PipelineError(
                f"model {other.uri} comes from other data than {models[0].uri} ({said}), so their metrics cannot be "
                "compared: make the features of both from the same files with the same settings, and train again"
            )


def _made_from(model: Evaluated) -> dict[str, Any]:
    """Return what decides which rows are tested."""
    settings = model.manifest.get("features_settings", {})
    chosen = {name: settings.get(name) for name in ("salt", "test_months")}
    return {"fingerprint": model.manifest["fingerprint"], **chosen}
