"""Absurd calls of `asr transcribe`: done as asked for, or refused in one sentence."""

import json
import os
from pathlib import Path

import soundfile
from conftest import run, tone
from trying import Attempt, Verdict

MODEL = Path(__file__).parents[1] / "fixtures" / "before_rooms" / "model"
NUMBERS = ["0", "1", "2", "-1", "1.5", "nan", "inf", "1e9", "99999999999999999999", "", "x", "٣"]
OPTIONS = {
    "-f": ["txt", "json", "srt", "vtt", "ctm", "lrc", "csv", "tsv", "all", "doc", "", "TXT"],
    "--channels": ["mix", "each", "1", "2", "left", "0", "²", ""],
    "--clip_timestamps": ["0,1", "1", "0.2,0.1", "a", "", ",", "nan,1", "0,inf", "-1,2", "5,6"],
    "--raw_format": ["s16le", "mp3", "f64be", ""],
    "--compute_type": ["default", "auto", "float32", "bfloat16", "int8", ""],
    "--device": ["cpu", "auto", "tpu", ""],
    "--language": ["en", "", "\x00", "한국어"],
    "--set": ["search.beam_size=2", "search.beam_size=0", "data.x=1", "=", ""],
}
FLAGS = ["--word_timestamps", "--highlight_words", "--confidence", "--quiet", "--verbose"]
FLAGS += ["--skip_existing", "--overwrite"]
COUNTS = ["--max_line_width", "--max_line_count", "--max_words_per_line", "--nbest", "--raw"]
COUNTS += ["--offset", "--duration", "--batch_seconds", "--beam_size", "--raw_channels"]
THINGS = [
    "good.wav",
    "b\nroken.wav",
    "gone.wav",
    "folder",
    "empty",
    "loop",
    "dangling.wav",
    "*.wav",
]
THINGS += [
    "[",
    "**",
    "cuts.jsonl",
    "",
    "-x",
    "text.wav",
    "pcm.raw",
    ".",
    "good.wav",
    "folder/a.wav",
]
GOOD = ["good.wav", "folder", "folder/a.wav", "g*.wav", "folder/**/*.wav"]


def make_originals(folder: Path) -> None:
    """Needs none."""


def attempt(given: Attempt) -> Verdict:
    """Makes one call in a folder of odd things."""
    os.chdir(given.folder)
    _make_things(Path())
    rng = given.rng
    things = THINGS if rng.random() < 0.5 else GOOD
    arguments = rng.choices(things, k=rng.choice((1, 1, 2, 3)))
    arguments = ["--", *arguments] if "-x" in arguments else arguments
    options: list[str] = []
    for _ in range(rng.choice((0, 0, 1, 1, 2, 3))):
        name = rng.choice([*OPTIONS, *FLAGS, *COUNTS, *COUNTS])
        values = [] if name in FLAGS else [rng.choice(OPTIONS.get(name, NUMBERS))]
        options += [name, *values]
    has_folder = rng.random() < 0.7
    options += ["-o", "out"] * has_folder
    done = run("transcribe", "--model", MODEL, *options, *arguments)
    about = f"{arguments} {options}: {done.returncode} {done.stderr[-200:]!r}"
    if "Traceback" in done.stderr or done.returncode not in (0, 2):
        return Verdict("traceback", about)
    if done.returncode == 2:
        return Verdict("refused" if done.stderr.strip() else "traceback", about)
    written = [path for path in Path("out").rglob("*") if path.is_file()]
    if has_folder and any(path.suffix == ".tmp" or path.name[0] == "." for path in written):
        return Verdict("wrong success", f"{about}: left {written}")
    for path in written:
        if path.suffix == ".json":
            json.loads(path.read_text("utf-8"))
    if not (written or done.stdout.strip() or "left out" in done.stderr):
        return Verdict("wrong success", f"{about}: nothing came of it")
    return Verdict("right", about)


def _make_things(folder: Path) -> None:
    (folder / "folder" / "deep").mkdir(parents=True)
    (folder / "empty").mkdir()
    for name in ("good.wav", "b\nroken.wav", "folder/a.wav", "folder/deep/a.wav"):
        soundfile.write(folder / name, tone("abdc"), 8000)
    broken = folder / "b\nroken.wav"
    broken.write_bytes(broken.read_bytes()[:-999])
    (folder / "loop").symlink_to(".")
    (folder / "dangling.wav").symlink_to("nowhere")
    (folder / "cuts.jsonl").write_text('{"id": 1}\n')
    (folder / "text.wav").write_text("no audio")
    (folder / "pcm.raw").write_bytes(bytes(8000))
