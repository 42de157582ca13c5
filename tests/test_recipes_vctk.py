from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import error_of, run
from lhotse import CutSet
from spoken import speak

TEXTS = ("Please call Stella.", "Ask her to bring these things.")  # that all speakers read
VOICES = {"p225": "en-us+f3", "p228": "en-us+m1", "p239": "en-us", "p315": "en-us+m3"}
VOICES["s5"] = "en-us+f2"


def spoken_by(speaker: str) -> dict[str, np.ndarray]:
    """Returns text -> samples at 48 kHz of what a speaker reads: one sentence is only theirs."""
    texts = (*TEXTS, f"This is only for {speaker}.")
    return {text: speak(text, VOICES[speaker], 48000) for text in texts}


def write_corpus(folder: Path, *, audio: str, endings: tuple[str, ...]) -> Path:
    """Writes five speakers as published; p315 has no texts."""
    for speaker in VOICES:
        for number, (text, samples) in enumerate(spoken_by(speaker).items(), start=1):
            path = folder / "txt" / speaker / f"{speaker}_{number:03d}.txt"
            if speaker != "p315":
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"{text} \n")
            for ending in endings:
                path = folder / audio / speaker / f"{speaker}_{number:03d}{ending}"
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, samples // (2 if "mic2" in ending else 1), 48000)
    (folder / "speaker-info.txt").write_text("ID  AGE  GENDER  ACCENTS  REGION COMMENTS\n")
    return folder


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Version 0.92."""
    folder = tmp_path / "corpus" / "VCTK-Corpus-0.92"
    endings = ("_mic1.flac", "_mic2.flac")
    return write_corpus(folder, audio="wav48_silence_trimmed", endings=endings).parent


def arguments(corpus: Path) -> tuple[str | Path, ...]:
    return ("prepare", "vctk", "--corpus", corpus, "--out", corpus.parent / "out")


def read(corpus: Path) -> dict[str, list]:
    out = corpus.parent / "out"
    return {
        name: list(CutSet.from_file(out / f"{name}.jsonl.gz")) for name in ("train", "dev", "test")
    }


def source_of(cut) -> str:
    return Path(cut.recording.sources[0].source).name


def test_speakers_are_held_out_and_what_is_shared_is_said(corpus: Path) -> None:
    done = run(*arguments(corpus))
    assert done.returncode == 0, done.stderr
    found = read(corpus)
    assert {
        split: {cut.supervisions[0].speaker for cut in cuts} for split, cuts in found.items()
    } == {"train": {"p225", "s5"}, "dev": {"p228"}, "test": {"p239"}}
    assert [cut.id for cut in found["dev"]] == ["p228_001", "p228_002", "p228_003"]
    assert found["dev"][0].supervisions[0].text == "Please call Stella."
    assert found["dev"][0].sampling_rate == 48000
    expected = spoken_by("p228")["Please call Stella."].astype(np.float32) / 32768
    np.testing.assert_array_equal(found["dev"][0].load_audio()[0], expected)
    notices = [line for line in (done.stdout + done.stderr).splitlines() if "notice" in line]
    assert [line.split("notice: ")[1] for line in notices] == [
        "3 utterances of p315 are left out: it was published without texts",
        "2 of 3 utterances of dev have the words of one in train",
        "2 of 3 utterances of test have the words of one in train",
    ]


def test_the_microphone_is_a_setting(corpus: Path) -> None:
    assert run(*arguments(corpus)).returncode == 0
    assert {source_of(cut) for cut in read(corpus)["dev"]} == {
        f"p228_00{n}_mic1.flac" for n in (1, 2, 3)
    }
    assert run(*arguments(corpus), "--set", "mic=mic2").returncode == 0
    assert source_of(read(corpus)["dev"][0]) == "p228_001_mic2.flac"
    assert "mic3" in error_of(*arguments(corpus), "--set", "mic=mic3")


def test_the_older_version_has_one_microphone(tmp_path: Path) -> None:
    folder = tmp_path / "corpus" / "VCTK-Corpus"
    corpus = write_corpus(folder, audio="wav48", endings=(".wav",)).parent
    assert run(*arguments(corpus)).returncode == 0
    assert source_of(read(corpus)["test"][2]) == "p239_003.wav"
    error = error_of(*arguments(corpus), "--set", "mic=mic2")
    assert "vctk: mic is mic2; version 0.80 has one only (leave mic out)" in error


def test_audio_without_text_and_text_without_audio_are_listed(corpus: Path) -> None:
    folder = corpus / "VCTK-Corpus-0.92"
    (folder / "txt" / "p225" / "p225_002.txt").unlink()
    audio = folder / "wav48_silence_trimmed" / "s5"
    (audio / "s5_001_mic1.flac").unlink()
    error = run(*arguments(corpus)).stderr.splitlines()[-1]
    assert error.startswith("asr: 2 of 12 utterances cannot be used")
    assert "p225_002_mic1.flac: the transcript is empty" in error
    assert "s5_001.txt:1: " in error
    done = run(*arguments(corpus), "--bad", "skip")
    assert "2 of 12 utterances cannot be used and are skipped" in done.stdout + done.stderr
    assert sum(map(len, read(corpus).values())) == 10


def test_a_folder_without_audio_or_texts_is_named(corpus: Path, tmp_path: Path) -> None:
    error = error_of("prepare", "vctk", "--corpus", tmp_path, "--out", tmp_path / "out")
    assert "holds neither wav48_silence_trimmed nor wav48 (give --corpus VCTK" in error
    (corpus / "VCTK-Corpus-0.92" / "txt").rename(tmp_path / "txt")
    assert "txt: holds no texts" in error_of(*arguments(corpus))


def test_the_way_to_the_corpus_is_said(tmp_path: Path) -> None:
    error = error_of("prepare", "vctk", "--out", tmp_path)
    assert "give --corpus DIR (fetch VCTK-Corpus-0.92.zip from datashare.ed.ac.uk" in error
