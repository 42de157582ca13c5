import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import error_of, run
from lhotse import CutSet
from lhotse.audio import audio_backend
from lhotse.audio.backend import LibsndfileBackend

from asr.recipes import an4

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def write_corpus(folder: Path, spoken: dict[str, list[tuple[str, str, np.ndarray]]]) -> Path:
    """Writes (id, text, samples) of train and test as published: SPHERE, some lines without <s>."""
    for split, inside in (("train", "an4_clstk"), ("test", "an4test_clstk")):
        lines = []
        for number, (name, text, samples) in enumerate(spoken[split]):
            path = folder / "an4" / "wav" / inside / name.split("-")[1] / f"{name}.sph"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, samples, 16000, format="NIST", subtype="PCM_16")
            bare = split == "test" and number % 2
            lines.append(f"{text} ({name})" if bare else f"<s> {text} </s> ({name})")
        etc = folder / "an4" / "etc"
        etc.mkdir(exist_ok=True)
        (etc / f"an4_{split}.transcription").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(autouse=True)
def _reader_of_training() -> Iterator[None]:
    with audio_backend(LibsndfileBackend()):  # lhotse's own wants sph2pipe
        yield


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Twenty training and four test utterances of noise."""
    draw = np.random.default_rng(0)
    spoken = {
        split: [
            (f"an{n}-{speaker}{n % 2}-b", f"{LETTERS[n]} ONE", draw.integers(-99, 99, 16000 + n))
            for n in range(count)
        ]
        for split, speaker, count in (("train", "fa", 20), ("test", "mb", 4))
    }
    spoken = {
        split: [(name, text, samples.astype(np.int16)) for name, text, samples in found]
        for split, found in spoken.items()
    }
    return write_corpus(tmp_path / "corpus", spoken)


def read(out: Path) -> dict[str, list]:
    return {
        name: list(CutSet.from_file(out / f"{name}.jsonl.gz")) for name in ("train", "dev", "test")
    }


def arguments(corpus: Path) -> tuple[str | Path, ...]:
    return ("prepare", "an4", "--corpus", corpus, "--out", corpus.parent / "out")


def test_lines_with_and_without_marks_give_their_words(corpus: Path) -> None:
    done = run(*arguments(corpus))
    assert done.returncode == 0, done.stderr
    found = read(corpus.parent / "out")
    assert {cut.id: cut.supervisions[0].text for cut in found["test"]} == {
        "mb0-an0-b": "A ONE",
        "mb0-an2-b": "C ONE",
        "mb1-an1-b": "B ONE",
        "mb1-an3-b": "D ONE",
    }
    assert {cut.supervisions[0].speaker for cut in found["test"]} == {"mb0", "mb1"}
    assert [cut.id for cut in found["dev"]] == ["fa0-an0-b", "fa0-an10-b"]
    assert len(found["train"]) == 18
    assert "20 train utterances where 948 are published" in done.stdout + done.stderr
    assert "4 test utterances where 130 are published" in done.stdout + done.stderr


def test_sphere_samples_are_read_exactly(corpus: Path) -> None:
    run(*arguments(corpus))
    (cut,) = [c for c in read(corpus.parent / "out")["test"] if c.id == "mb1-an3-b"]
    path = corpus / "an4" / "wav" / "an4test_clstk" / "mb1" / "an3-mb1-b.sph"
    raw = np.frombuffer(path.read_bytes()[1024:], "<i2")  # the header has 1,024 bytes
    assert b"sample_coding -s3 pcm" in path.read_bytes()[:1024]
    np.testing.assert_array_equal(cut.load_audio()[0], raw.astype(np.float32) / 32768)


def test_in_the_complete_corpus_dev_has_a_hundred_utterances_and_words_are_counted(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(an4, "NUM_UTTERANCES", {"train": 20, "test": 4})
    monkeypatch.setattr(an4, "NUM_DEV", 5)
    monkeypatch.setattr(an4, "NUM_WORDS", {"dev": 10, "test": 8})
    done = run(*arguments(corpus))
    assert "published" not in done.stdout + done.stderr
    assert len(read(corpus.parent / "out")["dev"]) == 5
    monkeypatch.setattr(an4, "NUM_WORDS", {"dev": 10, "test": 773})
    assert "an4: 8 test words where 773 are published (fetch" in error_of(*arguments(corpus))


def test_audio_without_text_and_text_without_audio_are_listed(corpus: Path) -> None:
    folder = corpus / "an4" / "wav" / "an4_clstk" / "fa0"
    (folder / "an2-fa0-b.sph").unlink()
    (folder / "an4-fa0-b.sph").rename(folder / "an400-fa0-b.sph")
    error = error_of(*arguments(corpus))
    assert "3 of 25 utterances cannot be used" in error
    assert f"{folder / 'an400-fa0-b.sph'}: the transcript is empty" in error
    assert re.search(r"an4_train\.transcription:3: .*an2-fa0-b\.sph: no such file", error)
    done = run(*arguments(corpus), "--bad", "skip")
    assert "3 of 25 utterances cannot be used and are skipped" in done.stdout + done.stderr
    assert sum(map(len, read(corpus.parent / "out").values())) == 22


def test_a_line_without_an_id_is_named(corpus: Path) -> None:
    path = corpus / "an4" / "etc" / "an4_train.transcription"
    path.write_text(path.read_text() + "\n<s> YES </s>\n")
    error = error_of(*arguments(corpus))
    assert 'an4_train.transcription:22: "<s> YES </s>"; must be words and an id' in error
    path.unlink()
    assert "an4_train.transcription: cannot be read: No such file" in error_of(*arguments(corpus))


def test_samples_without_a_header_are_refused(corpus: Path) -> None:
    path = corpus / "an4" / "wav" / "an4_clstk" / "fa0" / "an0-fa0-b.sph"
    path.rename(path.with_suffix(".raw"))
    error = error_of(*arguments(corpus))
    assert "an0-fa0-b.raw: samples without a header, which may be of either byte order" in error
    assert "must be an0-fa0-b.sph (fetch www.speech.cs.cmu.edu" in error


def test_real_recordings_in_the_original_layout(corpora: Path, tmp_path: Path) -> None:
    spoken: dict[str, list] = {"train": [], "test": []}
    for line in (corpora / "an4-mini" / "manifest.jsonl").read_text().splitlines():
        row = json.loads(line)
        samples, rate = soundfile.read(corpora / "an4-mini" / row["audio"], dtype="int16")
        assert rate == 16000
        spoken[row["split"]].append((row["id"], row["text"].upper(), samples))
    write_corpus(tmp_path / "corpus", spoken)
    done = run(*arguments(tmp_path / "corpus"))
    assert done.returncode == 0, done.stderr
    found = read(tmp_path / "out")
    assert {name: len(cuts) for name, cuts in found.items()} == {"train": 54, "dev": 6, "test": 10}
    texts = {cut.id: cut.supervisions[0].text for cuts in found.values() for cut in cuts}
    assert texts["fash-cen7-b"] == "TWO SIX EIGHT FOUR FOUR ONE EIGHT"
    audio = {name: samples for name, _, samples in spoken["test"]}
    for cut in found["test"]:
        speaker, first, last = cut.id.split("-")
        expected = audio[f"{first}-{speaker}-{last}"].astype(np.float32) / 32768
        np.testing.assert_array_equal(cut.load_audio()[0], expected)
