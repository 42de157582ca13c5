"""A model folder turned into a folder that runs without torch.

encoder.onnx  decoder.onnx  [encoder.int8.onnx  decoder.int8.onnx]
config.json  features.npz  tokens.txt or tokenizer.model  README.md  LICENSE*, NOTICE*
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asr.checkpoint import CARD_FILE, WEIGHTS_FILE
from asr.errors import ConfigError, ModelError
from asr.exporting import contents
from asr.exporting.checks import largest_difference
from asr.exporting.graphs import build_graphs
from asr.exporting.measuring import TORCH, measure
from asr.exporting.quantization import left_in_float32, quantize
from asr.exporting.requirements import require
from asr.exporting.runtime import CONFIG_FILE, ExportedModel, Session
from asr.exporting.writing import Graph
from asr.files import write_file
from asr.store.weights import read_weights
from asr.use.recognizer import load_recognizer

FORMATS = ("onnx",)
FILES = {"encoder": "encoder.onnx", "decoder": "decoder.onnx"}
FILES_INT8 = {"encoder": "encoder.int8.onnx", "decoder": "decoder.int8.onnx"}
LEGAL = ("LICENSE*", "LICENCE*", "NOTICE*", "COPYING*")  # copied from the model folder


@dataclass(frozen=True)
class ExportPlan:
    """What is exported, and how.

    Attributes:
        model: a model folder.
        out: the folder to make; it may exist if it is empty.
        to: one of `FORMATS`.
        int8: whether to write the weights in 8 bits, too.
        manifest: on which error rates are measured; None for none.
    """

    model: Path
    out: Path
    to: str = "onnx"
    int8: bool = False
    manifest: Path | None = None


def export(
    plan: ExportPlan,
    *,
    say: Callable[[str], None] = lambda _: None,
    live: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Returns what the new folder's config.json says, when all of it is written and checked.

    Raises:
        ConfigError: the format is unknown, or something in the model has no ONNX.
        InstallError: packages of the extra `onnx` are missing.
        ModelError: the model folder cannot be read, `out` cannot be written or holds something, or
            a graph differs from the model.
        DataError: the manifest cannot be read.
    """
    _check(plan)
    recognizer = load_recognizer(plan.model, "cpu")
    for notice in recognizer.notices:
        say(notice)
    graphs = build_graphs(recognizer.model, recognizer.config)
    systems = {"onnx, float32": _loaded(*(graph.content for graph in graphs))}
    difference = largest_difference(recognizer.model, systems["onnx, float32"], recognizer.config)
    said = contents.describe(
        recognizer.config,
        recognizer.tokenizer,
        features=recognizer.model.features,
        graphs=graphs,
    )
    said |= {"max_seconds": recognizer.max_seconds, "largest_difference": difference}
    files = _graph_files(graphs, said, plan)
    if plan.int8:
        systems["onnx, int8"] = _loaded(*(files[name] for name in FILES_INT8.values()))
    files[recognizer.tokenizer.file_name] = recognizer.tokenizer.to_bytes()
    files[contents.FEATURES_FILE] = contents.feature_arrays(recognizer.model.features)
    if plan.manifest is not None:
        said["measured"] = measure(recognizer, systems, plan.manifest, live=live)
    _complete(files, said, plan.model)
    _write_all(plan.out, files)
    return said


def describe_export(said: dict[str, Any], out: Path) -> list[str]:
    """Returns lines for a person about what was written."""
    lines = [
        f"{out}: {', '.join(said['sha256'])}; the graphs equal torch to "
        f"{said['largest_difference']:.0e}, alone and in batches of other lengths"
    ]
    left = said.get("int8", {}).get("left_in_float32")
    if left:
        lines.append(
            f"notice: onnxruntime has no int8 {' or '.join(left)}: these layers stay in float32"
        )
    measured = said.get("measured")
    if measured:
        rows = measured["systems"]
        for name, row in rows.items():
            worse = (row["cer"] - rows[TORCH]["cer"], row["wer"] - rows[TORCH]["wer"])
            change = f" ({worse[0]:+.2%} and {worse[1]:+.2%}; {row['changed']} transcripts differ)"
            lines.append(
                f"{measured['manifest']}, {measured['utterances']} utterances, {name}: CER "
                f"{row['cer']:.2%}, WER {row['wer']:.2%}{'' if name == TORCH else change}"
            )
    return lines


def _check(plan: ExportPlan) -> None:
    if plan.to not in FORMATS:
        raise ConfigError(f'--format "{plan.to}": unknown; must be {" or ".join(FORMATS)}')
    for name in ("onnx", "onnxruntime"):
        require(name)
    if plan.out.exists() and (not plan.out.is_dir() or any(plan.out.iterdir())):
        raise ModelError(f"{plan.out}: is there and not empty; must be new (give another --out)")


def _loaded(encoder: bytes, decoder: bytes) -> ExportedModel:
    return ExportedModel(Session(encoder), Session(decoder))


def _graph_files(
    graphs: tuple[Graph, Graph], said: dict[str, Any], plan: ExportPlan
) -> dict[str, bytes]:
    """Returns the graphs by their files' names; what is written in int8 is said."""
    files = {name: graph.content for name, graph in zip(FILES.values(), graphs, strict=True)}
    said["files"] = FILES
    if plan.int8:
        rounded = [quantize(graph.content) for graph in graphs]
        files |= dict(zip(FILES_INT8.values(), rounded, strict=True))
        left = {kind for content in rounded for kind in left_in_float32(content)}
        said["files_int8"], said["int8"] = FILES_INT8, {"left_in_float32": sorted(left)}
    return files


def _complete(files: dict[str, bytes], said: dict[str, Any], model: Path) -> None:
    """Adds the licence of the model folder, the card and config.json."""
    for pattern in LEGAL:
        files |= {path.name: path.read_bytes() for path in model.glob(pattern) if path.is_file()}
    said["sha256"] = {name: hashlib.sha256(part).hexdigest() for name, part in files.items()}
    said["model_sha256"] = read_weights(model / WEIGHTS_FILE).sha256
    path = model / CARD_FILE
    before = path.read_text("utf-8", errors="replace") if path.is_file() else ""
    card = contents.card(said, before, sha256=said["model_sha256"])
    files[CARD_FILE] = card.encode("utf-8")
    files[CONFIG_FILE] = (json.dumps(said, indent=1, ensure_ascii=False) + "\n").encode("utf-8")


def _write_all(out: Path, files: dict[str, bytes]) -> None:
    """Writes all files, config.json last; where one cannot be, those before it are removed."""
    written = []
    try:
        for name, content in files.items():
            write_file(out / name, content)
            written.append(out / name)
    except ModelError:
        for path in written:
            path.unlink(missing_ok=True)
        raise
