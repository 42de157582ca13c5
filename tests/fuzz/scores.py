"""Pairs of transcripts, damaged: the counts of an independent alignment, or refused."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import conftest
from damage import damage
from trying import Attempt, Verdict

WORDS = [
    "the",
    "cat",
    "나는",
    "학교에",
    "sat",
    "don't",
    "(laughter)",
    "[noise]",
    "70%",
    "a/b",
    "@x",
]
Lines = dict[str, list[str]]


def make_originals(folder: Path) -> None:
    """Needs none: every pair is drawn."""


def _draw(rng: random.Random) -> tuple[Lines, Lines]:
    """Returns references and hypotheses of a few utterances."""
    references, hypotheses = {}, {}
    for number in range(rng.randint(1, 6)):
        words = rng.choices(WORDS, k=rng.randint(1, 7))
        name = f"spk{number % 3}-{number:03d}"
        references[name] = words
        heard = [w if rng.random() < 0.7 else rng.choice(WORDS) for w in words]
        hypotheses[name] = [w for w in heard if rng.random() < 0.9]
    return references, hypotheses


def edits(reference: list[str], hypothesis: list[str]) -> int:
    """Returns the least number of substitutions, deletions and insertions, row by row."""
    row = list(range(len(hypothesis) + 1))
    for i, word in enumerate(reference, start=1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(hypothesis, start=1):
            diagonal, row[j] = row[j], min(diagonal + (word != other), row[j] + 1, row[j - 1] + 1)
    return row[-1]


def _kaldi(lines: Lines, rng: random.Random) -> str:
    return "".join(f"{name} {' '.join(words)}\n" for name, words in lines.items())


def _shuffled(lines: Lines, rng: random.Random) -> str:
    names = rng.sample(list(lines), len(lines))
    return "".join(f"{name}\t{'  '.join(lines[name])} \r\n" for name in names)


def _jsonl(lines: Lines, rng: random.Random) -> str:
    return "".join(json.dumps({"id": n, "text": " ".join(w)}) + "\n" for n, w in lines.items())


def _stm(lines: Lines, rng: random.Random) -> str:
    return "".join(f"{n} 1 {n[:4]} 0.00 2.50 {' '.join(w)}\n" for n, w in lines.items())


def _ctm(lines: Lines, rng: random.Random) -> str:
    return "".join(f"{n} 1 {i}.0 0.5 {w}\n" for n, ws in lines.items() for i, w in enumerate(ws))


def _csv(lines: Lines, rng: random.Random) -> str:
    return "id,text\n" + "".join(f'{n},"{" ".join(w)}"\n' for n, w in lines.items())


def _tsv(lines: Lines, rng: random.Random) -> str:
    return "id\ttext\n" + "".join(f"{n}\t{' '.join(w)}\n" for n, w in lines.items())


def _array(lines: Lines, rng: random.Random) -> str:
    return json.dumps([{"id": n, "text": " ".join(w)} for n, w in lines.items()])


def _srt(lines: Lines, rng: random.Random) -> str:
    return "".join(
        f"{i}\n00:00:0{i % 9},000 --> 00:00:0{i % 9},900\n{' '.join(w)}\n\n"
        for i, w in enumerate(lines.values(), start=1)
    )


Format = Callable[[Lines, random.Random], str]
READ: tuple[Format, ...] = (_kaldi, _kaldi, _shuffled)
OTHERS: tuple[Format, ...] = (_stm, _ctm, _csv, _tsv, _array, _srt, _jsonl)


def attempt(given: Attempt) -> Verdict:
    """Writes a pair in a format, damages it or not, and compares the counts."""
    rng = given.rng
    references, hypotheses = _draw(rng)
    write = rng.choice(READ + OTHERS)
    what = write.__name__[1:]
    data = [write(references, rng).encode(), write(hypotheses, rng).encode()]
    kind = rng.choice(("whole", "whole", "bytes", "missing", "extra", "twice"))
    expected: int | None = sum(edits(w, hypotheses[n]) for n, w in references.items())
    if kind == "bytes":
        side = rng.randrange(2)
        if not data[side]:
            return Verdict("right", "nothing to damage")
        data[side], done_to = damage(data[side], rng)
        what, expected = f"{what} {done_to}", None  # other words may be right as well
    elif kind == "missing":
        gone = hypotheses.pop(rng.choice(list(hypotheses)))
        name = next(n for n in references if n not in hypotheses)
        data[1] = write(hypotheses, rng).encode()
        expected += len(references[name]) - edits(references[name], gone)
    elif kind == "extra":
        data[1] = write({**hypotheses, "else-1": ["x"]}, rng).encode()  # listed, and left out
    elif kind == "twice" and any(hypotheses.values()):
        data[1] = data[1] + data[1]
        expected = -1
    if write is _stm and any("(laughter)" in words for words in references.values()):
        expected = None if expected != -1 else -1  # a word that may be left out there
    pair = _Pair(data, expected, sum(map(len, references.values())), write in READ)
    return _judge(given.folder, pair, kind=kind, about=f"{what} {kind}")


class _Pair(NamedTuple):
    """What is given to the command, and what is right."""

    data: list[bytes]
    num_errors: int | None  # None: any; -1: it must be refused
    num_words: int
    is_read: bool


def _judge(folder: Path, pair: _Pair, *, kind: str, about: str) -> Verdict:
    paths = [folder / "ref.txt", folder / "hyp.txt"]
    for path, content in zip(paths, pair.data, strict=True):
        path.write_bytes(content)
    out = folder / "out"
    done = conftest.run("score", "--ref", paths[0], "--hyp", paths[1], "--out", out)
    if done.returncode:
        refused = done.stderr.startswith("asr: ") and len(done.stderr.strip().splitlines()) == 1
        if not refused:
            return Verdict("traceback", f"{about}: {done.stderr[-200:]}")
        good = pair.is_read and kind == "whole"
        return Verdict("wrong success" if good else "refused", f"{about}: {done.stderr.strip()}")
    if pair.num_errors is None:
        return Verdict("right", about)
    report = json.loads((out / "report.json").read_text("utf-8"))
    if kind == "extra" and not report["extra"]:
        return Verdict("lost data", f"{about}: nothing is said of a hypothesis without reference")
    words = report["units"]["words"]
    found = words["substitutions"] + words["deletions"] + words["insertions"]
    same = (found, words["num_reference"]) == (pair.num_errors, pair.num_words)
    return Verdict(
        "right" if same else "wrong success", f"{about}: {found} errors, {pair.num_errors}"
    )
