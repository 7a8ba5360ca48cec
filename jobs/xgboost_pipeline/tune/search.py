"""Which settings to try next: optuna's TPE, told of the finished trials anew each time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import FloatDistribution, IntDistribution

from xgboost_pipeline.train.settings import SEARCHED, BoosterSettings

SPACE: dict[str, FloatDistribution | IntDistribution] = {
    "learning_rate": FloatDistribution(0.02, 0.3, log=True),
    "max_depth": IntDistribution(3, 10),
    "min_child_weight": FloatDistribution(1, 100, log=True),
    "gamma": FloatDistribution(0, 5),
    "reg_lambda": FloatDistribution(0.1, 100, log=True),
    "reg_alpha": FloatDistribution(0, 5),
    "subsample": FloatDistribution(0.3, 1),
    "colsample_bytree": FloatDistribution(0.3, 1),
}
RANDOM_TRIALS = 6  # tried at random before TPE has something to go by
SAMPLER = f"optuna {optuna.__version__} TPE"

optuna.logging.set_verbosity(optuna.logging.WARNING)


@dataclass(frozen=True)
class Trial:
    """A finished trial: its settings, and the objective on tuning rows (log loss: low, pr_auc: high is good)."""

    number: int
    settings: dict[str, Any]
    value: float
    best_iteration: int
    validation_log_loss: float
    seconds: float


def suggest(finished: Sequence[Trial], number: int, objective: str, seed: int) -> dict[str, Any]:
    """Return the settings of trial `number`, the same ones whether earlier trials ran now or in another process.

    Trial 0 is `train`'s own defaults: what is found is never worse than those.
    """
    if number == 0:
        return {name: getattr(BoosterSettings(), name) for name in SEARCHED}
    sampler = optuna.samplers.TPESampler(seed=seed + number, n_startup_trials=RANDOM_TRIALS)
    study = optuna.create_study(direction=_direction(objective), sampler=sampler)
    for trial in finished:
        study.add_trial(
            optuna.trial.create_trial(params=dict(trial.settings), distributions={**SPACE}, value=trial.value)
        )
    return dict(study.ask({**SPACE}).params)


def best(finished: Sequence[Trial], objective: str) -> Trial:
    """Return the best of at least one finished trial, the earliest of equals."""
    sign = 1 if _direction(objective) == "minimize" else -1
    return min(finished, key=lambda trial: (sign * trial.value, trial.number))


def _direction(objective: str) -> str:
    return "minimize" if objective == "logloss" else "maximize"
