import unicodedata
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import error_of, run, tone
from lhotse import CutSet, MonoCut, Recording, SupervisionSegment

from asr.data import validate as module
from asr.data.audio_checks import Flaw, check_samples
from asr.data.describe import describe
from asr.data.validate import validate, write_flaws

RATE = 8000


def make_cut(
    path: Path, samples: np.ndarray, text: str | None = "ab", rate: int = RATE, **kind: str
) -> MonoCut:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, **kind)
    recording = Recording.from_file(path, recording_id=path.stem)
    spoken = SupervisionSegment(path.stem, path.stem, 0.0, recording.duration, text=text)
    return MonoCut(path.stem, 0.0, recording.duration, 0, [spoken], recording=recording)


def write(path: Path, cuts: list) -> Path:
    CutSet.from_cuts([]).to_file(path)
    with CutSet.open_writer(path, overwrite=True) as writer:
        for cut in cuts:
            writer.write(cut)
    return path


def good_cuts(folder: Path, number: int = 24) -> list[MonoCut]:
    texts = ["ab", "abc", "abcd", "ba cd"]
    return [
        make_cut(folder / f"u{n:02d}.wav", tone(texts[n % 4], seed=n), texts[n % 4])
        for n in range(number)
    ]


def found_in(manifest: Path, **options: bool) -> list[tuple[str, str, str]]:
    return [flaw[:3] for flaw in validate(manifest, **options)]


@pytest.mark.parametrize("audio", [False, True])
def test_nothing_is_found_in_a_good_manifest_and_the_exit_code_is_0(
    tmp_path: Path, audio: bool
) -> None:
    manifest = write(tmp_path / "cuts.jsonl.gz", good_cuts(tmp_path / "wav"))
    done = run("data", "validate", manifest, *(["--audio"] if audio else []))
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"{manifest}: 0 findings\n"


def test_each_finding_is_a_line_of_a_table_and_the_exit_code_is_1(tmp_path: Path) -> None:
    cuts = [make_cut(tmp_path / f"{name}.wav", tone("ab", seed=ord(name))) for name in "xyz"]
    (tmp_path / "x.wav").unlink()
    cuts[1].supervisions[0].text = " "
    manifest = write(tmp_path / "cuts.jsonl.gz", cuts)
    lines = [
        "id\twhat\tvalue\trule",
        f"x\tmissing audio\t{tmp_path / 'x.wav'}\tevery file must be there",
        "y\tno text\t\tmust have a transcript",
    ]
    done = run("data", "validate", manifest, "--audio")
    assert (done.returncode, done.stdout.splitlines()) == (1, lines)
    assert done.stderr.splitlines() == [
        "1 missing audio, as x",
        "1 no text, as y",
        f"{manifest}: 2 findings",
    ]
    done = run("data", "validate", manifest, "--out", tmp_path / "p.tsv")
    assert (done.returncode, done.stdout) == (1, "")
    assert (tmp_path / "p.tsv").read_text().splitlines() == lines
    assert not list(tmp_path.glob("*.part"))


def test_what_the_manifest_shows_is_found_without_reading_audio(tmp_path: Path) -> None:
    cuts = [make_cut(tmp_path / f"{name}.wav", tone("ab", seed=ord(name))) for name in "abcd"]
    cuts[0].supervisions[0].text = unicodedata.normalize("NFD", "하나")
    cuts[1].duration = 0.0
    cuts[2].supervisions.clear()
    cuts[3].id = "a"
    assert found_in(write(tmp_path / "cuts.jsonl.gz", cuts)) == [
        ("a", "not NFC", unicodedata.normalize("NFD", "하나")),
        ("b", "zero length", "0 s"),
        ("c", "no text", ""),
        ("a", "duplicate id", ""),
    ]


def misaligned(cuts: list[MonoCut], folder: Path) -> list[Flaw]:
    found = validate(write(folder / "cuts.jsonl.gz", cuts))
    return [flaw for flaw in found if flaw.what == "likely misaligned"]


