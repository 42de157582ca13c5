"""The house rules that can be tests."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the ground up; a file imports only from rows above its own.
FLOORS = [
    ["errors", "tokens", "threads", "reading_english", "reading_korean"],
    ["text", "ranks", "settings", "products", "kept"],
    ["sentencepieces"],
    ["config", "audio", "tokenizer", "scoring", "plots", "devices"],
    ["lm_config", "schedules"],
    ["arpa"],
    ["ngram_trie", "ngram_estimate"],
    ["ngram"],
    ["speech"],
    ["features", "loops"],
    ["energy_loops"],
    ["energies", "correlation", "attention_prior"],
    ["rnn", "attention_contract"],
    ["attention", "cells", "start"],
    ["encoder", "decoder", "window"],
    ["model"],
    ["loss", "manifest", "scorers"],
    ["cut_audio"],
    ["audio_checks", "export_formats"],
    ["data", "search", "checkpoint", "language_model", "lm_text", "word_lm", "describe"],
    ["lm_folder", "fusion", "describe_table", "validate", "export"],
    ["recognizer", "experiment", "monitor", "trainlog", "card", "bptt", "perplexity"],
    ["decode"],
    ["lm_run"],
    ["progress", "gradients"],
    ["evaluate"],
    ["train"],
    ["train_lm"],
    ["transcribe", "drawing", "choices", "tune"],
    ["writers", "api", "tune_report"],
    ["results"],
    ["scored"],
    ["report", "doctor", "cli_options"],
    ["recipes", "cli_lm", "cli_data"],
    ["cli"],
]
HEIGHT = {name: height for height, floor in enumerate(FLOORS) for name in floor}
MODULES = sorted(path for path in (ROOT / "asr").glob("*.py") if path.stem != "__init__")
SOURCES = sorted([*(ROOT / "asr").glob("*.py"), *(ROOT / "recipes").glob("*.py")])
FORBIDDEN_NAMES = {"utils", "helpers", "common", "misc"}


def imported(path: Path) -> set[str]:
    """Returns the project's modules that a file imports, lazily or not."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        found = []
        if isinstance(node, ast.ImportFrom) and node.module:
            found = [node.module]
            if node.module == "asr":
                found = [f"asr.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        for name in found:
            package, _, rest = name.partition(".")
            if package == "asr" and rest:
                names.add(rest.split(".")[0])
            elif package == "recipes":
                names.add("recipes")
    return names - {"__version__"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_imports_only_from_floors_below(path: Path) -> None:
    assert path.stem in HEIGHT, f"asr/{path.name} has no floor: add it to FLOORS"
    for name in imported(path):
        assert HEIGHT[name] < HEIGHT[path.stem], f"asr/{path.name} imports {name} from above"


def test_recipes_import_nothing_above_the_ground_floors() -> None:
    for path in (ROOT / "recipes").glob("*.py"):
        for name in imported(path) - {"recipes"}:
            assert name in {"errors", "text", "audio", "settings"}, (
                f"recipes/{path.name} imports asr.{name}"
            )


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_file_is_a_drawer_or_grows_past_its_size(path: Path) -> None:
    assert path.stem not in FORBIDDEN_NAMES
    assert len(path.read_text("utf-8").splitlines()) <= 350


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_functions_fit_a_screen_and_take_few_arguments(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            where = f"{path.name}:{node.lineno} {node.name}"
            assert lines <= 60, f"{where} has {lines} lines"
            positional = [arg.arg for arg in node.args.args if arg.arg not in {"self", "cls"}]
            if path.stem not in {
                "cli",
                "cli_data",
                "cli_lm",
            }:  # a command's options are its arguments
                assert len(positional) <= 4, f"{where} takes {len(positional)} by position"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
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
        "model": "decoder, encoder and search",
        "scorers": "search",
        "cells": "rnn",
        "energy_loops": "energies",
        "attention_contract": "attention",
        "choices": "cli",
        "drawing": "cli",
        "tokens": "tokenizer",
        "sentencepieces": "tokenizer",
        "trainlog": "train",
        "progress": "train",
        "experiment": "train",
        "evaluate": "train",
        "card": "checkpoint",
        "api": "cli",
        "audio_checks": "validate",
        "cut_audio": "data and export",
        "describe_table": "describe",
        "export_formats": "export",
        "cli_data": "describe, validate and export",
        "cli_lm": "cli",
        "cli_options": "cli",
        "tune_report": "tune",
        "ranks": "decode",
        "recognizer": "cli, decode and window",
        "scored": "report",
        "devices": "cli",
        "writers": "transcribe",
        "settings": "config",
        "bptt": "train_lm",
        "lm_config": "train_lm",
        "arpa": "ngram",
        "ngram_trie": "ngram",
        "ngram_estimate": "ngram",
        "lm_run": "train_lm",
        "lm_text": "train_lm",
        "lm_folder": "language_model",
        "perplexity": "language_model",
        "errors": "all",
    }
    for path in MODULES:
        has_file = (ROOT / "tests" / f"test_{path.stem}.py").is_file()
        assert has_file or path.stem in tested_elsewhere, f"no test file for asr/{path.name}"


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
