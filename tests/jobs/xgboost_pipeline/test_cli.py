"""The command line: verbs, help with defaults, one sentence on failure."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from xgboost_pipeline.cli import VERBS, main


@pytest.mark.parametrize("verb", VERBS)
def test_help_gives_every_option_its_default_or_says_that_it_is_required(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([verb, "--help"])
    options = capsys.readouterr().out.split("options:")[1].split("\n  --")[1:]
    assert options
    for option in options:
        takes_a_value = len(option.split("  ")[0].split("\n")[0].split()) > 1
        text = " ".join(option.split())
        assert not takes_a_value or "(default: " in text or "(required)" in text, text


@pytest.mark.parametrize("verb", ["train", "tune", "run"])
def test_help_says_what_leaving_out_a_number_comes_to(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([verb, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "--threads N threads per worker (default: all cores, shared among the workers)" in text
    assert not re.findall(r"--[a-z-]+ [NX] [^)]*\(default: none\)", text)


def test_the_usage_is_the_command_that_users_type(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["generate", "--help"])
    assert capsys.readouterr().out.startswith("usage: python -m xgboost_pipeline generate ")


def test_a_failure_is_one_sentence_on_standard_error_and_status_1(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "xgboost_pipeline",
            "features",
            "--input",
            str(tmp_path / "no"),
            "--output",
            str(tmp_path / "o"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_an_unexpected_error_is_one_sentence_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_settings: object) -> None:
        raise RuntimeError("the disk\nis full")

    monkeypatch.setattr("xgboost_pipeline.report.run", broken)
    assert main(["report", "--model", "m", "--output", "o"]) == 1
    assert capsys.readouterr().err == "error: report failed: RuntimeError: the disk; add --traceback to see where\n"


def test_an_unknown_verb_is_refused_with_the_ones_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["predict"])
    assert "'generate', 'features', 'train', 'tune', 'score', 'report', 'run'" in capsys.readouterr().err
