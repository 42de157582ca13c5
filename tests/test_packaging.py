"""What is declared, what is imported, and what a wheel holds."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Callable
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest
import soundfile
from conftest import tone, write_manifest

Run = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
SOURCES = sorted([*(ROOT / "asr").rglob("*.py"), *(ROOT / "recipes").rglob("*.py")])
NAMED_BY_THE_USER = {"torch", "torchaudio", "librosa", "sentencepiece", "jiwer", "soundfile"}


OURS_AND_PYTHONS = {"asr", *sys.stdlib_module_names}
# A module of one distribution that needs another, which its name does not tell.
THROUGH = {"torch.utils.tensorboard": "tensorboard"}


def normal(name: str) -> str:
    """Returns a distribution's name in the one form that all its spellings share."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(requirements: list[str]) -> set[str]:
    return {normal(re.split(r"[^\w.-]", line, maxsplit=1)[0]) for line in requirements}


# Imported where an extra is installed -> the extra.
SERVE = {"fastapi": "serve", "starlette": "serve", "uvicorn": "serve"}
OPTIONAL = {"av": "av", "huggingface_hub": "hub", "onnx": "onnx", "onnxruntime": "vad", **SERVE}


def imported(source: str) -> set[str]:
    """Returns the first parts of the names that a source imports, lazily or not."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            names |= {str(part.value) for part in node.args if isinstance(part, ast.Constant)}
    names |= {THROUGH[name] for name in names & set(THROUGH)}
    return {name.partition(".")[0] for name in names} - OURS_AND_PYTHONS


def test_imports_are_found_however_they_are_written() -> None:
    source = "import os, numba.np\nfrom . import x\ndef f():\n    from yaml import load\n"
    assert imported(source + "importlib.import_module('jiwer.process')") == {
        *("numba", "yaml", "jiwer")
    }


def test_what_is_declared_is_imported_and_what_is_imported_is_declared() -> None:
    distributions = metadata.packages_distributions()
    found: set[str] = set()
    for path in SOURCES:
        for name in imported(path.read_text("utf-8")) - OPTIONAL.keys():
            assert name in distributions, f"{path.name} imports {name}, which is not installed"
            found |= {normal(name) for name in distributions[name]}
    extras = declared(PROJECT["optional-dependencies"]["demo"])
    assert found == declared(PROJECT["dependencies"]) | extras
    for name, extra in OPTIONAL.items():
        assert normal(name) in declared(PROJECT["optional-dependencies"][extra])


def test_the_six_packages_that_the_user_named_are_declared() -> None:
    assert declared(PROJECT["dependencies"]) >= NAMED_BY_THE_USER


def test_constraints_name_one_version_of_all_that_is_declared_and_no_index() -> None:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[\w.]+", line) for line in pins), pins
    names = [line.partition("==")[0] for line in pins]
    assert len(names) == len(set(names))
    extras = [line for lines in PROJECT["optional-dependencies"].values() for line in lines]
    assert declared(PROJECT["dependencies"]) | declared(extras) <= set(names)


def test_torch_is_bounded_to_versions_beside_which_torchaudio_imports() -> None:
    bounds = dict(
        re.findall(r"^(torch|torchaudio)([<>=].*)$", "\n".join(PROJECT["dependencies"]), re.M)
    )
    assert bounds == {"torch": ">=2.11,<2.15", "torchaudio": ">=2.11,<2.12"}


@pytest.fixture
def run_beside_unfit(tmp_path: Path) -> Run:
    """Runs code beside a torchaudio that is there and does not import, as one of another build."""
    package = tmp_path / "unfit" / "torchaudio"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise OSError('libtorch_cuda.so is of another build')")

    def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        paths = os.pathsep.join([str(package.parent), str(ROOT)])
        command = [sys.executable, "-c", code, *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": paths}
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    return run


COMMAND = "from asr.cli import main; main()"


def test_all_files_import_beside_a_torchaudio_that_does_not(run_beside_unfit: Run) -> None:
    absent = {name for name in SERVE if not find_spec(name)}
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in SOURCES
        if path.name != "__main__.py"
        # Each file of a room needs the extra that its other files import.
        and not (absent and path.parent.name == "serving")
    ]
    done = run_beside_unfit(f"import sys, {', '.join(names)}; print('torchaudio' in sys.modules)")
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_reading_and_scoring_work_beside_a_torchaudio_that_does_not_import(
    run_beside_unfit: Run, tmp_path: Path
) -> None:
    manifest = write_manifest(tmp_path, "dev", ["ab", "c d"])
    (tmp_path / "ref.txt").write_text("one a b\n")
    (tmp_path / "hyp.txt").write_text("one a c\n")
    score = ["score", "--ref", tmp_path / "ref.txt", "--hyp", tmp_path / "hyp.txt", "--only", "wer"]
    assert "transcribe" in run_beside_unfit(COMMAND, "--help").stdout
    assert "utterances" in run_beside_unfit(COMMAND, "data", "describe", manifest).stdout
    assert run_beside_unfit(COMMAND, "data", "validate", "--audio", manifest).returncode == 0
    assert run_beside_unfit(COMMAND, *score).stdout == "50.00 %\n"


def test_features_say_in_one_sentence_that_torchaudio_does_not_fit(
    run_beside_unfit: Run, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "speech.wav", tone("ab", 16000), 16000)
    picture = tmp_path / "features.png"
    done = run_beside_unfit(COMMAND, "draw-features", tmp_path / "speech.wav", "--out", picture)
    assert done.returncode == 2
    assert done.stderr.startswith("asr: torchaudio does not import beside torch 2.")
    assert "(libtorch_cuda.so is of another build); log-mel features need" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def run_in(folder: Path, *command: object) -> str:
    """Runs a command in a folder, far from the sources; returns what it printed."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, cwd=folder, env=environment
    )
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def uv(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Returns the program uv, or skips where there is none or it reaches no package index."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if found is None:
        pytest.skip("no uv; make install brings it")
    command = [found, "pip", "install", "--dry-run", "--target", "none", "setuptools"]
    folder = tmp_path_factory.mktemp("index")
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    if done.returncode:
        pytest.skip(f"uv reaches no package index: {done.stderr.strip().splitlines()[-1]}")
    return found


@pytest.fixture(scope="module")
def built(uv: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Returns the source distribution, and the wheel that is built from it alone."""
    folder = tmp_path_factory.mktemp("built")
    left_out = shutil.ignore_patterns(
        ".*env*", ".git", "*_cache", "exp", "__pycache__", "*.egg-info"
    )
    # Building leaves files beside the sources.
    shutil.copytree(ROOT, folder / "sources", symlinks=True, ignore=left_out)
    run_in(folder, uv, "build", folder / "sources", "--out-dir", folder)
    [sdist], [wheel] = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


@pytest.mark.slow
@pytest.mark.network
def test_wheel_and_source_distribution_hold_all_packages_and_data(
    built: tuple[Path, Path],
) -> None:
    sdist, wheel = built
    with zipfile.ZipFile(wheel) as file:
        in_wheel = set(file.namelist())
    with tarfile.open(sdist) as file:
        in_sdist = {name.partition("/")[2] for name in file.getnames()}
    linked = {
        "asr": "asr",
        "asr/recipes": "recipes",
        "asr/presets/quickstart": "egs/quickstart/conf",
    }
    ours = {
        f"{name}/{path.relative_to(ROOT / folder)}"
        for name, folder in linked.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"asr/py.typed", "asr/recipes/espeak.py", "asr/presets/quickstart/lm.yaml"} <= ours
    assert {name for name in in_wheel if not name.startswith("asr_seq2seq-")} == ours
    assert ours <= in_sdist
    assert {"recipes/espeak.py", "constraints.txt", "egs/quickstart/run.sh"} <= in_sdist
    assert "tests/conftest.py" in in_sdist
    assert any(name.startswith("tests/fixtures/before_rooms/") for name in in_sdist)


@pytest.mark.slow
@pytest.mark.network
def test_a_wheel_in_an_empty_environment_does_the_quickstart_without_a_clone(
    uv: str, built: tuple[Path, Path], tmp_path: Path
) -> None:
    home, binaries = tmp_path / "home", tmp_path / "venv" / "bin"
    home.mkdir()
    run_in(home, uv, "venv", "--python", sys.executable, tmp_path / "venv")
    run_in(home, uv, "pip", "install", "--python", binaries / "python", f"{built[1]}[demo]")
    where = run_in(home, binaries / "python", "-c", "import asr; print(asr.__file__)")
    assert Path(where.strip()).is_relative_to(tmp_path / "venv")

    asr = binaries / "asr"
    run_in(home, asr, "prepare", "synthetic", "--num-utterances", 60, "--out", "data")
    sizes = ["encoder.hidden_dim=24", "encoder.num_layers=2", "decoder.hidden_dim=24"]
    sizes += ["train.epochs=1", "train.warmup_steps=5", "train.accelerator=cpu"]
    sizes += ["data.train=data/train.jsonl.gz", "data.dev=data/dev.jsonl.gz"]
    settings = [word for setting in sizes for word in ("--set", setting)]
    run_in(home, asr, "train", "quickstart", "--out", "model", *settings)
    run_in(home, asr, "decode", "data/test.jsonl.gz", "--model", "model", "--out", "test")
    assert re.fullmatch(r"[\d.]+ %\n", run_in(home, asr, "score", "test", "--only", "cer"))
    sounds = sorted((home / "data" / "wav" / "test").glob("*.wav"))
    run_in(home, asr, "transcribe", sounds[0], "--model", "model", "-f", "json", "-o", "texts")
    transcript = json.loads((home / "texts" / f"{sounds[0].stem}.json").read_text("utf-8"))
    assert transcript["segments"]
