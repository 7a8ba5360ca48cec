"""The economy of the synthetic loans: one value per month of rates, of stress and of drift."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

HORIZON = 12  # months ahead that a probability looks
LEAD = 6  # months before the first one in which loans of the first quarter were made
FULL_DRIFT = 66  # months until the effects of covariates have drifted fully

# (month since the first, value): the shape of 2018 to 2023, whatever the first quarter is called
_MARKET_RATE = ((0, 4.4), (10, 4.8), (20, 3.8), (30, 3.1), (36, 2.8), (44, 3.0), (52, 4.8), (58, 6.2), (66, 6.6))
_STRESS = ((0, 0.0), (24, 0.0), (28, 0.55), (34, 0.3), (42, -0.1), (54, 0.15), (66, 0.3))


@dataclass(frozen=True)
class Macro:
    """One value per month; read them by months since the first month of the data, from `-LEAD` on."""

    market_rate: Floats  # percent, of a new loan
    stress: Floats  # added to the log hazard of falling behind
    drift: Floats  # 0 in the first month, 1 after `FULL_DRIFT`: how far the effects of covariates have moved

    def at(self, months: npt.NDArray[np.int64]) -> Floats:
        """Return the market rate (percent) of months since the first, each at least `-LEAD`; same shape."""
        return self.market_rate[months + LEAD]


def macro_path(seed: int, months: int) -> Macro:
    """Return the economy from `LEAD` months before the data to `HORIZON` months after its `months` months."""
    since_first = np.arange(-LEAD, months + HORIZON, dtype=np.float64)
    noise = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,))).normal(0, 0.04, (2, since_first.size))
    return Macro(
        market_rate=_through(_MARKET_RATE, since_first) + noise[0],
        stress=_through(_STRESS, since_first) + noise[1],
        drift=np.clip(since_first / FULL_DRIFT, 0, 1.2),
    )


def _through(knots: tuple[tuple[float, float], ...], at: Floats) -> Floats:
    return np.interp(at, [month for month, _ in knots], [value for _, value in knots])
