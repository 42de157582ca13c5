"""One small corpus that every form of a manifest is tried with: what tools trip over, spoken."""

from pathlib import Path

import numpy as np
import soundfile
from lhotse import CutSet, MonoCut, Recording, SupervisionSegment

from asr.data.cut_audio import load_channels
from asr.data.export import export
from asr.recipes import PrepareOptions
from asr.recipes.folder import gather

RATE = 16000
# Lengths that are no whole number of milliseconds, nor of frames.
UTTERANCES = (
    ("ann-1", "안녕하세요 반갑습니다"),
    ("ann-2", 'AT&T said "a, b" \\ it\'s {x} 100 %'),
    ("ann-3", "None"),
    ("ann-" + "x" * 70, "007"),
    ("나-1", "no no no"),
)
PARTS = (("ann-9-a", 0.0, 1001, "a"), ("ann-9-b", 0.31, 4803, "café"))
NUM_SAMPLES = 16007


def _samples(seed: int, number: int) -> np.ndarray:
    """Returns noise that 16 bits hold exactly."""
    noise = np.random.default_rng(seed).integers(-8000, 8000, number)
    return (noise / 32768).astype(np.float32)


def _cut(path: Path, name: str, text: str, seed: int) -> MonoCut:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, _samples(seed, NUM_SAMPLES + seed), RATE, subtype="PCM_16")
    recording = Recording.from_file(path, recording_id=name)
    speaker, length = name.partition("-")[0], recording.duration
    spoken = SupervisionSegment(name, name, 0.0, length, text=text, speaker=speaker, language="en")
    return MonoCut(name, 0.0, length, 0, [spoken], recording=recording)


def make_cuts(folder: Path, *, parts: bool = True) -> list[MonoCut]:
    """Returns whole files, wav and flac, and parts of one; all in 16 bits."""
    cuts = []
    for seed, (name, text) in enumerate(UTTERANCES):
        suffix = ".flac" if seed == 1 else ".wav"
        cuts.append(_cut(folder / f"file {seed}{suffix}", name, text, seed))
    if parts:
        long = _cut(folder / "long.wav", "ann-9", "", len(UTTERANCES))
        for name, start, length, text in PARTS:
            part = long.truncate(offset=start, duration=length / RATE).with_id(name)
            (spoken,) = part.supervisions
            spoken.id, spoken.text = name, text
            spoken.start, spoken.duration = 0.0, part.duration
            cuts.append(part)
    return cuts


def written(folder: Path, to: str, *, parts: bool = True) -> tuple[Path, dict[str, MonoCut]]:
    """Returns the folder that `asr data export` makes of the corpus, and the cuts by their ids."""
    cuts = make_cuts(folder / "wav", parts=parts)
    manifest = folder / "cuts.jsonl.gz"
    CutSet.from_cuts(cuts).to_file(manifest)
    export(manifest, folder / to, to=to)
    return folder / to, {cut.id: cut for cut in cuts}


def pcm(cut: MonoCut) -> list[int]:
    """Returns the samples of a cut as 16-bit numbers."""
    return [int(value) for value in np.rint(load_channels(cut)[0] * 32768)]


def gathered(folder: Path) -> dict[str, tuple[str, str, list[int]]]:
    """Returns id -> text, speaker, samples of what `asr prepare folder` reads of a folder."""
    options = PrepareOptions(corpus=folder, out=folder.parent / "out", language="en")
    cuts, _ = gather(options)
    return {
        cut.id: (cut.supervisions[0].text, cut.supervisions[0].speaker, pcm(cut))
        for found in cuts.values()
        for cut in found
    }


def spoken(cut: MonoCut) -> tuple[str, str, list[int]]:
    """Returns text, speaker and samples of a cut, as `gathered`."""
    return cut.supervisions[0].text, cut.supervisions[0].speaker, pcm(cut)
