import platform
from pathlib import Path

import pytest

import rapids_jar
from rapids_jar import JarUnavailableError


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rapids_jar, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(rapids_jar, "MAVENS_OWN", tmp_path / "m2")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.delenv("RAPIDS_JAR", raising=False)


def test_a_jar_with_another_checksum_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.jar").write_text("not a jar")
    monkeypatch.setenv("RAPIDS_JAR", str(tmp_path / "own.jar"))
    with pytest.raises(JarUnavailableError, match="expected is 6d28b2d7"):
        rapids_jar.jar()


def test_a_jar_that_was_changed_after_its_check_is_checked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "own.jar"
    path.write_text("good")
    monkeypatch.setattr(rapids_jar, "SHA256", "770e607624d689265ca6c44884d0807d9b054d23c473c106c72be9de08b7376c")
    monkeypatch.setenv("RAPIDS_JAR", str(path))
    assert rapids_jar.jar() == path
    path.write_text("evil!")
    with pytest.raises(JarUnavailableError):
        rapids_jar.jar()


def test_a_given_path_without_a_jar_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPIDS_JAR", "/nowhere/rapids.jar")
    assert not rapids_jar.is_present()
    with pytest.raises(JarUnavailableError, match="does not exist"):
        rapids_jar.jar()


def test_a_machine_that_cannot_run_it_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    with pytest.raises(JarUnavailableError, match="this machine is arm64"):
        rapids_jar.jar()


def test_a_failed_fetch_says_why_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rapids_jar, "REVISION", "0.0.0")
    monkeypatch.setattr(rapids_jar, "NAME", "rapids-0.0.0.jar")
    moved = rapids_jar.IVY_SETTINGS.replace('usepoms="false"', f'root="file:{tmp_path}"')
    monkeypatch.setattr(rapids_jar, "IVY_SETTINGS", moved)
    with pytest.raises(JarUnavailableError, match="cannot be fetched here .*: set RAPIDS_JAR to a copy"):
        rapids_jar.jar()
    assert list((tmp_path / "cache").iterdir()) == []
