import os
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from lhotse import CutSet
from lhotse.qa import validate

from asr.errors import ConfigError, DataError
from asr.recipes import PrepareOptions
from asr.recipes import librispeech as librispeech_module
from asr.recipes.librispeech import prepare, read_part
from asr.recipes.librispeech_parts import MINI, PARTS, Part, urls_of

CORPORA = Path(os.environ.get("ASR_TEST_CORPORA", Path(__file__).parents[2] / "shared" / "corpora"))
SPEAKERS = ("11", "22", "33")
WHOLE = Part(
    resource=12, size=1, md5="", num_utterances=6, num_speakers=3, num_words=18
)  # what `corpus` holds


def write_audio(path: Path, seconds: float = 0.5) -> None:
    samples = np.zeros(int(16000 * seconds), dtype=np.int16)
    if path.suffix == ".opus":
        soundfile.write(path, samples, 16000, format="OGG", subtype="OPUS")
    else:
        soundfile.write(path, samples, 16000)


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(PARTS, "dev-clean", WHOLE)
    for speaker, ending in zip(SPEAKERS, (".flac", ".opus", ".wav"), strict=True):
        folder = tmp_path / "LibriSpeech" / "dev-clean" / speaker / "7"
        folder.mkdir(parents=True)
        lines = []
        for number in range(2):
            utterance_id = f"{speaker}-7-{number:04d}"
            lines.append(f"{utterance_id} DON'T SAY {'ONE' if number else 'TWO'}\n")
            write_audio(folder / f"{utterance_id}{ending}")
        (folder / f"{speaker}-7.trans.txt").write_text("".join(lines))
    return tmp_path


def options_for(corpus: Path) -> PrepareOptions:
    return PrepareOptions(corpus=corpus, out=corpus / "out")


def part_of(corpus: Path) -> Path:
    return corpus / "LibriSpeech" / "dev-clean"


def test_audio_is_found_by_its_stem_with_any_ending(corpus: Path) -> None:
    report = prepare(options_for(corpus))
    assert report.notices == []
    assert [tuple(item)[1:] for item in report.manifests] == [(6, 18, 3.0, 3)]
    cuts = CutSet.from_file(report.manifests[0].path).to_eager()
    validate(cuts, read_data=True)
    assert [cut.id for cut in cuts][:2] == ["11-7-0000", "11-7-0001"]
    spoken = cuts["22-7-0001"].supervisions[0]
    assert (spoken.text, spoken.speaker, spoken.language) == ("DON'T SAY ONE", "22", "en")
    assert cuts["22-7-0001"].recording.sources[0].source.endswith("22-7-0001.opus")


@pytest.mark.parametrize("inside", ["", "LibriSpeech"])
def test_the_folder_may_be_given_from_outside_or_inside(corpus: Path, inside: str) -> None:
    report = prepare(replace(options_for(corpus), corpus=corpus / inside))
    assert report.manifests[0].num_utterances == 6


def test_the_folder_inside_may_have_another_name(corpus: Path) -> None:
    (corpus / "LibriSpeech").rename(corpus / "mine")
    report = prepare(replace(options_for(corpus), corpus=corpus / "mine"))
    assert report.manifests[0].num_utterances == 6


def test_missing_audio_in_a_complete_part_is_an_error(corpus: Path) -> None:
    (part_of(corpus) / "11" / "7" / "11-7-0001.flac").unlink()
    with pytest.raises(DataError) as raised:
        prepare(options_for(corpus))
    assert str(raised.value).startswith(
        f"{part_of(corpus)}: 1 utterance (11-7-0001) without audio, left out; "
        "5 utterances where 6 are published; 15 words where 18 are published"
    )
    assert not (corpus / "out").exists()


def test_missing_audio_in_a_piece_is_a_notice(corpus: Path) -> None:
    shutil.rmtree(part_of(corpus) / "33")
    (part_of(corpus) / "11" / "7" / "11-7-0001.flac").unlink()
    report = prepare(options_for(corpus))
    assert report.manifests[0].num_utterances == 3
    assert report.notices == [
        "dev-clean: 1 utterance (11-7-0001) without audio, left out",
        "dev-clean: 3 utterances where 6 are published",
        "dev-clean: 9 words where 18 are published",
        "dev-clean: 2 speakers where 3 are published",
    ]


