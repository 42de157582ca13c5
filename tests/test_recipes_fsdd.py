import os
import random
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from lhotse import CutSet
from lhotse.cut import MixedCut
from lhotse.qa import validate

from asr.errors import ConfigError, DataError
from asr.recipes import PrepareOptions, PrepareReport
from asr.recipes import fsdd as fsdd_module
from asr.recipes.fsdd import make_strings, prepare

CORPORA = Path(os.environ.get("ASR_TEST_CORPORA", Path(__file__).parents[2] / "shared" / "corpora"))
INDICES = [*range(8), 45, 46]


def write_wav(path: Path, seed: int) -> None:
    generator = np.random.default_rng(seed)
    samples = generator.integers(1000, 2000, size=800 + seed % 100, dtype=np.int16)
    soundfile.write(path, samples, 8000)


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(fsdd_module, "NUM_STRINGS", {"train": 60, "dev": 8, "test": 20})
    folder = tmp_path / "fsdd" / "recordings"
    folder.mkdir(parents=True)
    for digit in range(10):
        for speaker in ("ann", "bob"):
            for index in INDICES:
                write_wav(folder / f"{digit}_{speaker}_{index}.wav", digit * 100 + index)
    return folder.parent


def options_for(corpus: Path, out: str = "out") -> PrepareOptions:
    return PrepareOptions(corpus=corpus, out=corpus.parent / out)


def read(report: PrepareReport) -> dict[str, CutSet]:
    return {
        summary.path.name.removesuffix(".jsonl.gz"): CutSet.from_file(summary.path).to_eager()
        for summary in report.manifests
    }


def recordings_of(cuts: Iterable) -> set[str]:
    return {
        source.source
        for cut in cuts
        for part in ([track.cut for track in cut.tracks] if isinstance(cut, MixedCut) else [cut])
        for source in part.recording.sources
    }


def index_of(path: str) -> int:
    return int(Path(path).stem.split("_")[2])


def assert_split_is_kept(manifests: dict[str, CutSet]) -> None:
    found = {name: recordings_of(cuts) for name, cuts in manifests.items()}
    assert {index_of(path) for path in found["test"] | found["test-strings"]} == set(range(5))
    assert found["test-strings"] <= found["test"]
    assert all(5 <= index_of(path) < 45 for path in found["train"])
    assert all(45 <= index_of(path) < 50 for path in found["dev"])


def test_no_recording_crosses_a_split(corpus: Path) -> None:
    report = prepare(options_for(corpus))
    manifests = read(report)
    assert {name: len(cuts) for name, cuts in manifests.items()} == {
        "train": 120,
        "dev": 48,
        "test": 100,
        "test-strings": 20,
    }
    assert_split_is_kept(manifests)


def test_the_folder_of_recordings_itself_is_accepted(corpus: Path) -> None:
    inside = prepare(options_for(corpus / "recordings"))
    assert [item.num_utterances for item in inside.manifests] == [120, 48, 100, 20]


def test_a_single_digit_is_its_word(corpus: Path) -> None:
    cut = read(prepare(options_for(corpus)))["test"]["ann-7-03"]
    assert cut.supervisions[0].text == "seven"
    assert cut.supervisions[0].speaker == "ann"
    assert recordings_of([cut]) == {str(corpus / "recordings" / "7_ann_3.wav")}


def test_a_string_plays_its_digits_with_pauses_between(corpus: Path) -> None:
    for cut in read(prepare(options_for(corpus)))["test-strings"]:
        validate(cut)
        assert 2 <= len(cut.tracks) <= 7
        assert {item.speaker for item in cut.supervisions} == {cut.id.split("-")[0]}
        samples = cut.load_audio()[0]
        assert len(samples) == cut.num_samples
        end = 0
        for track in cut.tracks:
            start = round(track.offset * 8000)
            if end:
                assert 0.05 <= (start - end) / 8000 <= 0.3
                assert not samples[end:start].any()
            end = start + track.cut.num_samples
            np.testing.assert_array_equal(samples[start:end], track.cut.load_audio()[0])
        assert end == len(samples)