def test_utterances_far_from_the_rest_are_likely_misaligned(tmp_path: Path) -> None:
    cuts = good_cuts(tmp_path / "wav", 40)
    cuts += [
        make_cut(tmp_path / "slow.wav", tone("abcdab" * 5), "a d"),
        make_cut(tmp_path / "fast.wav", tone("ab"), "a very long text, said in no time at all" * 3),
    ]
    slow, fast = misaligned(cuts, tmp_path)
    assert (slow.id, fast.id) == ("slow", "fast")
    assert slow.value.startswith("3.000 s a character (+")
    assert fast.value.startswith("0.004 s a character (-")
    assert slow.rule.endswith("(of their logarithm) from the median 0.200")
    assert misaligned(cuts[-19:], tmp_path) == []  # too few to say so


def test_a_character_of_one_utterance_only_is_named(tmp_path: Path) -> None:
    cuts = good_cuts(tmp_path / "wav")
    cuts[3].supervisions[0].text = "bà cd"
    assert found_in(write(tmp_path / "cuts.jsonl.gz", cuts)) == [
        ("u03", "rare character", "à U+00E0 LATIN SMALL LETTER A WITH GRAVE")
    ]


def test_a_text_said_in_a_very_different_time_is_found(tmp_path: Path) -> None:
    cuts = [make_cut(tmp_path / f"{n}.wav", tone("ab", seed=n), "ab") for n in range(4)]
    cuts.append(make_cut(tmp_path / "long.wav", tone("ab" * 4), "ab"))
    cuts.append(make_cut(tmp_path / "other.wav", tone("ab" * 4, seed=1), "ab c"))
    assert found_in(write(tmp_path / "cuts.jsonl.gz", cuts)) == [
        ("long", "unlike the same text", "1.60 s, median 0.40 s of 5")
    ]


def test_the_same_stretch_of_a_file_twice_is_found_and_with_audio_the_same_samples(
    tmp_path: Path,
) -> None:
    first = make_cut(tmp_path / "first.wav", tone("abc"), "abc")
    again = make_cut(tmp_path / "again.wav", tone("abc"), "abc")
    part = first.truncate(duration=0.4, preserve_id=True).with_id("part")
    same = first.with_id("same")
    mix = first.append(again).with_id("mix")
    manifest = write(tmp_path / "cuts.jsonl.gz", [first, again, part, same, mix])
    assert found_in(manifest) == [("same", "same audio", "first")]
    assert found_in(manifest, audio=True) == [
        ("again", "same audio", "first"),
        ("same", "same audio", "first"),
    ]


