import hashlib
import shutil
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import error_of, run
from file_server import serving
from lhotse import CutSet
from lhotse.qa import validate
from zeroth_corpus import pack, write_corpus

from asr.errors import ConfigError, DataError
from asr.recipes import PrepareOptions
from asr.recipes.held_out import sentence_of
from asr.recipes.manifests import speaker_of
from asr.recipes.zeroth_korean import SETS, URLS, Published, divide, prepare
from asr.recipes.zeroth_korean_sets import read_set

NAMES = ["train", "dev", "left-out", "test", "test-seen", "test-unseen"]
TRANSCRIPT = Path("train_data_01") / "003" / "101" / "101_003.trans.txt"
TEST = Published("test_data_01", 8, 2, num_words=16, num_syllables=30)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "corpus")


def options_for(corpus: Path, **others: object) -> PrepareOptions:
    return PrepareOptions(corpus=corpus, out=corpus.parent / "out", **others)


def read(out: Path) -> dict[str, CutSet]:
    return {name: CutSet.from_file(out / f"{name}.jsonl.gz").to_eager() for name in NAMES}


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_every_utterance_is_in_one_split_and_dev_shares_nothing_with_train(corpus: Path) -> None:
    done = run("prepare", "zeroth_korean", "--corpus", corpus, "--out", corpus.parent / "out")
    assert done.returncode == 0, done.stderr
    manifests = read(corpus.parent / "out")
    for cuts in manifests.values():
        validate(cuts, read_data=True)
    train, dev, left_out, test, seen, unseen = (list(manifests[name]) for name in NAMES)
    assert len(train) + len(dev) + len(left_out) == 36
    assert len(dev) >= 1
    assert not set(map(speaker_of, train)) & set(map(speaker_of, dev))
    assert not set(map(sentence_of, train)) & set(map(sentence_of, dev))
    assert f"{len(left_out)} utterances are neither in train nor in dev" in done.stderr
    assert len(test) == 8
    assert sorted(c.id for c in [*seen, *unseen]) == [c.id for c in test]
    trained = set(map(sentence_of, train))
    assert [sentence_of(c) in trained for c in test] == [
        c.supervisions[0].custom["seen_in_training"] for c in test
    ]
    assert all(sentence_of(c) in trained for c in seen)
    assert {c.id for c in unseen} >= {"201_003_0002", "201_003_0003", "202_003_0002"}
    spoken = manifests["test"]["201_003_0000"].supervisions[0]
    assert (spoken.speaker, spoken.language, spoken.gender) == ("201", "ko", "m")
    assert "somebody" not in repr(spoken)
    assert "language models for asr decode --lm, over morphemes: zeroth.lm.tgsmall" in done.stderr


def test_a_part_of_the_corpus_is_compared_in_notices(corpus: Path) -> None:
    notices = prepare(options_for(corpus)).notices
    assert notices[:4] == [
        "train_data_01: 6 speakers where 105 are published",
        "train_data_01: 36 utterances where 22263 are published",
        "test_data_01: 2 speakers where 10 are published",
        "test_data_01: 8 utterances where 457 are published",
    ]
    assert notices[4] == "test_data_01: 16 words where 6641 are published"
    assert notices[5].endswith("syllables where 19288 are published")


