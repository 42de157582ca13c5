"""The house rules that can be tests."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the ground up: rooms, and files that stand at the root. A file imports from its own row and
# the rows before it, and neither files nor the rooms of a row import each other in a circle.
ROWS = [
    ["errors", "version", "presets"],
    ["settings", "files", "text", "fast", "pictures", "machine", "store", "hub"],
    ["sections", "config", "audio", "tables"],
    [
        "spectra",
        "features",
        "layers",
        "rnn",
        "cells",
        "attention",
        "subsampling",
        "encoder",
        "scheduled_sampling",
        "decoder_start",
        "decoder",
        "model",
        "build",
    ],
    ["loss", "scorers", "hypotheses", "search", "recognition", "checkpoint", "data", "evidence"],
    ["scoring", "training", "train"],
    ["lm", "use", "pages", "exporting"],
    ["importing", "serving"],
    ["recipes", "cli"],
]
HEIGHT = {room: height for height, row in enumerate(ROWS) for room in row}


def module_name(path: Path) -> str:
    """Returns the dotted name under which a file of the project is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts[0] == "recipes":  # asr/recipes is a link to it
        parts = ("asr", *parts)
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
            named = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= named & NAMES
            if named - NAMES:
                names.add(node.module)
            assert node.level == 0, f"{path.name}: imports are written with whole names"
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name for name in names & NAMES if name != "asr"}


def test_imports_are_found_however_they_are_written(tmp_path: Path) -> None:
    source = tmp_path / "source.py"
    source.write_text(
        "import asr.train\nfrom asr import search\nfrom asr.attention import ATTENTIONS, window\n\n"
        "def f():\n    from asr.model import build_model\n"
    )
    attention = {"asr.attention", "asr.attention.window"}
    assert imported(source) == {"asr.train", "asr.search", "asr.model", *attention}
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


STORY = ["model", "features", "rnn", "encoder", "attention/contract", "attention/additive"]
STORY += ["decoder", "train", "search"]


def test_the_story_is_read_in_an_afternoon() -> None:
    lengths = [len((ROOT / "asr" / f"{name}.py").read_text("utf-8").splitlines()) for name in STORY]
    assert sum(lengths) <= 1500


