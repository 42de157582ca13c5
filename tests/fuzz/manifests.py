"""Manifests, damaged: every utterance is used or named, and no command fails in another way."""

import gzip
import json
from pathlib import Path

import conftest
from damage import damage
from odd import changed
from trying import Attempt, Verdict

TEXTS = ["abc", "dab", "ca", "bdcb", "가 b", "d"]


def make_originals(folder: Path) -> None:
    """Writes a manifest of tones, and trains a model of a second on them."""
    manifest = conftest.write_manifest(folder, "cuts", TEXTS)
    train_tiny(manifest, folder / "model", "train.epochs=1")


def train_tiny(manifest: Path, model: Path, *settings: str) -> None:
    """Trains the tests' tiny model."""
    config = model.with_suffix(".yaml")
    config.write_text(json.dumps(conftest.TINY))
    chosen = [f"data.train={manifest}", f"data.dev={manifest}", *settings]
    done = conftest.run(
        "train", config, "--out", model, *(word for line in chosen for word in ("--set", line))
    )
    assert done.returncode == 0, done.stderr


def attempt(given: Attempt) -> Verdict:
    """Damages a manifest, in its values or its bytes, and gives it to one command."""
    original = given.originals / "cuts.jsonl.gz"
    rows = [json.loads(line) for line in gzip.decompress(original.read_bytes()).splitlines()]
    plain = given.rng.random() < 0.5
    path = given.folder / ("cuts.jsonl" if plain else "cuts.jsonl.gz")
    if given.rng.random() < 0.75:
        number = given.rng.randrange(len(rows))
        rows[number], what = changed(rows[number], given.rng)
        text = "".join(json.dumps(row) + "\n" for row in rows).encode()
        data = text if plain else gzip.compress(text)
    else:
        text = gzip.decompress(original.read_bytes())
        data, what = damage(text if plain else original.read_bytes(), given.rng)
    path.write_bytes(data)
    name = given.rng.choice(list(COMMANDS))
    done = conftest.run(*COMMANDS[name](path, given))
    about = f"{name} {path.suffix} {what}"
    if done.returncode not in (0, 1, 2, 3):
        return Verdict("traceback", f"{about}: exit code {done.returncode}")
    if done.returncode:
        said = (done.stderr + done.stdout).strip()
        return Verdict("refused" if said else "wrong success", about)
    if name == "decode":
        written = len((given.folder / "out" / "hyp.jsonl").read_text("utf-8").splitlines())
        if written < len(TEXTS) and not _ends_at_a_line(data, plain):
            return Verdict("lost data", f"{about}: {written} of {len(TEXTS)} utterances")
    return Verdict("right", about)


def _ends_at_a_line(data: bytes, plain: bool) -> bool:
    """Whether whole lines of a plain manifest are gone, as if they had never been there."""
    return plain and data.endswith(b"\n") and data.count(b"\n") < len(TEXTS)


COMMANDS = {
    "validate": lambda path, given: ["data", "validate", path],
    "validate --audio": lambda path, given: ["data", "validate", "--audio", path],
    "describe": lambda path, given: ["data", "describe", path],
    "decode": lambda path, given: [
        *("decode", path, "--model", given.originals / "model"),
        *("--out", given.folder / "out", "--device", "cpu", "--beam-size", "1"),
    ],
    "export": lambda path, given: [
        *("data", "export", path, "--format", given.rng.choice(("kaldi", "nemo", "huggingface"))),
        *("--out", given.folder / "export"),
    ],
    "train": lambda path, given: [
        *("train", given.originals / "model.yaml", "--out", given.folder / "trained"),
        *("--set", f"data.train={path}", "--set", "train.epochs=1"),
        *("--set", f"data.dev={given.originals / 'cuts.jsonl.gz'}"),
    ],
}
