import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import error_of, run
from lhotse import CutSet

SPLITS = ("train", "dev", "test")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Twelve recordings as published: 0_0_0 to 1_0_1_1, 8 kHz."""
    folder = tmp_path / "corpus" / "waves_yesno"
    folder.mkdir(parents=True)
    for number in range(12):
        samples = np.random.default_rng(number).integers(-999, 999, 16000, dtype=np.int16)
        soundfile.write(folder / f"{'_'.join(f'{number:04b}')}.wav", samples, 8000)
    (folder / "README").write_text("about the corpus")
    return folder.parent


def test_the_name_is_the_transcript_and_every_second_recording_is_test(corpus: Path) -> None:
    out = corpus.parent / "out"
    done = run("prepare", "yesno", "--corpus", corpus, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "notice: 12 recordings where 60 are published" in done.stdout + done.stderr
    found = {name: list(CutSet.from_file(out / f"{name}.jsonl.gz")) for name in SPLITS}
    assert {name: [cut.id for cut in cuts] for name, cuts in found.items()} == {
        "train": ["0_0_0_0", "0_0_1_0", "0_1_0_0", "0_1_1_0", "1_0_1_0"],
        "dev": ["1_0_0_0"],
        "test": ["0_0_0_1", "0_0_1_1", "0_1_0_1", "0_1_1_1", "1_0_0_1", "1_0_1_1"],
    }
    spoken = found["dev"][0].supervisions[0]
    assert (spoken.text, spoken.speaker, spoken.language) == ("YES NO NO NO", "yesno", "he")


def test_a_recording_named_otherwise_is_refused(corpus: Path) -> None:
    source = corpus / "waves_yesno" / "0_0_0_0.wav"
    shutil.copy(source, source.with_name("hello.wav"))
    error = error_of("prepare", "yesno", "--corpus", corpus, "--out", corpus.parent / "out")
    assert "hello.wav: must be named for its words, 0 or 1 each" in error


def test_a_damaged_recording_is_refused_or_skipped(corpus: Path) -> None:
    (corpus / "waves_yesno" / "0_0_0_0.wav").write_bytes(b"RIFF")
    arguments = ("prepare", "yesno", "--corpus", corpus, "--out", corpus.parent / "out")
    assert "1 of 12 utterances cannot be used" in error_of(*arguments)
    done = run(*arguments, "--bad", "skip")
    assert "1 of 12 utterances cannot be used and are skipped" in done.stdout + done.stderr
    assert len(list(CutSet.from_file(corpus.parent / "out" / "train.jsonl.gz"))) == 4


def test_the_way_to_the_corpus_is_said(tmp_path: Path) -> None:
    out = ("--out", tmp_path / "out")
    how = "fetch openslr.org/resources/1/waves_yesno.tar.gz and unpack it"
    assert f"give --corpus DIR ({how})" in error_of("prepare", "yesno", *out)
    assert f"checksum ({how}, and give its" in error_of("prepare", "yesno", *out, "--download")
    missing = error_of("prepare", "yesno", *out, "--corpus", tmp_path / "gone")
    assert f"gone: no such folder (give --corpus the corpus: {how})" in missing


def test_the_real_recordings_are_all_there(corpora: Path, tmp_path: Path) -> None:
    done = run("prepare", "yesno", "--corpus", corpora / "yesno", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "notice" not in done.stdout + done.stderr
    found = {name: list(CutSet.from_file(tmp_path / f"{name}.jsonl.gz")) for name in SPLITS}
    assert [len(cuts) for cuts in found.values()] == [24, 6, 30]
    texts = [cut.supervisions[0].text for cuts in found.values() for cut in cuts]
    assert len(set(texts)) == 60
    assert {len(text.split()) for text in texts} == {8}


def test_hidden_files_are_passed_over_and_odd_names_skipped_when_told(corpus: Path) -> None:
    folder = corpus / "waves_yesno"
    (folder / "._0_0_0_0.wav").write_bytes(b"x")
    shutil.copy(folder / "0_0_0_0.wav", folder / "hello.wav")
    out = corpus.parent / "out"
    before = run("prepare", "yesno", "--corpus", corpus, "--out", out, "--bad", "skip")
    assert before.returncode == 0, before.stderr
    assert "1 of " in before.stderr
    assert "hello.wav: must be named for its words" in before.stderr