def test_a_complete_set_that_is_not_as_published_is_an_error(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    syllables = sum(len(sentence_of(c)) for c in read_set(corpus / "test_data_01", {})[0])
    monkeypatch.setitem(SETS, "test", TEST._replace(num_syllables=syllables))
    assert not any(n.startswith("test_data") for n in prepare(options_for(corpus)).notices)
    path = corpus / "test_data_01" / "003" / "201" / "201_003.trans.txt"
    change(path, "201_003_0000 ", "201_003_0000 가 ")
    with pytest.raises(DataError) as raised:
        prepare(options_for(corpus))
    assert str(raised.value).startswith(
        f"{corpus / 'test_data_01'}: 17 words where 16 are published; "
        f"{syllables + 1} syllables where {syllables} are published (unpack the archive again;"
    )


def test_the_published_counts_and_mirrors_are_these() -> None:
    assert SETS["train"] == ("train_data_01", 22_263, 105, None, None)
    assert SETS["test"] == ("test_data_01", 457, 10, 6641, 25_472 - (6641 - 457))
    assert URLS[0] == "https://www.openslr.org/resources/40/zeroth_korean.tar.gz"
    assert len(set(URLS)) == 4


@pytest.mark.parametrize("extra", ["", "corpus"])
def test_the_archive_is_fetched_in_two_pieces_and_unpacked_into_a_folder(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, extra: str
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    out, content = tmp_path / "fresh", pack(corpus)
    arguments = ["prepare", "zeroth_korean", "--out", out, "--download"]
    arguments += ["--corpus", tmp_path / "fresh" / "corpus"] if extra else []
    with serving(content) as server:
        server.break_after = [10_000]
        settings = ["--set", f"url={server.url}", "--set", f"size={len(content)}"]
        done = run(*arguments, *settings)
        assert done.returncode == 0, done.stderr
        again = run(*arguments, *settings)
        assert server.asked == ["", "bytes=10000-"]
    root = out / "corpus" / "zeroth_korean"
    assert f"{root} is there already" in again.stderr
    assert (root / ".completed").exists()
    assert (root / "zeroth.lm.tgsmall.arpa.gz").exists()
    found = hashlib.md5(content).hexdigest()
    warning = f"md5 is {found} where 8e0a4268bb8e80db3773c331025ef1e2 was expected"
    assert f"{root.parent / 'zeroth_korean.tar.gz'}: {warning}" in done.stderr
    assert f"notice: {root.parent / 'zeroth_korean.tar.gz'}: {warning}" in done.stderr
    assert len(read(out)["test"]) == 8


def test_the_right_checksum_is_no_notice_and_a_wrong_size_an_error(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    content = pack(corpus)
    options = PrepareOptions(corpus=None, out=tmp_path / "fresh", download=True)
    with serving(content) as server:
        settings = (f"url={server.url}", f"md5={hashlib.md5(content).hexdigest()}")
        right = replace(options, settings=(*settings, f"size={len(content)}"))
        assert not any("md5" in notice for notice in prepare(right).notices)
        wrong = replace(options, out=tmp_path / "other", settings=(*settings, "size=1000"))
        with pytest.raises(DataError, match="sends more than the published 1000 bytes"):
            prepare(wrong)
    assert not (tmp_path / "other" / "corpus" / "zeroth_korean").exists()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("101_003_0000 \n", 'line 1: "101_003_0000 "; must be an id of chapter 101_003, a space'),
        ("102_003_0000 가\n", 'line 1: "102_003_0000 가"; must be an id of chapter 101_003'),
        ("101_003_0000 가\n101_003_0000 나\n", 'line 2: utterance "101_003_0000" comes twice'),
        ("101_003_0000 가\n101_003_9999 나\n", 'line 2: utterance "101_003_9999" has no audio'),
    ],
    ids=["no text", "other speaker", "twice", "no audio"],
)
def test_what_cannot_be_used_is_listed_and_refused_or_skipped(
    corpus: Path, line: str, problem: str
) -> None:
    (corpus / TRANSCRIPT).write_text(line, "utf-8")
    with pytest.raises(DataError, match=r"of 4. utterances cannot be used: ") as raised:
        prepare(options_for(corpus))
    listed = (corpus.parent / "out" / "problems.txt").read_text("utf-8")
    assert f"{corpus / TRANSCRIPT} {problem}" in listed
    assert '101_003_0005.flac: utterance "101_003_0005" has no transcript' in listed
    assert "give --bad skip" in str(raised.value)
    report = prepare(options_for(corpus, bad="skip"))
    assert f"{len(listed.splitlines())} of " in report.notices[0]
    total = sum(item.num_utterances for item in report.manifests[:3])
    assert total == 30 + line.startswith("101_003_0000 가")


def test_audio_that_is_damaged_is_listed(corpus: Path) -> None:
    path = corpus / TRANSCRIPT.with_name("101_003_0002.flac")
    path.write_bytes(b"fLaC")
    with pytest.raises(
        DataError, match=r"1 of 44 .*101_003_0002\.flac: not audio that libsndfile reads"
    ):
        prepare(options_for(corpus))
    report = prepare(options_for(corpus, bad="skip"))
    assert sum(item.num_utterances for item in report.manifests[:3]) == 35


def test_a_list_of_problems_that_cannot_be_written_is_one_sentence(corpus: Path) -> None:
    (corpus / TRANSCRIPT).write_text("\n", "utf-8")
    (corpus.parent / "out").write_text("a file")
    with pytest.raises(DataError, match=r"problems\.txt: cannot be written"):
        prepare(options_for(corpus))


def test_text_is_composed_and_what_is_not_hangul_is_said(corpus: Path) -> None:
    path = corpus / TRANSCRIPT
    path.write_text(unicodedata.normalize("NFD", path.read_text("utf-8")), "utf-8")
    assert not any("Hangul" in notice for notice in prepare(options_for(corpus)).notices)
    assert all(
        unicodedata.is_normalized("NFC", c.supervisions[0].text)
        for c in read_set(corpus / "train_data_01", {})[0]
    )
    change(corpus / TRANSCRIPT.parents[1] / "102" / "102_003.trans.txt", "\n", " 3번\n")
    (said,) = [n for n in prepare(options_for(corpus)).notices if "Hangul" in n]
    assert said.startswith("6 transcripts (102_003_0000, 102_003_0001,")


def test_speakers_of_unknown_sex_are_said(corpus: Path) -> None:
    change(corpus / "AUDIO_INFO", "102|somebody|f|", "102|somebody|x|")
    (said,) = [n for n in prepare(options_for(corpus)).notices if "no sex" in n]
    assert said == f"1 speakers (102) have no sex in {corpus / 'AUDIO_INFO'}"
    (corpus / "AUDIO_INFO").unlink()
    (said,) = [n for n in prepare(options_for(corpus)).notices if "no sex" in n]
    assert said.startswith("8 speakers (101, 102, 103, 104, 105, ...) have no sex")


def test_a_test_set_without_unseen_sentences_has_no_manifest_of_them(corpus: Path) -> None:
    prepare(options_for(corpus))
    path = corpus.parent / "out" / "test-unseen.jsonl.gz"
    assert path.exists()
    cuts = read_set(corpus / "train_data_01", {})[0]
    assert divide(cuts, [c for c in cuts if speaker_of(c) == "103"])["test-unseen"] == []
    for speaker in ("201", "202"):
        transcript = corpus / "test_data_01" / "003" / speaker / f"{speaker}_003.trans.txt"
        ids = [line.split()[0] for line in transcript.read_text("utf-8").splitlines()]
        text = sentence_of(next(iter(read(corpus.parent / "out")["train"])))
        transcript.write_text("".join(f"{name} {text}\n" for name in ids), "utf-8")
    notices = prepare(options_for(corpus)).notices
    assert "test-unseen: no utterance, so test-unseen.jsonl.gz is not written" in notices
    assert not path.exists()


def test_sentences_of_dev_that_are_in_test_are_counted(corpus: Path) -> None:
    for speaker in range(101, 107):
        transcript = corpus / "train_data_01" / "003" / str(speaker) / f"{speaker}_003.trans.txt"
        names = [line.split()[0] for line in transcript.read_text("utf-8").splitlines()]
        texts = [read_set(corpus / "test_data_01", {})[0][i].supervisions[0].text for i in range(6)]
        lines = [f"{name} {text}\n" for name, text in zip(names, texts, strict=True)]
        transcript.write_text("".join(lines), "utf-8")
    assert "1 sentences of dev are in test too: too few others were there" in (
        prepare(options_for(corpus)).notices
    )


def test_a_wrong_option_or_folder_is_one_sentence(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"give --corpus DIR, .*train_data_01/, or --download"):
        prepare(PrepareOptions(corpus=None, out=tmp_path))
    with pytest.raises(ConfigError, match="give --download with it"):
        prepare(options_for(corpus, settings=("size=5",)))
    with pytest.raises(ConfigError, match="known here: md5, size, url"):
        prepare(options_for(corpus, download=True, settings=("adress=x",)))
    line = error_of("prepare", "zeroth_korean", "--corpus", tmp_path, "--out", tmp_path / "out")
    assert f"{tmp_path}: holds no folder train_data_01 (check --corpus" in line


@pytest.mark.parametrize("download", [False, True])
def test_a_set_that_is_missing_is_said_before_anything_is_written(
    corpus: Path, tmp_path: Path, download: bool
) -> None:
    (corpus / "test_data_01").rename(tmp_path / "gone")
    options = options_for(corpus, download=download)
    start = f"{corpus}: holds train_data_01 but no test_data_01 (unpack zeroth_korean.tar.gz there"
    with pytest.raises(DataError) as raised:
        prepare(options)
    assert str(raised.value).startswith(start)
    assert str(raised.value).endswith(f"delete {corpus / 'train_data_01'} and give --download)")
    inside = tmp_path / "parent" / "zeroth_korean"
    inside.parent.mkdir()
    corpus.rename(inside)
    with pytest.raises(DataError, match=f"or delete {inside} and give --download"):
        prepare(replace(options, corpus=inside.parent))
    (inside / "train_data_01").rename(tmp_path / "gone too")
    found = f"{inside}: holds no folder train_data_01 \\(delete it and run again"
    other = f"{inside.parent}: holds no folder train_data_01 \\(check --corpus"
    with pytest.raises(DataError, match=found if download else other):
        prepare(replace(options, corpus=inside.parent))
    assert not options.out.exists()


def test_the_folder_that_holds_both_sets_counts(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "parent" / "train_data_01").mkdir(parents=True)
    corpus.rename(tmp_path / "parent" / "zeroth_korean")
    report = prepare(options_for(tmp_path / "parent"))
    assert report.manifests[0].path.name == "train.jsonl.gz"


def test_a_set_without_utterances_is_said_before_anything_is_written(corpus: Path) -> None:
    shutil.rmtree(corpus / "test_data_01")
    (corpus / "test_data_01").mkdir()
    with pytest.raises(DataError, match="test: no utterance; must have at least one, so nothing"):
        prepare(options_for(corpus))
    assert not (corpus.parent / "out").exists()


def test_utterances_of_train_are_not_in_test_and_their_speakers_are_said(corpus: Path) -> None:
    shutil.copytree((corpus / TRANSCRIPT).parent, corpus / "test_data_01" / "003" / "101")
    audio = corpus / TRANSCRIPT.with_name("101_003_0000.flac")
    with pytest.raises(DataError, match=r"^6 of 50 utterances cannot be used: ") as raised:
        prepare(options_for(corpus))
    twin = corpus / "test_data_01" / "003" / "101" / audio.name
    assert f'{twin}: utterance "101_003_0000" is {audio} too; ' in str(raised.value)
    report = prepare(options_for(corpus, bad="skip"))
    assert len(read(corpus.parent / "out")["test"]) == 8
    assert not any("in train and in test" in notice for notice in report.notices)
    for path in twin.parent.iterdir():
        text = path.read_text("utf-8").replace("_003_", "_003_1") if path.suffix == ".txt" else ""
        path.rename(path.with_name(path.name.replace("_003_", "_003_1")))
        if text:
            path.write_text(text, "utf-8")
    assert "1 speakers (101) are in train and in test" in prepare(options_for(corpus)).notices


def test_a_byte_order_mark_and_blank_lines_are_no_utterances(corpus: Path) -> None:
    text = (corpus / TRANSCRIPT).read_text("utf-8").replace("\n", "\r\n\r\n")
    (corpus / TRANSCRIPT).write_text(text, "utf-8-sig", newline="")
    (corpus / "AUDIO_INFO").write_bytes(b"\xef\xbb\xbf" + (corpus / "AUDIO_INFO").read_bytes())
    report = prepare(options_for(corpus))
    assert sum(item.num_utterances for item in report.manifests[:3]) == 36
    assert not (corpus.parent / "out" / "problems.txt").exists()


def test_a_bad_line_and_its_audio_are_one_utterance(corpus: Path) -> None:
    change(corpus / TRANSCRIPT, "101_003_0001 ", "101_003_0001\t")  # any blank will do
    change(corpus / TRANSCRIPT, "101_003_0000 ", "101_003_0000\n")
    with pytest.raises(DataError, match=r"^2 of 45 utterances cannot be used: "):
        prepare(options_for(corpus))


def test_a_transcript_too_long_for_its_audio_is_listed(corpus: Path) -> None:
    change(corpus / TRANSCRIPT, "101_003_0002 ", "101_003_0002 " + "가 " * 500)
    with pytest.raises(DataError, match=r"^1 of 44 utterances cannot be used: ") as raised:
        prepare(options_for(corpus))
    start = f'{corpus / TRANSCRIPT} line 3: utterance "101_003_0002": 50'
    assert start in str(raised.value)
    assert " s of audio (mend them" in str(raised.value)
