"""The benchmark of synth."""

from pathlib import Path

import pytest

import synth


def test_ratios_are_of_medians_to_the_first_app() -> None:
    said = synth.text({"empty": [2.0, 4.0, 9.0], "whole": [6.0, 7.0, 6.0]})
    assert "4.0 CPU-s (2.0-9.0), 1.00x" in said
    assert "6.0 CPU-s (6.0-7.0), 1.50x" in said


def test_a_synth_that_fails_is_not_measured(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="ended with status 1: run it by hand"):
        synth.cpu("raise ValueError('no app')", tmp_path / "out")