def test_files_that_differ_from_what_the_manifest_says_are_found(tmp_path: Path) -> None:
    names = ("short", "rate", "cut", "noise", "nan")
    cuts = [make_cut(tmp_path / f"{n}.wav", tone("abcd", seed=i)) for i, n in enumerate(names)]
    soundfile.write(tmp_path / "short.wav", tone("abc"), RATE)
    soundfile.write(tmp_path / "rate.wav", tone("abcd", 2 * RATE), 2 * RATE)
    content = (tmp_path / "cut.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(content[: len(content) // 2])
    (tmp_path / "noise.wav").write_bytes(b"no audio at all")
    bad = np.where(np.arange(6400) < 3, np.nan, 0.1)
    soundfile.write(tmp_path / "nan.wav", bad, RATE, subtype="FLOAT")
    manifest = write(tmp_path / "cuts.jsonl.gz", cuts)
    assert found_in(manifest) == []
    short, rate, cut, noise, nan = validate(manifest, audio=True)
    assert short == Flaw("short", "shorter audio", "0.600 s", "the manifest says 0.800 s")
    assert rate == Flaw("rate", "wrong rate", "16000 Hz", "the manifest says 8000 Hz")
    assert cut[:2] == ("cut", "unreadable audio")
    assert "its header promises 12800 bytes" in cut.value
    assert noise[:2] == ("noise", "unreadable audio")
    assert "not audio that libsndfile reads" in noise.value
    assert nan[:3] == ("nan", "not finite", "3 samples")


def test_a_cut_past_the_end_of_its_recording_is_found_without_reading(tmp_path: Path) -> None:
    cut = make_cut(tmp_path / "a.wav", tone("ab"))
    cut.duration += 100 / RATE
    ((name, what, value),) = found_in(write(tmp_path / "cuts.jsonl.gz", [cut]))
    assert (name, what) == ("a", "past the end")
    assert value == "it ends 100 samples past its recording, which has 3200"


def speech(seconds: float = 1.0, level: float = 0.1) -> np.ndarray:
    draw = np.random.default_rng(0).normal(0, level, (1, round(seconds * RATE)))
    return draw.astype(np.float32)


CANCEL = (
    "its 2 channels cancel each other, their mean is nothing of them "
    "(one is inverted: take one alone, as ffmpeg -af pan='mono|c0=c0' does)"
)
SILENT = "channel 1 of 2 is silent (the mean of all is heard)"


def silent_but(seconds: float) -> np.ndarray:
    samples = speech()
    samples[:, round(seconds * RATE) :] = 0
    return samples


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (speech(), []),
        (np.clip(speech() * 4, -1, 1), [("clipping", "1.24%")]),
        (np.clip(speech() * 3, -1, 1), []),  # a few samples only
        (speech() + np.float32(0.05), [("offset", "0.050")]),
        (speech(level=0.0005), [("silence", "-66 dB")]),
        (np.zeros((1, RATE), np.float32), [("silence", "-inf dB")]),
        (np.full((1, RATE), 0.5, np.float32), [("offset", "0.500"), ("silence", "-inf dB")]),
        (silent_but(0.1), [("mostly silence", "90% of frames")]),
        (silent_but(0.25), []),
        (silent_but(1.0)[:, :100], []),  # shorter than a frame
        (np.concatenate([speech(), speech() + np.float32(0.1)]), [("offset", "0.100")]),
        (
            np.concatenate([speech(), -speech()]),
            [("channels cancel", CANCEL), ("silence", "-inf dB")],
        ),
        (np.concatenate([0 * speech(), speech()]), [("silent channel", SILENT)]),
    ],
)
def test_what_is_wrong_with_samples_is_measured(
    samples: np.ndarray, expected: list[tuple[str, str]]
) -> None:
    found = check_samples(samples, RATE)
    assert [(what, value) for what, value, _ in found] == expected


def test_a_table_that_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "p.tsv").mkdir()
    cuts = [make_cut(tmp_path / "a.wav", tone("ab"), None)]
    manifest = write(tmp_path / "cuts.jsonl.gz", cuts)
    message = error_of("data", "validate", manifest, "--out", tmp_path / "p.tsv")
    assert "p.tsv: cannot be written (Is a directory); what was there" in message
    message = error_of("data", "validate", manifest, "--out", manifest / "p.tsv")
    assert "choose another --out" in message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "cuts.jsonl.gz", "p.tsv"]


def test_a_manifest_that_breaks_off_is_an_error_and_leaves_no_table(tmp_path: Path) -> None:
    manifest = write(tmp_path / "cuts.jsonl", [make_cut(tmp_path / "a.wav", tone("ab"), "")])
    with manifest.open("a") as file:
        file.write("{}\n")
    message = error_of("data", "validate", manifest, "--out", tmp_path / "p.tsv")
    assert "cuts.jsonl line 2: type must be one of" in message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "cuts.jsonl"]


def test_a_cell_of_the_table_holds_no_tab_or_line_break(tmp_path: Path) -> None:
    done = write_flaws([Flaw("a", "b", "c\td\ne", "f")], tmp_path / "p.tsv")
    assert done == {"b": (1, "a")}
    assert (tmp_path / "p.tsv").read_text() == "id\twhat\tvalue\trule\na\tb\tc d e\tf\n"


def test_progress_is_shown_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHOWN_EVERY", 2)
    manifest = write(tmp_path / "cuts.jsonl.gz", good_cuts(tmp_path / "wav", 5))
    shown: list[str] = []
    assert list(validate(manifest, live=shown.append)) == []
    assert shown == ["2 utterances", "4 utterances", ""]


def test_an_utterance_without_a_recording_is_found(tmp_path: Path) -> None:
    cut = MonoCut("a", 0.0, 1.0, 0, [SupervisionSegment("a", "a", 0.0, 1.0, text="hi")])
    found = found_in(write(tmp_path / "x.jsonl.gz", [cut]))
    assert found == [("a", "missing audio", "no recording")]
    assert describe(tmp_path / "x.jsonl.gz")[0].sample_rates == {}
