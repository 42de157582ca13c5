from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import error_of, run
from lhotse import CutSet
from spoken import speak

LINES = (
    'LJ001-0001|Printing, in the only sense|Printing, in the only "sense',
    "LJ001-0002|in 1455,|in fourteen fifty-five,",
    "LJ002-0001|the 2nd|the second",
    "LJ049-0001|a caf\u00e9|a cafe\u0301",
    "LJ050-0001|No. 3|Number three",
)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus" / "LJSpeech-1.1"
    (folder / "wavs").mkdir(parents=True)
    for line in LINES:
        name, _, text = line.split("|")
        soundfile.write(folder / "wavs" / f"{name}.wav", speak(text, "en-us+f2", 22050), 22050)
    (folder / "metadata.csv").write_text("\n".join(LINES) + "\n", "utf-8")
    return folder.parent


def arguments(corpus: Path) -> tuple[str | Path, ...]:
    return ("prepare", "ljspeech", "--corpus", corpus, "--out", corpus.parent / "out")


def texts(corpus: Path) -> dict[str, dict[str, str]]:
    out = corpus.parent / "out"
    return {
        name: {
            cut.id: cut.supervisions[0].text for cut in CutSet.from_file(out / f"{name}.jsonl.gz")
        }
        for name in ("train", "dev", "test")
    }


def test_the_last_chapters_are_held_out_and_the_text_is_as_spoken(corpus: Path) -> None:
    done = run(*arguments(corpus))
    assert done.returncode == 0, done.stderr
    assert "notice: 5 utterances where 13100 are published" in done.stdout + done.stderr
    assert texts(corpus) == {
        "train": {
            "LJ001-0001": 'Printing, in the only "sense',
            "LJ001-0002": "in fourteen fifty-five,",
            "LJ002-0001": "the second",
        },
        "dev": {"LJ049-0001": "a caf\u00e9"},
        "test": {"LJ050-0001": "Number three"},
    }
    (cut,) = CutSet.from_file(corpus.parent / "out" / "test.jsonl.gz")
    assert (cut.sampling_rate, cut.supervisions[0].speaker) == (22050, "LJ")
    expected = speak("Number three", "en-us+f2", 22050).astype(np.float32) / 32768
    np.testing.assert_array_equal(cut.load_audio()[0], expected)


def test_the_text_as_printed_is_a_setting(corpus: Path) -> None:
    assert run(*arguments(corpus), "--set", "text=printed").returncode == 0
    assert texts(corpus)["train"]["LJ001-0002"] == "in 1455,"
    assert "text" in error_of(*arguments(corpus), "--set", "text=raw")


def test_audio_without_text_and_text_without_audio_are_listed(corpus: Path) -> None:
    wavs = corpus / "LJSpeech-1.1" / "wavs"
    (wavs / "LJ001-0002.wav").rename(wavs / "LJ001-0003.wav")
    error = error_of(*arguments(corpus))
    assert "2 of 6 utterances cannot be used" in error
    assert "metadata.csv:2: " in error
    assert "LJ001-0003.wav: the transcript is empty" in error
    done = run(*arguments(corpus), "--bad", "skip")
    assert "2 of 6 utterances cannot be used and are skipped" in done.stdout + done.stderr
    assert sum(map(len, texts(corpus).values())) == 4


def test_a_line_that_breaks_the_format_is_named(corpus: Path) -> None:
    path = corpus / "LJSpeech-1.1" / "metadata.csv"
    path.write_text("LJ001-0001|one|two\n\nLJ001-0002|one\n")
    error = error_of(*arguments(corpus))
    assert 'metadata.csv:3: "LJ001-0002|one" has 2 parts; must have 3, id|as printed' in error
    path.write_bytes("LJ001-0001|é|é".encode("latin-1"))
    assert "metadata.csv:1: not UTF-8 at byte 11, cp1252 by its look" in error_of(
        *arguments(corpus)
    )
    path.unlink()
    assert "metadata.csv: cannot be read" in error_of(*arguments(corpus))


def test_the_way_to_the_corpus_is_said(tmp_path: Path) -> None:
    error = error_of("prepare", "ljspeech", "--out", tmp_path)
    assert "give --corpus DIR (fetch data.keithito.com/data/speech/LJSpeech-1.1.tar.bz2" in error
