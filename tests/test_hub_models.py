"""Models from and to a hub on this machine, by huggingface-hub itself."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import run, tiny_config, tone
from hub_server import Hub, hub_here

import asr
from asr.build import build_model
from asr.checkpoint import save_folder, save_weights
from asr.errors import ConfigError, InstallError, ModelError
from asr.hub import models
from asr.hub.models import HubName, fetch, parse_name, publish
from asr.text.tokenizer import train_tokenizer

TOKENIZER = train_tokenizer(["abcd"], kind="char", vocab_size=None, normalizer="none")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a model folder, with more in it than travels."""
    folder = tmp_path_factory.mktemp("trained") / "model"
    save_folder(folder, tiny_config(), TOKENIZER)
    save_weights(
        folder / "model.safetensors", build_model(tiny_config(), TOKENIZER.vocab_size).state_dict()
    )
    (folder / "README.md").write_text("# Model\n", "utf-8")
    (folder / "training").mkdir()
    (folder / "training" / "state.pt").write_bytes(b"a pickle")
    return folder


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    constants = pytest.importorskip("huggingface_hub.constants", reason="needs the extra hub")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_TOKEN", "hf_none")
    with hub_here() as here:
        monkeypatch.setenv("HF_ENDPOINT", here.url)
        yield here


