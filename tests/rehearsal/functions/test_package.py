"""Unpacking: permissions, layers, and the paths of Lambda's file system."""

import io
import stat
import zipfile
from pathlib import Path

import pytest

from rehearsal.functions.limits import check_archives, check_settings
from rehearsal.functions.package import layers, provide, unpack
from rehearsal.wire.call import Refused


def archive(files: dict[str, str], mode: int = 0) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as opened:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            opened.writestr(entry, content)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("tool = '/opt/tool/run'", "tool = '{0}/tool/run'"),
        ('out = "/tmp"', 'out = "/mine"'),
        ("PATH='/opt/kubectl:/opt/awscli:'", "PATH='{0}/kubectl:{0}/awscli:'"),
        ("#!/var/lang/bin/python", "#!/lang/python"),
        ("url = 'https://x/opt/y'; z = '/optional'", "url = 'https://x/opt/y'; z = '/optional'"),
        ("pattern = /opt/", "pattern = /opt/"),
    ],
)
def test_paths_of_lambda_become_paths_of_this_machine(tmp_path: Path, before: str, after: str) -> None:
    opt = tmp_path / "opt"
    places = {"/opt": opt, "/tmp": Path("/mine"), "/var/lang/bin": Path("/lang")}  # noqa: S108 - Lambda's
    unpack(archive({"index.py": before}), tmp_path / "task", places)
    assert (tmp_path / "task/index.py").read_text() == after.format(opt)


def test_a_program_is_left_as_it_is(tmp_path: Path) -> None:
    unpack(archive({"program.bin": "'/opt/x'"}), tmp_path, {"/opt": Path("/elsewhere")})
    assert (tmp_path / "program.bin").read_text() == "'/opt/x'"


def test_permissions_are_kept(tmp_path: Path) -> None:
    unpack(archive({"run": ""}, 0o755), tmp_path, {})
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o755


def test_a_later_layer_wins_and_all_are_unpacked_once(tmp_path: Path) -> None:
    first, second = archive({"a": "1", "b": "1"}), archive({"b": "2"})
    folder = layers([first, second], tmp_path)
    assert ((folder / "a").read_text(), (folder / "b").read_text()) == ("1", "2")
    made = folder.stat().st_ino
    assert layers([first, second], tmp_path).stat().st_ino == made
    assert layers([second, first], tmp_path) != folder


def test_what_lambda_provides_holds_the_sdks_and_no_more(tmp_path: Path) -> None:
    folder = provide(tmp_path)
    assert (folder / "python/boto3/__init__.py").exists()
    assert (folder / "node_modules/@aws-sdk/client-sts/package.json").exists()
    assert sorted(path.name for path in (folder / "bin").iterdir()) == ["node", "python", "python3"]
    assert not (folder / "python/moto").exists()


def test_what_is_no_zip_is_refused() -> None:
    with pytest.raises(Refused, match="Could not unzip uploaded file"):
        check_archives(b"def handler(): ...", [])


def test_code_and_layers_together_are_limited() -> None:
    half = io.BytesIO()
    with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("zeros", bytes(131072000))
    check_archives(half.getvalue(), [])
    with pytest.raises(Refused, match="Unzipped size must be smaller than 262144000 bytes"):
        check_archives(half.getvalue(), [half.getvalue()])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "Reserved keys used in this request: AWS_REGION"),
        ({"Environment": {"Variables": {"BIG": "x" * 5000}}}, "exceeded the 4KB limit"),
        ({"Runtime": "java21"}, "'java21'"),
        ({"DeadLetterConfig": {}}, "DeadLetterConfig"),
        ({"Layers": list("abcdef")}, "Cannot reference more than 5 layers"),
    ],
)
def test_settings_that_lambda_or_the_rehearsal_lacks_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(Refused, match=message):
        check_settings(settings)