def test_training_needs_no_language_model_and_no_export() -> None:
    code = (
        "import sys, asr.train; print(*sorted(name for name in sys.modules if name[:4] == 'asr.'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "asr.train" in loaded
    assert not [name for name in loaded if name.startswith(("asr.lm", "asr.use", "asr.cli"))]
    assert not [name for name in loaded if "export" in name]


def test_recipes_import_nothing_above_the_ground_floors() -> None:
    for path in (ROOT / "recipes").glob("*.py"):
        for name in imported(path):
            allowed = {
                "errors",
                "files",
                "text",
                "audio",
                "settings",
                "machine",
                "tables",
                "recipes",
            }
            assert room_of(name) in allowed | {"recipes"}, f"{path.name} imports {name}"


MAX_LINES, MAX_FUNCTION_LINES, MAX_PARAMETERS, MAX_POSITIONAL = 300, 40, 6, 3
CONTRACT = "the contract of attention: query, memory, state, prior"
DECODER = "the contract of a decoder's step: tokens, memory, state, prior"
EQUATION = "the terms of an equation"
KERNELS = "what stands beside compiled loops takes their arrays, by position"
AUTOGRAD = "autograd passes by position alone"
SETTINGS = "its parameters are the keys of the configuration"
# What may pass a limit -> why; a file, or file:function.
EXCEPTIONS = {
    "asr/attention/additive.py:AdditiveAttention.equation": EQUATION,
    "asr/attention/additive.py:LocationAttention.__init__": SETTINGS,
    "asr/attention/contract.py:Attention.forward": CONTRACT,
    "asr/attention/no_attention.py:NoAttention.forward": CONTRACT,
    "asr/attention/multi_head.py:MultiHeadAttention.forward": CONTRACT,
    "asr/attention/window.py:WindowedAttention.forward": CONTRACT,
    "asr/build.py:_NothingDrawn.__torch_function__": "torch's signature",
    "asr/cli/transcribing.py:transcribe": "an option a line, and nothing else",
    "asr/decoder.py:AttentionDecoder.step": DECODER,
    "asr/decoder.py:AttentionDecoder.advance": DECODER,
    "asr/fast/energies.py:additive_energies": EQUATION,
    "asr/fast/energies.py:_by_equation": EQUATION,
    "asr/fast/energies.py:_Energies.forward": AUTOGRAD,
    "asr/fast/kernels.py:energies": KERNELS,
    "asr/fast/kernels.py:fill_hidden": KERNELS,
    "asr/fast/kernels.py:gradients": KERNELS,
    "asr/fast/shared.py:_Use.forward": AUTOGRAD,
    "asr/features.py:LogMel.__init__": SETTINGS,
    "asr/lm/language_model.py:RecurrentLM.__init__": SETTINGS,
}


def functions(path: Path) -> list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Returns the functions of a file, with their names as `Class.method` or `outer.inner`."""
    found = []
    waiting: list[tuple[ast.AST, str]] = [(ast.parse(path.read_text("utf-8")), "")]
    while waiting:
        parent, prefix = waiting.pop()
        for node in ast.iter_child_nodes(parent):
            name = prefix
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{prefix}.{node.name}".lstrip(".")
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.append((name, node))
            waiting.append((node, name))
    return found


def beyond_limits(path: Path) -> dict[str, str]:
    """Returns what in a file passes a limit: `file` or `file:function`, and how."""
    where, found = path.relative_to(ROOT).as_posix(), {}
    num_lines = len(path.read_text("utf-8").splitlines())
    if num_lines > MAX_LINES:
        found[where] = f"{num_lines} lines; at most {MAX_LINES}"
    for name, node in functions(path):
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        arguments = node.args
        positional = [arg.arg for arg in [*arguments.posonlyargs, *arguments.args]]
        positional = [name for name in positional if name not in {"self", "cls"}]
        total = len(positional) + len(arguments.kwonlyargs)
        if lines > MAX_FUNCTION_LINES:
            found[f"{where}:{name}"] = f"{lines} lines; at most {MAX_FUNCTION_LINES}"
        elif where.startswith("asr/cli/"):
            continue  # a command's options are its arguments
        elif len(positional) > MAX_POSITIONAL:
            found[f"{where}:{name}"] = f"{len(positional)} by position; at most {MAX_POSITIONAL}"
        elif total > MAX_PARAMETERS:
            found[f"{where}:{name}"] = f"{total} parameters; at most {MAX_PARAMETERS}"
    return found


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_files_and_functions_fit_a_screen_and_take_few_arguments(path: Path) -> None:
    assert path.stem not in FORBIDDEN_NAMES
    assert not {where: how for where, how in beyond_limits(path).items() if where not in EXCEPTIONS}


def test_every_exception_from_the_limits_is_needed() -> None:
    beyond = {where for path in SOURCES for where in beyond_limits(path)}
    assert not EXCEPTIONS.keys() - beyond


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


def mechanisms_named(source: str) -> list[str]:
    """Returns where a source compares attention with a mechanism's name, or names its class."""
    from asr.attention import ATTENTIONS

    classes, found = {kind.__name__ for kind in ATTENTIONS.values()}, []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare):
            constants = {part.value for part in ast.walk(node) if isinstance(part, ast.Constant)}
            if constants & set(ATTENTIONS) and "attention" in ast.unparse(node):
                found.append(ast.unparse(node))
        elif isinstance(node, ast.Name | ast.alias) and ast.unparse(node) in classes:
            found.append(ast.unparse(node))
    return found


