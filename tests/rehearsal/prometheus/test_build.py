"""Where the programs come from."""

from pathlib import Path

import pytest
import real_prometheus

from rehearsal.kubernetes.build import BuildError
from rehearsal.prometheus import build


def test_named_programs_are_used_or_missed_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PROMETHEUS", str(tmp_path))
    with pytest.raises(BuildError, match="correct PROMETHEUS"):
        build.programs()
    for name in ("prometheus", "promtool"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    assert build.programs().promtool == tmp_path / "promtool"
    assert build.build() == build.programs()


def test_what_is_not_built_says_how_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PROMETHEUS", raising=False)
    monkeypatch.setattr(build, "CACHE", tmp_path)
    with pytest.raises(BuildError, match="run `make prometheus`"):
        build.programs()


def test_another_version_asks_for_a_new_build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = build.folder()
    for source in build.SOURCES.iterdir():
        (tmp_path / source.name).write_text(source.read_text().replace("v0.314.0", "v0.315.2"))
    monkeypatch.setattr(build, "SOURCES", tmp_path)
    assert build.folder() != before
    assert build.version() == "3.15.2"


def test_a_missing_program_skips_here_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PROMETHEUS", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="there is no prometheus"):
        real_prometheus.required()
    monkeypatch.setenv("CI", "1")
    with pytest.raises(pytest.fail.Exception, match="there is no prometheus"):
        real_prometheus.required()
