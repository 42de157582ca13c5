"""The house rules that can be tests."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the ground up; a file imports only from rows above its own.
FLOORS = [
    [
        "asr.errors",
        "asr.text.tokens",
        "asr.machine.threads",
        "asr.text.reading_english",
        "asr.text.reading_korean",
    ],
    [
        "asr.text.normalizers",
        "asr.machine.ranks",
        "asr.settings",
        "asr.fast.products",
        "asr.fast.kept",
    ],
    ["asr.text.sentencepieces"],
    [
        "asr.config",
        "asr.audio.files",
        "asr.text.tokenizer",
        "asr.scoring.counts",
        "asr.plots",
        "asr.machine.devices",
    ],
    ["asr.lm.config", "asr.training.schedules"],
    ["asr.lm.arpa"],
    ["asr.lm.trie", "asr.lm.kneser_ney"],
    ["asr.lm.ngram"],
    ["asr.audio.speech"],
    ["asr.features", "asr.fast.shared"],
    ["asr.fast.compiled"],
    ["asr.fast.energies", "asr.fast.correlation", "asr.attention.prior"],
    ["asr.rnn", "asr.attention.contract"],
    ["asr.attention", "asr.cells", "asr.start"],
    ["asr.encoder", "asr.decoder", "asr.attention.window"],
    ["asr.model"],
    ["asr.loss", "asr.data.manifest", "asr.scorers"],
    ["asr.data.cut_audio"],
    ["asr.data.audio_checks", "asr.data.export_formats"],
    [
        "asr.data.batches",
        "asr.search",
        "asr.checkpoint",
        "asr.lm.language_model",
        "asr.lm.text",
        "asr.lm.words",
        "asr.data.describe",
    ],
    [
        "asr.lm.folder",
        "asr.lm.fusion",
        "asr.data.describe_table",
        "asr.data.validate",
        "asr.data.export",
    ],
    [
        "asr.use.recognizer",
        "asr.training.experiment",
        "asr.training.monitor",
        "asr.training.log",
        "asr.training.card",
        "asr.lm.bptt",
        "asr.lm.perplexity",
    ],
    ["asr.use.decode"],
    ["asr.lm.run"],
    ["asr.training.progress", "asr.training.gradients"],
    ["asr.training.evaluate"],
    ["asr.train"],
    ["asr.lm.train"],
    ["asr.use.transcribe", "asr.use.draw_alignment", "asr.cli.choices", "asr.use.tune"],
    ["asr.use.writers", "asr.api", "asr.use.tune_report"],
    ["asr.scoring.results"],
    ["asr.scoring.scored"],
    ["asr.scoring.report", "asr.machine.doctor", "asr.cli.options"],
    ["recipes", "asr.cli.lm", "asr.cli.data"],
    ["asr.cli.app"],
]
HEIGHT = {name: height for height, floor in enumerate(FLOORS) for name in floor}


def module_name(path: Path) -> str:
    """Returns the dotted name under which a file of the project is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = sorted(path for path in (ROOT / "asr").rglob("*.py") if path != ROOT / "asr/__init__.py")
SOURCES = sorted([*(ROOT / "asr").rglob("*.py"), *(ROOT / "recipes").rglob("*.py")])
NAMES = {module_name(path) for path in SOURCES}
FORBIDDEN_NAMES = {"utils", "helpers", "common", "misc"}


