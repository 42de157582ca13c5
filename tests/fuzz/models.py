"""Model folders, damaged: the same text and score as before, or refused."""

import shutil
from pathlib import Path

import conftest
import numpy as np
import yaml
from damage import damage
from manifests import TEXTS, train_tiny
from trying import Attempt, Verdict

import asr
from asr.errors import AsrError

NAMES = ("model", "other")
UNIMPORTANT = {"README.md", "metrics.json"}


def make_originals(folder: Path) -> None:
    """Trains two models that differ in seed and in the order of their tokens."""
    manifest = conftest.write_manifest(folder, "cuts", TEXTS)
    other = conftest.write_manifest(folder, "other", ["dbca", "x ab", "cdd"])
    train_tiny(manifest, folder / "model", "train.epochs=2")
    train_tiny(other, folder / "other", "train.epochs=2", "seed=7", "sample_rate=16000")
    for name in NAMES:
        shutil.rmtree(folder / name / "training")
    heard = _hear(folder / "model")
    (folder / "heard.txt").write_text(heard, "utf-8")


def _hear(model: Path) -> str:
    """Returns what a model makes of tones, with its scores."""
    found = asr.load_model(model, device="cpu").transcribe(
        conftest.tone("abc dab", 16000), sample_rate=16000
    )
    return "\n".join(
        f"{segment.text} {np.float32(segment.score):.6f}" for segment in found.segments
    )


def attempt(given: Attempt) -> Verdict:
    """Damages, exchanges, edits or removes a file of a model folder, and uses the folder."""
    rng, model = given.rng, given.folder / "model"
    shutil.copytree(given.originals / "model", model)
    file = rng.choice(sorted(path for path in model.iterdir() if path.is_file()))
    kind = rng.choice(("bytes", "bytes", "exchange", "remove", "edit"))
    if kind == "edit":
        file = model / "config.yaml"
        tree = yaml.safe_load(file.read_text("utf-8"))
        section, key, value = rng.choice(EDITS)
        (tree[section] if section else tree)[key] = value
        file.write_text(yaml.safe_dump(tree, sort_keys=False), "utf-8")
    elif kind == "remove":
        file.unlink()
    elif kind == "exchange":
        shutil.copy(given.originals / "other" / file.name, file)
    else:
        data, kind = damage(file.read_bytes(), rng)
        file.write_bytes(data)
    about = f"{file.name} {kind}"
    try:
        heard = _hear(model)
    except AsrError as refusal:
        named = str(given.folder) in str(refusal) and "\n" not in str(refusal)
        return Verdict("refused" if named else "wrong success", f"{about}: {refusal}")
    if heard == (given.originals / "heard.txt").read_text("utf-8"):
        return Verdict("right", about)
    return Verdict("wrong success", f"{about}: another transcript")


EDITS = [
    ("", "sample_rate", 16000),
    ("features", "num_mels", 20),
    ("features", "normalization", "none"),
    ("encoder", "hidden_dim", 13),
    ("decoder", "cell", "gru"),
    ("attention", "num_filters", 4),
    ("tokenizer", "normalizer", "english"),
    ("data", "batch_seconds", 7),
    ("train", "epochs", 9),
]