def test_a_piece_of_what_this_recipe_unpacked_is_an_error(corpus: Path) -> None:
    (part_of(corpus) / ".completed").write_text("")
    shutil.rmtree(part_of(corpus) / "33")
    with pytest.raises(DataError, match="4 utterances where 6 are published"):
        prepare(options_for(corpus))


def test_audio_without_a_transcript_is_listed(corpus: Path) -> None:
    write_audio(part_of(corpus) / "11" / "7" / "11-7-0009.flac")
    with pytest.raises(DataError, match=r"1 utterance \(11-7-0009\) without a transcript"):
        prepare(options_for(corpus))


def test_a_part_of_ones_own_name_is_not_compared(corpus: Path) -> None:
    part_of(corpus).rename(corpus / "LibriSpeech" / "mine")
    with pytest.raises(DataError, match="holds no part of LibriSpeech; known parts: dev-clean,"):
        prepare(options_for(corpus))
    report = prepare(replace(options_for(corpus), parts=("mine",)))
    assert report.manifests[0].path.name == "mine.jsonl.gz"
    assert report.notices == ["mine: no counts are published for this name, so none were compared"]


def test_counts_of_one_source_only_give_a_notice(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PARTS, "dev-clean", WHOLE._replace(num_words=17, firm=False))
    assert prepare(options_for(corpus)).notices == ["dev-clean: 18 words where 17 are published"]


def test_a_byte_order_mark_and_blank_lines_are_no_utterances(corpus: Path) -> None:
    expected = read_part(part_of(corpus)).cuts
    path = part_of(corpus) / "11" / "7" / "11-7.trans.txt"
    path.write_text("\n" + path.read_text("utf-8").replace("\n", "\n\n"), "utf-8-sig")
    assert read_part(part_of(corpus)).cuts == expected


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("11-7-0000 \n", 'line 1: "11-7-0000 "; must be an id of chapter 11-7'),
        ("99-7-0000 HELLO\n", "must be an id of chapter 11-7"),
        ("11-7-0000 A\n11-7-0000 B\n", 'line 2: utterance "11-7-0000" comes twice'),
    ],
    ids=["no text", "other chapter", "twice"],
)
def test_a_bad_transcript_line_is_named(corpus: Path, line: str, rule: str) -> None:
    path = part_of(corpus) / "11" / "7" / "11-7.trans.txt"
    path.write_text(line)
    with pytest.raises(DataError, match=rule) as raised:
        prepare(options_for(corpus))
    assert str(path) in str(raised.value)


def test_a_transcript_that_is_not_utf8_is_named(corpus: Path) -> None:
    (part_of(corpus) / "11" / "7" / "11-7.trans.txt").write_bytes(b"11-7-0000 \xff\n")
    with pytest.raises(DataError, match=r"11-7\.trans\.txt: not readable as UTF-8"):
        prepare(options_for(corpus))


def test_an_utterance_with_two_audio_files_is_an_error(corpus: Path) -> None:
    write_audio(part_of(corpus) / "11" / "7" / "11-7-0000.wav")
    with pytest.raises(DataError, match=r'"11-7-0000" has other audio, 11-7-0000\.flac'):
        prepare(options_for(corpus))


def test_empty_audio_is_named(corpus: Path) -> None:
    write_audio(part_of(corpus) / "33" / "7" / "33-7-0000.wav", seconds=0)
    with pytest.raises(DataError, match=r"33-7-0000\.wav: holds no samples"):
        prepare(options_for(corpus))


def write_lists(corpus: Path, **lists: str) -> None:
    for name, ids in lists.items():
        (corpus / "LibriSpeech" / f"{name}.ids").write_text(ids.replace(" ", "\n") + "\n")


def test_lists_of_ids_become_manifests(corpus: Path) -> None:
    write_lists(corpus, train="11-7-0000 11-7-0001", test="33-7-0001")
    report = prepare(options_for(corpus))
    assert [(item.path.name, item.num_utterances) for item in report.manifests] == [
        ("dev-clean.jsonl.gz", 6),
        ("train.jsonl.gz", 2),
        ("test.jsonl.gz", 1),
    ]
    assert report.notices == ["3 utterances are in none of the lists of ids"]