def imported(path: Path) -> set[str]:
    """Returns the project's modules that a file imports, lazily or not."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            submodules = {f"{node.module}.{alias.name}" for alias in node.names} & NAMES
            names |= submodules or {node.module}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name for name in names & NAMES if name != "asr"}


def test_imports_are_found_however_they_are_written(tmp_path: Path) -> None:
    source = tmp_path / "source.py"
    source.write_text(
        "import asr.train\nfrom asr import search\n\n"
        "def f():\n    from asr.model import build_model\n"
    )
    assert imported(source) == {"asr.train", "asr.search", "asr.model"}
    assert len(MODULES) > 80


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_a_module_imports_only_from_floors_below(path: Path) -> None:
    name = module_name(path)
    needed = {"recipes" if other.startswith("recipes") else other for other in imported(path)}
    assert name in HEIGHT or not needed, f"{name} has no floor: add it to FLOORS"
    for other in needed:
        assert HEIGHT[other] < HEIGHT[name], f"{name} imports {other} from above"


def test_recipes_import_nothing_above_the_ground_floors() -> None:
    for path in (ROOT / "recipes").glob("*.py"):
        for name in imported(path):
            allowed = {"asr.errors", "asr.text.normalizers", "asr.audio.files", "asr.settings"}
            assert name in allowed or name.startswith("recipes"), f"{path.name} imports {name}"


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_no_file_is_a_drawer_or_grows_past_its_size(path: Path) -> None:
    assert path.stem not in FORBIDDEN_NAMES
    assert len(path.read_text("utf-8").splitlines()) <= 350


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_functions_fit_a_screen_and_take_few_arguments(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            where = f"{path.name}:{node.lineno} {node.name}"
            assert lines <= 60, f"{where} has {lines} lines"
            positional = [arg.arg for arg in node.args.args if arg.arg not in {"self", "cls"}]
            commands = {"asr.cli.app", "asr.cli.data", "asr.cli.lm"}
            if module_name(path) not in commands:  # a command's options are its arguments
                assert len(positional) <= 4, f"{where} takes {len(positional)} by position"


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_a_forward_assigns_nothing_to_its_module(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name in {"forward", "step", "advance"}:
            for inner in ast.walk(node):
                targets = inner.targets if isinstance(inner, ast.Assign) else []
                for target in targets:
                    is_self = isinstance(target, ast.Attribute) and ast.unparse(
                        target.value
                    ).startswith("self")
                    assert not is_self, f"{path.name}:{inner.lineno} assigns to self"


def test_every_module_of_asr_says_what_it_is() -> None:
    for path in SOURCES:
        assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), f"{path.name}: no docstring"


def test_there_is_a_test_file_for_every_module() -> None:
    tested_elsewhere = {
        "asr.model": "decoder, encoder and search",
        "asr.scorers": "search",
        "asr.cells": "rnn",
        "asr.fast.compiled": "energies",
        "asr.attention.contract": "attention",
        "asr.cli.choices": "cli",
        "asr.use.draw_alignment": "cli",
        "asr.text.tokens": "tokenizer",
        "asr.text.sentencepieces": "tokenizer",
        "asr.training.log": "train",
        "asr.training.progress": "train",
        "asr.training.experiment": "train",
        "asr.training.evaluate": "train",
        "asr.training.card": "checkpoint",
        "asr.api": "cli",
        "asr.data.audio_checks": "validate",
        "asr.data.cut_audio": "data and export",
        "asr.data.describe_table": "describe",
        "asr.data.export_formats": "export",
        "asr.cli.data": "describe, validate and export",
        "asr.cli.lm": "cli",
        "asr.cli.options": "cli",
        "asr.use.tune_report": "tune",
        "asr.machine.ranks": "decode",
        "asr.use.recognizer": "cli, decode and window",
        "asr.scoring.scored": "report",
        "asr.machine.devices": "cli",
        "asr.use.writers": "transcribe",
        "asr.settings": "config",
        "asr.lm.bptt": "train_lm",
        "asr.lm.config": "train_lm",
        "asr.lm.arpa": "ngram",
        "asr.lm.trie": "ngram",
        "asr.lm.kneser_ney": "ngram",
        "asr.lm.run": "train_lm",
        "asr.lm.text": "train_lm",
        "asr.lm.folder": "language_model",
        "asr.lm.perplexity": "language_model",
        "asr.errors": "all",
    }
    for path in MODULES:
        name = module_name(path)
        has_file = (ROOT / "tests" / f"test_{name[4:].replace('.', '_')}.py").is_file()
        is_room = path.stem == "__init__" and not imported(path)
        assert has_file or is_room or name in tested_elsewhere, f"no test file for {name}"


def test_no_text_of_ours_names_a_package_host_or_a_machine() -> None:
    hosts = ["pypi" + ".org", "python" + "hosted", "/wo" + "rk/", "/ro" + "ot/"]
    folders = ["asr", "recipes", "tests", "egs", "data", ".ci"]
    files = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    files += [path for path in ROOT.iterdir() if path.suffix in {".md", ".toml", ".txt"}]
    kinds = {".py", ".md", ".toml", ".txt", ".yaml", ".sh", ""}
    for path in files:
        parts = path.relative_to(ROOT).parts
        if not path.is_file() or path.suffix not in kinds or {"exp", "__pycache__"} & set(parts):
            continue
        if "data" in parts and path.name != "README.md":
            continue
        text = path.read_text("utf-8")
        for host in hosts:
            assert host not in text, f"{path.relative_to(ROOT)} holds {host}"