def files_of(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_what_is_published_comes_back_as_it_was(hub: Hub, folder: Path, tmp_path: Path) -> None:
    done = run("push", folder, "somebody/model")
    assert done.returncode == 0, done.stderr
    commit = hub.newest["somebody/model"]
    assert f"somebody/model@{commit}: published from" in done.stderr
    assert "training/state.pt" not in hub.models["somebody/model"][commit]
    done = run("pull", "somebody/model", "--out", tmp_path / "back")
    assert done.returncode == 0, done.stderr
    assert f"the same again: somebody/model@{commit}" in done.stderr
    sent = {name: value for name, value in files_of(folder).items() if "training" not in name}
    assert files_of(tmp_path / "back") == sent
    assert not list(tmp_path.glob(".pull-*"))


def test_a_revision_is_pinned(hub: Hub, folder: Path, tmp_path: Path) -> None:
    first = publish(folder, HubName("somebody/model", None), private=True)
    files = {**hub.models["somebody/model"][first], "README.md": b"# Another\n"}
    second = hub.commit("somebody/model", files)
    assert fetch(HubName("somebody/model", None), tmp_path / "new")[1] == second
    assert fetch(HubName("somebody/model", first), tmp_path / "old")[1] == first
    assert (tmp_path / "old" / "README.md").read_text("utf-8") == "# Model\n"


def test_nothing_of_an_earlier_model_stays_under_its_name(
    hub: Hub, folder: Path, tmp_path: Path
) -> None:
    earlier = {"tokenizer.model": b"pieces", "lm/lm.arpa": b"words", "notes.txt": b"by hand"}
    hub.commit("somebody/model", {**files_of(folder), **earlier})
    commit = publish(folder, HubName("somebody/model", None), private=False)
    fetch(HubName("somebody/model", None), tmp_path / "back")
    assert files_of(tmp_path / "back").keys() == files_of(folder).keys() - {"training/state.pt"}
    assert "notes.txt" in hub.models["somebody/model"][commit]  # no file of a model folder


def test_only_the_files_of_a_model_folder_are_fetched(
    hub: Hub, folder: Path, tmp_path: Path
) -> None:
    more = {"evil.pkl": b"x", "code.py": b"x", "lm/config.yaml": b"x", "sub/model.bin": b"x"}
    hub.commit("somebody/model", {**files_of(folder), **more})
    fetch(HubName("somebody/model", None), tmp_path / "back")
    found = set(files_of(tmp_path / "back"))
    assert not found & {"evil.pkl", "code.py", "sub/model.bin", "training/state.pt"}
    assert "lm/config.yaml" in found


def test_load_model_takes_a_name_and_finds_it_again_without_network(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = publish(folder, HubName("somebody/model", None), private=False)
    here = asr.load_model(str(folder), "cpu").recognize([tone("abc")])
    there = asr.load_model(f"somebody/model@{commit}", "cpu").recognize([tone("abc")])
    assert [one.text for one in here] == [one.text for one in there]
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    again = asr.load_model(f"somebody/model@{commit}", "cpu").recognize([tone("abc")])
    assert [one.text for one in here] == [one.text for one in again]


def test_without_network_one_sentence_says_so(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    done = run("pull", "somebody/model", "--out", tmp_path / "m")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "somebody/model: the hub cannot be reached" in done.stderr
    assert "without network give the path of a model folder" in done.stderr
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("somebody/other", r"somebody/other: is no folder here, and the hub has no such model"),
        ("somebody/model@v9", r"somebody/model@v9: the hub has no such revision"),
        ("somebody/empty", r"somebody/empty: has no config\.yaml, so it is no model folder"),
        ("somebody/damaged", r"model\.safetensors: is damaged"),
    ],
)
def test_what_cannot_be_fetched_is_named(
    hub: Hub, folder: Path, tmp_path: Path, name: str, said: str
) -> None:
    hub.commit("somebody/model", files_of(folder))
    hub.commit("somebody/empty", {"README.md": b"nothing"})
    hub.commit("somebody/damaged", {**files_of(folder), "model.safetensors": b"cut"})
    model = parse_name(name)
    assert model is not None
    with pytest.raises(ModelError, match=said):
        fetch(model, tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_nothing_is_written_over_or_published_that_is_no_model(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes").write_text("mine", "utf-8")
    with pytest.raises(ModelError, match="there is something already; use another --out"):
        fetch(HubName("somebody/model", "0" * 40), tmp_path / "full")
    with pytest.raises(ModelError, match=r"has no config\.yaml, so it is no model folder"):
        publish(tmp_path / "full", HubName("somebody/model", None), private=False)
    with pytest.raises(ConfigError, match="a revision is made by publishing; leave out @v1"):
        publish(tmp_path / "full", HubName("somebody/model", "v1"), private=False)


def test_a_folder_that_is_there_and_empty_takes_a_model(
    hub: Hub, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(folder, HubName("somebody/model", None), private=False)
    sent = {name: value for name, value in files_of(folder).items() if "training" not in name}
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    fetch(HubName("somebody/model", None), tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert files_of(tmp_path / "empty") == sent
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    fetch(HubName("somebody/model", None), Path())
    assert files_of(tmp_path / "here") == sent
    (tmp_path / "nowhere").symlink_to("gone")
    with pytest.raises(ModelError, match="there is something already"):
        fetch(HubName("somebody/model", None), tmp_path / "nowhere")


def test_ctrl_c_stops_at_once_and_the_same_command_goes_on(
    hub: Hub, folder: Path, tmp_path: Path
) -> None:
    hub.commit("somebody/model", files_of(folder))
    hub.seconds = 60.0
    command = [sys.executable, "-m", "asr.cli", "pull", "somebody/model", "--out", "back"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not any("model.safetensors" in path for path in hub.asked):
            assert process.poll() is None
            time.sleep(0.1)
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=50)
    assert time.monotonic() - asked < 30
    assert process.returncode == 130
    assert "asr: stopped; the same command goes on" in said
    assert {path.name[:6] for path in (tmp_path / "back").iterdir()} == {".pull-"}
    hub.seconds = 0.0
    done = run("pull", "somebody/model", "--out", tmp_path / "back")
    assert done.returncode == 0, done.stderr
    assert not list((tmp_path / "back").glob(".*"))
    asr.load_model(str(tmp_path / "back"), "cpu")


def test_a_disk_that_is_full_is_one_sentence_and_what_came_is_kept(
    hub: Hub, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.commit("somebody/model", files_of(folder))

    def full(*_: object, local_dir: Path | None = None, **__: object) -> None:
        if local_dir is not None:
            local_dir.mkdir()
            (local_dir / "part").write_bytes(b"x")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(models, "_snapshot", full)
    with pytest.raises(ModelError, match=r"new: cannot be written \(No space left on device\)"):
        fetch(HubName("somebody/model", None), tmp_path / "new")
    assert [path.name[:6] for path in (tmp_path / "new").iterdir()] == [".pull-"]
    with pytest.raises(ModelError, match=r"cache: cannot be written .* another HF_HOME"):
        fetch(HubName("somebody/model", None))


@pytest.mark.parametrize(
    ("name", "page", "said"),
    [
        ("org/x.git", None, r"org/x\.git: is no name that the hub allows"),
        ("org/a..b", None, r"org/a\.\.b: is no name that the hub allows"),
        ("org/x", b"<html>Log in</html>", "what answers is no hub.*check the network's log"),
        ("org/x", b"{}", "what answers is no hub"),
    ],
)
def test_what_is_no_hub_or_no_name_is_a_sentence(
    hub: Hub, tmp_path: Path, name: str, page: bytes | None, said: str
) -> None:
    hub.page = page
    model = parse_name(name)
    assert model is not None
    with pytest.raises(ModelError, match=said):
        fetch(model, tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_without_network_a_commit_in_the_cache_is_named(
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = publish(folder, HubName("somebody/model", None), private=False)
    fetch(HubName("somebody/model", None))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelError, match=f"without network somebody/model@{commit} is here"):
        fetch(HubName("somebody/model", None))


def test_what_would_not_load_is_neither_published_nor_fetched(
    hub: Hub, folder: Path, tmp_path: Path
) -> None:
    half = tmp_path / "half"
    half.mkdir()
    for name in models.NEEDED:
        (half / name).write_bytes((folder / name).read_bytes())
    done = run("push", half, "somebody/half")
    assert done.returncode == 2
    assert "tokens.txt" in done.stderr
    assert "somebody/half" not in hub.models
    hub.commit("somebody/half", files_of(half))
    done = run("pull", "somebody/half", "--out", tmp_path / "back")
    assert done.returncode == 2
    assert "tokens.txt" in done.stderr
    assert not (tmp_path / "back").exists()


def test_names_of_models_are_told_from_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exp").mkdir()
    assert parse_name("org/name") == HubName("org/name", None)
    assert parse_name("org/name@v1.0") == HubName("org/name", "v1.0")
    for path in ("exp/mine", "mine", "./a/b", "../a", "a/b/c", "/a/b", "org/name@", "", "o rg/x"):
        assert parse_name(path) is None
    assert parse_name("exp/mine", or_path=False) == HubName("exp/mine", None)  # as pull reads it
    done = run("pull", "exp", "--out", tmp_path / "m")
    assert done.returncode == 2
    assert '"exp": is no model on the hub; give org/name or org/name@revision' in done.stderr


def test_without_the_extra_a_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    said = r"somebody/model: is no folder here, and .*pip install 'asr-seq2seq\[hub\]'"
    with pytest.raises(InstallError, match=said):
        asr.load_model("somebody/model", "cpu")


def test_a_model_is_asked_for_in_a_process_that_knows_the_library_by_name_alone(
    tmp_path: Path,
) -> None:
    code = "import asr; asr.load_model('exp/mine', 'cpu')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path)},
    )
    last = done.stderr.strip().splitlines()[-1]
    assert "ModelError: exp/mine: is no folder here, and the hub cannot be reached" in last


def test_the_command_line_starts_without_the_hubs_library() -> None:
    code = "import sys, asr.cli.app; print('huggingface_hub' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert models.NEEDED == ("config.yaml", "model.safetensors")