def test_the_text_of_a_string_is_in_the_order_spoken(corpus: Path) -> None:
    cut = next(iter(read(prepare(options_for(corpus)))["test-strings"]))
    in_time = sorted(cut.supervisions, key=lambda item: item.start)
    digits = [int(track.cut.recording.id.split("-")[1]) for track in cut.tracks]
    assert [item.text for item in in_time] == [fsdd_module.WORDS[digit] for digit in digits]


def test_the_strings_follow_the_seed(corpus: Path) -> None:
    manifests = []
    for out, seed in (("a", 1), ("b", 1), ("c", 2)):
        report = prepare(replace(options_for(corpus, out), seed=seed))
        manifests.append(report.manifests[3].path.read_bytes())
    assert manifests[0] == manifests[1] != manifests[2]


def test_what_differs_from_the_official_split_is_said(corpus: Path) -> None:
    folder = corpus / "recordings"
    write_wav(folder / "3_ann_50.wav", 1)
    (folder / "notes.txt").write_text("")
    missing, extra, odd = prepare(options_for(corpus)).notices
    assert missing.startswith(f"{folder}: 800 files (0_ann_8.wav, 0_ann_9.wav,")
    assert "1 file (3_ann_50.wav) left out: the official split ends at index 49" in extra
    assert "1 file (notes.txt) left out: not named DIGIT_SPEAKER_INDEX.wav" in odd


def test_a_damaged_recording_is_named_and_nothing_is_written(corpus: Path) -> None:
    (corpus / "recordings" / "3_ann_7.wav").write_bytes(b"RIFF")
    with pytest.raises(DataError, match=r"3_ann_7\.wav: not audio that libsndfile reads"):
        prepare(options_for(corpus))
    assert not (corpus.parent / "out").exists()


def test_a_folder_without_recordings_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no recording is named DIGIT_SPEAKER_INDEX\.wav"):
        prepare(options_for(tmp_path))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gone: no such folder"):
        prepare(options_for(tmp_path / "gone"))


def test_without_a_folder_the_way_to_the_corpus_is_said(tmp_path: Path) -> None:
    options = PrepareOptions(corpus=None, out=tmp_path)
    with pytest.raises(ConfigError, match="free-spoken-digit-dataset"):
        prepare(options)
    with pytest.raises(DataError, match="git clone"):
        prepare(replace(options, download=True))


def test_a_speaker_with_too_few_recordings_is_named(corpus: Path) -> None:
    cuts = list(read(prepare(options_for(corpus)))["test"])
    few = random.Random(0).sample([cut for cut in cuts if cut.id.startswith("bob")], 6)
    with pytest.raises(DataError, match='"bob" has 6 recordings in test; a string takes up to 7'):
        make_strings(few, split="test", count=1, seed=0)


@pytest.mark.corpora
def test_the_real_recordings_give_the_official_split(tmp_path: Path) -> None:
    if not (CORPORA / "fsdd").is_dir():
        pytest.skip(f"no fsdd in {CORPORA}")
    report = prepare(PrepareOptions(corpus=CORPORA / "fsdd", out=tmp_path))
    assert report.notices == []
    assert [tuple(item)[1:3] for item in report.manifests[2:3]] == [(300, 300)]
    assert [item.num_utterances for item in report.manifests] == [5400, 500, 300, 300]
    assert {item.num_speakers for item in report.manifests} == {6}
    manifests = read(report)
    assert_split_is_kept(manifests)
    assert len(recordings_of(manifests["train"])) == 2400
    for cuts in manifests.values():
        validate(cuts)
        for cut in cuts.sample(n_cuts=10):
            assert cut.load_audio().shape == (1, cut.num_samples)
