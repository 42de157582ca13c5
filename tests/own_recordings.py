"""A folder of one's own recordings, as the tests of the recipe folder make and prepare it."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from lhotse import CutSet

from asr.errors import DataError
from asr.recipes import PrepareOptions, PrepareReport
from asr.recipes.folder import prepare
from asr.recipes.problems import PROBLEMS_FILE

RATE = 8000
TEXTS = ("one two", "three four", "five six", "seven eight", "nine ten", "one more")


def write_wav(path: Path, seconds: float = 1.0, channels: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(0).uniform(-0.1, 0.1, (round(seconds * RATE), channels))
    soundfile.write(path, samples, RATE)
    return path


def prepared(folder: Path, **options: str) -> tuple[PrepareReport, dict[str, list]]:
    report = prepare(PrepareOptions(corpus=folder, out=folder.parent / "out", **options))
    cuts = {
        summary.path.name.removesuffix(".jsonl.gz"): list(CutSet.from_file(summary.path))
        for summary in report.manifests
    }
    return report, cuts


def everything(cuts: dict[str, list]) -> dict[str, tuple[str, str, float]]:
    """Returns id -> text, speaker, seconds of all cuts."""
    return {
        cut.id: (cut.supervisions[0].text, cut.supervisions[0].speaker, round(cut.duration, 3))
        for found in cuts.values()
        for cut in found
    }


def write_texts(folder: Path, names: list[str]) -> None:
    for number, name in enumerate(names):
        path = write_wav(folder / f"{name}.wav")
        path.with_suffix(".txt").write_text(f"word {number}", "utf-8")


def problems(folder: Path) -> list[str]:
    """Returns the problems of a folder that is refused, without the folder's own name."""
    with pytest.raises(DataError, match="cannot be used"):
        prepared(folder)
    lines = (folder.parent / "out" / PROBLEMS_FILE).read_text("utf-8").splitlines()
    return [line.replace(f"{folder}/", "") for line in lines]


def write_clips(folder: Path) -> Path:
    """Writes a recording clips/uN.wav for each of TEXTS; returns the folder."""
    for number in range(len(TEXTS)):
        write_wav(folder / "clips" / f"u{number}.wav")
    return folder
