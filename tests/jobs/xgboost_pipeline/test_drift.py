"""Population stability: zero without a change, and telling apart what changed."""

import numpy as np
import pandas as pd
import pytest
from feature_tables import COLUMNS, feature_rows
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from xgboost_pipeline.drift import band, described_score, distribution, drift, psi

BANDS = ((0.099, "stable"), (0.1, "moderate"), (0.249, "moderate"), (0.25, "significant"))
SHARES = arrays.arrays(np.float64, 6, elements=st.floats(0, 1)).filter(lambda shares: shares.sum() > 0)


def sample(seed: int) -> pd.DataFrame:
    rows = feature_rows(2000, seed)
    return rows.assign(probability=np.random.default_rng(seed).beta(1, 9, len(rows)))


@pytest.fixture(scope="module")
def before() -> dict[str, dict[str, object]]:
    rows = sample(1)
    return distribution(rows, COLUMNS) | {"probability": described_score(rows["probability"].to_numpy())}


@given(SHARES, SHARES)
def test_psi_is_never_negative_and_does_not_care_which_is_new(one: np.ndarray, other: np.ndarray) -> None:  # type: ignore[type-arg]
    one, other = one / one.sum(), other / other.sum()
    assert psi(one, other) >= 0
    assert psi(one, other) == pytest.approx(psi(other, one))


def test_psi_of_a_known_shift() -> None:
    assert psi(np.array([0.5, 0.5]), np.array([0.25, 0.75])) == pytest.approx(0.25 * np.log(3))


@pytest.mark.parametrize(("value", "name"), BANDS)
def test_bands_are_the_usual_ones(value: float, name: str) -> None:
    assert band(value) == name


def test_the_training_rows_have_not_drifted(before: dict[str, dict[str, object]]) -> None:
    found = drift(before, sample(1), COLUMNS)
    assert {column["psi"] for column in found["columns"].values()} == {0}
    assert found["verdict"] == "stable"


def test_other_loans_of_the_same_kind_are_stable(before: dict[str, dict[str, object]]) -> None:
    found = drift(before, sample(2), COLUMNS)
    assert found["shifted"] == []
    assert found["verdict"] == "stable"


def test_a_shifted_number_is_named(before: dict[str, dict[str, object]]) -> None:
    rows = sample(2)
    found = drift(before, rows.assign(credit_score=rows["credit_score"] - 60), COLUMNS)
    assert found["shifted"] == ["credit_score"]


def test_values_that_went_missing_are_drift(before: dict[str, dict[str, object]]) -> None:
    found = drift(before, sample(2).assign(dti=np.nan), COLUMNS)
    assert found["columns"]["dti"]["band"] == "significant"


def test_a_shifted_category_is_named(before: dict[str, dict[str, object]]) -> None:
    found = drift(before, sample(2).assign(property_state=np.float32(1)), COLUMNS)
    assert found["shifted"] == ["property_state"]


def test_the_verdict_is_the_scores_own(before: dict[str, dict[str, object]]) -> None:
    rows = sample(2)
    found = drift(before, rows.assign(probability=rows["probability"] * 2), COLUMNS)
    assert found["verdict"] == found["score"]["band"] == "significant"


def test_rare_codes_share_a_bin() -> None:
    rows = pd.DataFrame({"property_state": [0.0, 19.0, 20.0, 45.0]})
    shares = distribution(rows, COLUMNS[1:2])["property_state"]["shares"]
    assert shares == [0.25, *[0] * 18, 0.25, 0.5]


def test_at_most_ten_bins_and_one_for_missing() -> None:
    described = distribution(sample(1), COLUMNS)["dti"]
    assert len(described["edges"]) == 9
    assert len(described["shares"]) == 11
    assert sum(described["shares"]) == pytest.approx(1)
