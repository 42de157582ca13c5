"""Configurations, damaged: an error that names the key, or settings that build a model."""

from pathlib import Path

import conftest
import yaml
from damage import damage
from odd import VALUES, changed
from trying import Attempt, Verdict

from asr.build import resolve_config
from asr.config import load_config
from asr.errors import ConfigError, one_line

BASE = {**conftest.TINY, "tokenizer": {"type": "char", "normalizer": "none"}, "seed": 1}
LINES = ("seed: 2", "seed: 1", "loss: *loss", "a: &a [*a]", "\tx: 1", "? [a, b]\n: 1", "- 1", "x")
LINES += ("train: {epochs: 5}", "? a", "<<: {seed: 3}", "!!python/name:os.system x: 1", "%YAML 9")


def make_originals(folder: Path) -> None:
    """Writes the tests' tiny configuration."""
    (folder / "tiny.yaml").write_text(yaml.safe_dump(BASE, sort_keys=False), "utf-8")


def attempt(given: Attempt) -> Verdict:
    """Damages a configuration in its values, lines or bytes, or by --set, and reads it."""
    rng = given.rng
    kind = rng.choice(("value", "value", "line", "bytes", "set"))
    text, what, overrides = (given.originals / "tiny.yaml").read_text("utf-8"), kind, []
    must_refuse = False
    if kind == "value":
        tree, what = changed(BASE, rng)
        must_refuse = what.startswith("rename")
        text = yaml.dump(tree, sort_keys=False, allow_unicode=True)
    elif kind == "line":
        line = rng.choice(LINES)
        what, must_refuse = f"line {line!r}", not line.startswith("<<")  # which YAML allows
        text += f"{line}\n"
    elif kind == "set":
        key = rng.choice(("seed", "train.epochs", "encoder", "no.such", "data.train", "", "a..b"))
        overrides = [f"{key}{rng.choice(('=', '=', ''))}{rng.choice(VALUES)}"]
        what = f"--set {overrides[0][:60]!r}"
    path = given.folder / "x.yaml"
    data = text.encode("utf-8", "surrogatepass")
    if kind == "bytes":
        data, what = damage(data, rng)
    path.write_bytes(data)
    try:
        resolve_config(load_config(path, overrides), source=str(path))
    except ConfigError as refusal:
        said = one_line(str(refusal))
        named = said.startswith((f"{path}: ", "--set "))
        kind = "refused" if named else "wrong success"
        return Verdict(kind, f"{what}: {said}")
    return Verdict("wrong success" if must_refuse else "right", what)
