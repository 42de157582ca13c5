"""The house rules that can be tests."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the ground up: rooms, and files that stand at the root. A file imports from its own row and
# the rows above, and neither files nor the rooms of a row import each other in a circle.
ROWS = [
    ["errors"],
    ["settings", "text", "fast", "machine"],
    ["config", "audio", "plots"],
    ["features", "rnn", "cells", "attention", "encoder", "start", "decoder", "model"],
    ["loss", "scorers", "search", "recognition", "checkpoint", "data"],
    ["scoring", "training", "train"],
    ["lm", "use", "api"],
    ["recipes", "cli"],
]
HEIGHT = {room: height for height, row in enumerate(ROWS) for room in row}


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


def room_of(name: str) -> str:
    """Returns the room, or the file at the root, that a module belongs to."""
    package, *rest = name.split(".")
    return ".".join(rest[:1]) if package == "asr" else package


def circle(graph: dict[str, set[str]]) -> str:
    """Returns names that need each other in a circle, or nothing."""
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        return " -> ".join(error.args[1])
    return ""


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_a_module_imports_only_from_its_own_row_and_those_below(path: Path) -> None:
    name = module_name(path)
    assert room_of(name) in HEIGHT, f"{name} has no row: add {room_of(name)} to ROWS"
    for other in imported(path):
        assert HEIGHT[room_of(other)] <= HEIGHT[room_of(name)], f"{name} imports {other} from above"


def test_no_files_and_no_rooms_import_each_other_in_a_circle() -> None:
    files = {module_name(path): imported(path) - {module_name(path)} for path in SOURCES}
    rooms: dict[str, set[str]] = {}
    for name, needed in files.items():
        others = {room_of(other) for other in needed} - {room_of(name)}
        rooms.setdefault(room_of(name), set()).update(others)
    assert circle({"a": {"b"}, "b": {"a"}})
    assert not circle(files)
    assert not circle(rooms)


def test_a_newcomer_sees_few_files_at_the_root() -> None:
    at_root = [path for path in (ROOT / "asr").iterdir() if path.is_file()]
    assert len(at_root) <= 25


def test_recipes_import_nothing_above_the_ground_floors() -> None:
    for path in (ROOT / "recipes").glob("*.py"):
        for name in imported(path):
            allowed = {"errors", "text", "audio", "settings", "recipes"}
            assert room_of(name) in allowed, f"{path.name} imports {name}"


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


IMPERATIVES = {"Return", "Yield", "Write", "Draw", "Say", "Raise", "Read", "Make", "Add", "Take"}


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_docstrings_say_what_a_function_does_in_one_voice(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef) and not path.match("asr/cli/*"):  # there it is help
            words = (ast.get_docstring(node) or "").split()
            assert not words or words[0] not in IMPERATIVES, (
                f"{path.name}:{node.lineno}: {words[0]}"
            )


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
        "asr.audio.channels": "files",
        "asr.audio.opened": "files and layout",
        "asr.audio.pieces": "ogg and mp3",
        "asr.audio.tags": "mp3",
        "asr.audio.sphere": "chunks",
        "asr.audio.resampling": "exact",
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
        "asr.recognition": "cli, decode and window",
        "asr.cli.__main__": "cli",
    }
    for path in MODULES:
        name = module_name(path)
        has_file = (ROOT / "tests" / f"test_{name[4:].replace('.', '_')}.py").is_file()
        is_room = path.stem == "__init__" and len(path.read_text("utf-8").splitlines()) < 6
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