def test_a_speaker_in_two_lists_is_an_error(corpus: Path) -> None:
    write_lists(corpus, train="11-7-0000", dev="11-7-0001")
    with pytest.raises(DataError, match=r'dev\.ids: speaker "11" is in train\.ids too'):
        prepare(options_for(corpus))


def test_an_unknown_id_in_a_list_is_named(corpus: Path) -> None:
    write_lists(corpus, train="11-7-0000 44-7-0000")
    with pytest.raises(DataError, match=r"train\.ids: 1 utterance \(44-7-0000\) not in the parts"):
        prepare(options_for(corpus))


def test_an_id_that_comes_twice_in_a_list_is_named(corpus: Path) -> None:
    write_lists(corpus, train="11-7-0000 11-7-0000")
    with pytest.raises(DataError, match=r'train\.ids: utterance "11-7-0000" comes twice'):
        prepare(options_for(corpus))
    assert not (corpus / "out").exists()


def test_a_list_that_is_not_utf8_is_named(corpus: Path) -> None:
    (corpus / "LibriSpeech" / "dev.ids").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r"dev\.ids: not readable as UTF-8"):
        prepare(options_for(corpus))


def test_without_a_folder_both_ways_are_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"give --corpus DIR, .* or --download"):
        prepare(PrepareOptions(corpus=None, out=tmp_path))


def test_a_missing_folder_and_a_missing_part_are_named(corpus: Path) -> None:
    with pytest.raises(DataError, match="gone: no such folder"):
        prepare(options_for(corpus / "gone"))
    with pytest.raises(DataError, match=r"holds no part test-clean \(give --download"):
        prepare(replace(options_for(corpus), parts=("test-clean",)))


def test_a_part_that_is_not_published_cannot_be_downloaded(tmp_path: Path) -> None:
    options = PrepareOptions(corpus=None, out=tmp_path, download=True, parts=("train-clean-1",))
    with pytest.raises(ConfigError, match="no part train-clean-1; known: dev-clean,"):
        prepare(options)
    assert list(tmp_path.iterdir()) == []


def test_a_download_is_unpacked_checked_and_kept(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = corpus / "fresh"
    asked = []

    def fetch_from_here(urls: list[str], path: Path, **_: object) -> Path:
        asked.append(urls[0])
        path.parent.mkdir(parents=True)
        with tarfile.open(path, "w:gz") as tar:
            tar.add(part_of(corpus), "LibriSpeech/dev-clean")
        return path

    monkeypatch.setattr(librispeech_module, "fetch", fetch_from_here)
    monkeypatch.setitem(PARTS, "dev-clean", WHOLE._replace(size=1_000_000))
    options = PrepareOptions(corpus=None, out=out, download=True, parts=("dev-clean",))
    for _ in range(2):
        assert prepare(options).manifests[0].num_utterances == 6
    assert asked == ["https://www.openslr.org/resources/12/dev-clean.tar.gz"]
    assert (out / "corpus" / "LibriSpeech" / "dev-clean" / ".completed").exists()


def test_the_table_holds_all_published_parts() -> None:
    assert len(PARTS) == 9
    assert all(len(part.md5) == 32 and part.size > 10**8 for part in PARTS.values())
    assert len({part.md5 for part in PARTS.values()}) == 9
    assert {PARTS[name].resource for name in MINI} == {31}
    assert urls_of("dev-clean-2")[0] == ("https://www.openslr.org/resources/31/dev-clean-2.tar.gz")


@pytest.mark.corpora
def test_the_real_dev_clean_has_the_published_counts(tmp_path: Path) -> None:
    if not (CORPORA / "LibriSpeech").is_dir():
        pytest.skip(f"no LibriSpeech in {CORPORA}")
    report = prepare(PrepareOptions(corpus=CORPORA, out=tmp_path))
    assert report.notices == []
    assert [
        (item.path.name, item.num_utterances, item.num_speakers) for item in report.manifests
    ] == [
        ("dev-clean.jsonl.gz", 2703, 40),
        ("train.jsonl.gz", 1927, 28),
        ("dev.jsonl.gz", 405, 6),
        ("test.jsonl.gz", 371, 6),
    ]
    assert report.manifests[0].num_words == 54_402
    cuts = CutSet.from_file(report.manifests[0].path).to_eager()
    validate(cuts)
    for cut in cuts.sample(n_cuts=5):
        assert cut.load_audio().shape == (1, cut.num_samples)