def test_no_mechanism_of_attention_is_known_by_name_outside_its_room() -> None:
    assert mechanisms_named("if config.attention.type in ('none', 'dot'): pass")
    assert mechanisms_named("is_one = isinstance(module, MultiHeadAttention)")
    for path in MODULES:
        if room_of(module_name(path)) != "attention":
            found = mechanisms_named(path.read_text("utf-8"))
            assert not found, f"{path.relative_to(ROOT)}: {found}"


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
        "asr.hypotheses": "search",
        "asr.subsampling": "encoder",
        "asr.fast.taught_kernels": "fast.taught_loop",
        "asr.fast.rounded_kernels": "fast.rounded_lstm",
        "asr.fast.int8_kernels": "fast.int8_lstm",
        "asr.fast.row_order": "fast.rounded_lstm and fast.int8_lstm",
        "asr.spectra.filters": "features",
        "asr.spectra.edges": "features and layers_blocks",
        "asr.spectra.own_statistics": "features",
        "asr.layers.activations": "layers_blocks and layers_dense",
        "asr.scheduled_sampling": "decoder",
        "asr.fast.cut_batches": "rnn",
        "asr.fast.kernels": "energies",
        "asr.cli.choices": "cli",
        "asr.use.draw_alignment": "cli",
        "asr.use.transcript": "use_transcribe",
        "asr.use.heard": "use_transcribe",
        "asr.use.pools": "use_transcribe",
        "asr.use.recognized": "use_recognizer",
        "asr.text.tokens": "tokenizer",
        "asr.text.numbers_korean": "reading_korean",
        "asr.text.words_korean": "reading_korean",
        "asr.text.sentencepieces": "tokenizer",
        "asr.training.log": "train",
        "asr.training.possible": "text_yaml_trees",
        "asr.training.progress": "session",
        "asr.training.experiment": "train",
        "asr.training.material": "train and training_initial",
        "asr.training.origin": "training_initial",
        "asr.training.shared_tokens": "training_initial",
        "asr.sections": "config",
        "asr.sections.start": "config and training_initial",
        "asr.use.adapt_settings": "use_adapt",
        "asr.use.adapt_texts": "use_adapt",
        "asr.cli.adapting": "use_adapt",
        "asr.training.largest_batch": "train",
        "asr.training.lock": "session",
        "asr.training.signals": "session and train",
        "asr.training.best": "train",
        "asr.training.lines": "train",
        "asr.lm.lines": "train_lm",
        "asr.training.statistics": "train",
        "asr.training.evaluate": "train",
        "asr.training.card": "checkpoint",
        "asr.evidence.places": "evidence_words",
        "asr.evidence.weighing": "use_judging",
        "asr.data.audio_checks": "validate",
        "asr.data.members": "shards",
        "asr.data.shard_reader": "shard_index",
        "asr.data.cut_types": "cut_lines",
        "asr.data.line_errors": "cut_lines",
        "asr.data.cut_audio": "data and export",
        "asr.audio.channels": "files",
        "asr.audio.levels": "audio_speech",
        "asr.audio.opened": "files and layout",
        "asr.audio.sndfile": "files and layout",
        "asr.audio.pieces": "ogg and mp3",
        "asr.audio.tags": "mp3",
        "asr.audio.kinds": "recipes_folder",
        "asr.tables.columns": "recipes_tables",
        "asr.tables.json_rows": "recipes_tables",
        "asr.tables.separated": "recipes_tables",
        "asr.tables.text_files": "recipes_tables",
        "asr.audio.sphere": "chunks",
        "asr.audio.resampling": "exact",
        "asr.data.describe_table": "describe",
        "asr.data.export_folder": "export",
        "asr.data.export_formats": "export",
        "asr.data.export_kaldi": "export",
        "asr.cli.data": "describe, validate and export",
        "asr.cli.lm": "cli",
        "asr.cli.options": "cli",
        "asr.use.dev_set": "tune and recognition",
        "asr.use.tune_report": "tune",
        "asr.scoring.file_scores": "formats, timed and alternatives",
        "asr.scoring.lines": "formats and transcripts",
        "asr.scoring.pairs": "formats, timed and tables",
        "asr.scoring.rates": "report",
        "asr.scoring.analysis": "scoring_details",
        "asr.scoring.report_parts": "scoring_details and scoring_report",
        "asr.scoring.report_values": "scoring_details",
        "asr.cli.scoring": "cli",
        "asr.cli.score_options": "scoring_formats",
        "asr.cli.use": "cli",
        "asr.machine.devices": "cli",
        "asr.use.writers": "transcribe",
        "asr.use.cues": "use_subtitles",
        "asr.use.transcript_json": "use_subtitles",
        "asr.use.transcript_tables": "use_subtitles",
        "asr.use.clips": "cli_transcribing",
        "asr.use.inputs": "cli_transcribing",
        "asr.use.many": "cli_transcribing",
        "asr.cli.transcribe_checks": "cli_transcribing",
        "asr.cli.transcribe_options": "cli_transcribing",
        "asr.cli.transcribe_run": "cli_transcribing",
        "asr.use.transcriber": "use_recognizer",
        "asr.serving.answers": "serving_app",
        "asr.serving.asked": "serving_app",
        "asr.serving.body": "serving_desk",
        "asr.serving.errors": "serving_app",
        "asr.serving.form": "serving_app and serving_desk",
        "asr.serving.transcriptions": "serving_app and serving_desk",
        "asr.cli.serving": "serving_server",
        "asr.settings": "config",
        "asr.sections.help": "config",
        "asr.importing.known": "importing_speechbrain",
        "asr.importing.recurrences": "importing_speechbrain and importing_espnet",
        "asr.importing.writing": "importing_speechbrain and importing_espnet",
        "asr.importing.espnet_files": "importing_espnet",
        "asr.importing.espnet_lm": "importing_espnet",
        "asr.importing.espnet_settings": "importing_espnet",
        "asr.importing.espnet_tokens": "importing_espnet",
        "asr.importing.espnet_weights": "importing_espnet",
        "asr.sections.model": "config",
        "asr.importing.tensors": "importing_speechbrain",
        "asr.importing.speechbrain_lm": "importing_speechbrain",
        "asr.importing.speechbrain_parts": "importing_speechbrain",
        "asr.importing.speechbrain_search": "importing_speechbrain",
        "asr.importing.speechbrain_settings": "importing_speechbrain",
        "asr.importing.speechbrain_weights": "importing_speechbrain",
        "asr.cli.importing": "importing_speechbrain",
        "asr.cli.hub": "hub_models",
        "asr.lm.bptt": "train_lm",
        "asr.lm.config": "train_lm",
        "asr.lm.arpa": "ngram",
        "asr.lm.trie": "ngram",
        "asr.lm.kneser_ney": "ngram",
        "asr.lm.run": "train_lm",
        "asr.lm.text": "train_lm",
        "asr.lm.folder": "language_model",
        "asr.lm.perplexity": "language_model",
        "asr.audio.agreement": "audio_chunks",
        "asr.scoring.columns": "scoring_compare",
        "asr.scoring.compare_report": "scoring_compare",
        "asr.scoring.report_json": "scoring_report",
        "asr.scoring.notices": "scoring_report",
        "asr.scoring.provenance": "use_decoding_record",
        "asr.pages.report_page": "pages_page and pages_browser",
        "asr.pages.compare_page": "pages_browser",
        "asr.pages.tables": "pages_page",
        "asr.pages.curves": "pages_pictures",
        "asr.exporting.plain": "exporting_graphs",
        "asr.exporting.names": "exporting_graphs",
        "asr.exporting.writing": "exporting_graphs",
        "asr.exporting.checks": "exporting_graphs",
        "asr.exporting.quantization": "exporting_graphs",
        "asr.exporting.requirements": "exporting_graphs",
        "asr.exporting.runtime": "exporting_graphs and exporting_folder",
        "asr.exporting.contents": "exporting_folder",
        "asr.exporting.measuring": "exporting_folder",
        "asr.cli.exporting": "exporting_folder",
        "asr.errors": "all",
        "asr.cli.__main__": "cli",
        "asr.cli": "cli",
    }
    for path in MODULES:
        name = module_name(path)
        has_file = (ROOT / "tests" / f"test_{name[4:].replace('.', '_')}.py").is_file()
        is_room = path.stem == "__init__" and len(path.read_text("utf-8").splitlines()) < 6
        is_covered = name.startswith("asr.attention.")  # the contract's tests run over its table
        assert has_file or is_room or is_covered or name in tested_elsewhere, f"no test for {name}"


def test_no_text_of_ours_names_a_package_host_or_a_machine() -> None:
    hosts = ["pypi" + ".org", "python" + "hosted", "/wo" + "rk/", "/ro" + "ot/"]
    folders = ["asr", "recipes", "tests", "egs", "data", "findings", ".ci"]
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
