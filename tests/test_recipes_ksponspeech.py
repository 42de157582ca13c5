import os
import shutil
import struct
import unicodedata
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import error_of, run
from lhotse import CutSet
from lhotse.qa import validate

from asr.data.manifest import checked_cuts
from asr.errors import ConfigError, DataError
from asr.recipes import PrepareOptions, PrepareReport
from asr.recipes import ksponspeech_audio as audio_module
from asr.recipes.ksponspeech import prepare
from asr.recipes.ksponspeech_rows import PARTS, decode

TRAIN_PATH = "KsponSpeech_01/KsponSpeech_0001/KsponSpeech_000001"
TRAIN = {
    TRAIN_PATH: "아/ 모+ 몬 말이야 (70%)/(칠십 퍼센트) n/",
    "KsponSpeech_01/KsponSpeech_0001/KsponSpeech_000002": "b/ 근데 u/ 그렇지.",
    "KsponSpeech_05/KsponSpeech_0620/KsponSpeech_620000": "(2시)/(두 시)에 봐",
}
DEV_PATH = "KsponSpeech_05/KsponSpeech_0621/KsponSpeech_620001"
DEV = {DEV_PATH: "어/ 그래"}
EVAL_PATH = "KsponSpeech_eval/eval_clean/KsponSpeech_E00001"
EVAL = {EVAL_PATH: "응 (TV)/(티비) 봐?"}
TEXT_OF = {
    "KsponSpeech_000001": "아 모 몬 말이야 70퍼센트",
    "KsponSpeech_000002": "근데 그렇지.",
    "KsponSpeech_620000": "2시에 봐",
    "KsponSpeech_620001": "어 그래",
    "KsponSpeech_E00001": "응 TV 봐?",
}


def pcm(path: str) -> bytes:
    """Returns half a second of s16le, different for each utterance."""
    seed = int("".join(c for c in path[-6:] if c.isdigit()))
    samples = np.random.default_rng(seed).integers(-3000, 3000, 8000)
    return samples.astype("<i2").tobytes()


def write_corpus(root: Path, *, lists: bool = True, texts: bool = False, without: str = "") -> Path:
    """Writes the corpus as published; `without` is a folder that the disk lacks."""
    for name, rows in {"train": TRAIN, "dev": DEV, "eval_clean": EVAL}.items():
        for path, text in rows.items():
            audio = root / f"{path.removeprefix(without)}.pcm"
            audio.parent.mkdir(parents=True, exist_ok=True)
            audio.write_bytes(pcm(path))
            if texts:
                audio.with_suffix(".txt").write_bytes(f"{text}\n".encode("cp949"))
        if lists:
            write_list(root, name, [f"{path}.pcm :: {text}" for path, text in rows.items()])
    return root


def write_list(root: Path, name: str, lines: list[str]) -> Path:
    path = root / "KsponSpeech_scripts" / f"{name}.trn"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "kspon")


def audio_of(corpus: Path, number: str = "000001") -> Path:
    return corpus / "KsponSpeech_01" / "KsponSpeech_0001" / f"KsponSpeech_{number}.pcm"


def prepared(corpus: Path, *settings: str, **options: object) -> tuple[PrepareReport, dict]:
    said: list[str] = []
    report = prepare(
        PrepareOptions(
            corpus=corpus, out=corpus.parent / "out", settings=settings, say=said.append, **options
        )
    )
    report.notices.extend(f"said: {line}" for line in said)
    cuts = {cut.id: cut for item in report.manifests for cut in CutSet.from_file(item.path)}
    return report, cuts


def texts_of(cuts: dict) -> dict[str, str]:
    return {name: cut.supervisions[0].text for name, cut in cuts.items()}


def test_the_command_makes_cuts_that_the_toolkit_reads(corpus: Path) -> None:
    out = corpus.parent / "out"
    done = run("prepare", "ksponspeech", "--corpus", corpus, "--out", out)
    assert done.returncode == 0, done.stderr
    names = ("train", "dev", "eval_clean")
    cuts = {cut.id: cut for name in names for cut in checked_cuts(out / f"{name}.jsonl.gz")}
    assert texts_of(cuts) == TEXT_OF
    validate(CutSet.from_cuts(cuts.values()), read_data=True)
    for path in (*TRAIN, *DEV, *EVAL):
        cut = cuts[Path(path).name]
        expected = np.frombuffer(pcm(path), "<i2").astype(np.float32) / 32768
        assert np.array_equal(cut.load_audio()[0], expected)
        assert (cut.supervisions[0].speaker, cut.supervisions[0].language) == ("unknown", "ko")
    assert cuts["KsponSpeech_000001"].recording.sources[0].source == str(
        out / "audio" / "train" / "KsponSpeech_0001" / "KsponSpeech_000001.flac"
    )
    assert "train: 3 transcripts where 620,000 are published" in done.stderr
    assert "no speakers are published; each utterance has the speaker unknown" in done.stderr
    assert "train: utterances with words that could not be understood (u/): 1 (unin" in done.stderr


def test_the_rules_are_stored_with_the_text(corpus: Path) -> None:
    report, cuts = prepared(corpus, "side=pronunciation", "fillers=drop")
    assert texts_of(cuts)["KsponSpeech_000001"] == "모 몬 말이야 칠십 퍼센트"
    described = cuts["KsponSpeech_000001"].supervisions[0].custom["text_rules"]
    assert described.startswith("ksponspeech 1: side=pronunciation fillers=drop repetitions=keep")
    paths = [corpus.parent / "out" / f"{part}.text_rules.yaml" for part in ("train", "dev")]
    stored = [path.read_text("utf-8") for path in paths]
    assert stored[0].startswith(f"# {described}\nside: pronunciation\nfillers: drop\n")
    assert stored[1] == stored[0]
    assert (
        report.notices[3] == f"text: {described}; in PART.text_rules.yaml and in every supervision"
    )


def test_a_part_that_is_prepared_again_leaves_what_is_said_of_the_others(corpus: Path) -> None:
    out = corpus.parent / "out"
    prepared(corpus, "unintelligible=leave_out", "fillers=mark")
    before = {
        path.name: path.read_text("utf-8") for path in out.glob("*.*") if path.suffix != ".gz"
    }
    prepared(corpus, "side=pronunciation", parts=("dev",))
    after = {path.name: path.read_text("utf-8") for path in out.glob("*.*") if path.suffix != ".gz"}
    assert [name for name in before if after[name] != before[name]] == ["dev.text_rules.yaml"]
    assert after.keys() == before.keys()
    assert "side: pronunciation\nfillers: keep\n" in after["dev.text_rules.yaml"]
    assert "it holds u/" in after["train.left_out.txt"]


def test_an_unknown_rule_is_named(corpus: Path) -> None:
    arguments = ("prepare", "ksponspeech", "--corpus", corpus, "--out", corpus.parent / "out")
    assert 'unknown key "filler"; known here: fillers, latin' in error_of(
        *arguments, "--set", "filler=drop"
    )
    assert "side = 'both': Input should be 'spelling' or 'pronunciation'" in error_of(
        *arguments, "--set", "side=both"
    )
    assert not (corpus.parent / "out").exists()


def test_without_lists_the_texts_beside_the_audio_are_read(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "kspon", lists=False, texts=True)
    report, cuts = prepared(corpus)
    assert texts_of(cuts) == TEXT_OF
    assert [item.path.name for item in report.manifests] == [
        "train.jsonl.gz",
        "dev.jsonl.gz",  # by the numbers of its utterances
        "eval_clean.jsonl.gz",
    ]
    assert "said: train: 3 transcripts from the .txt beside the audio" in report.notices


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
def test_a_text_may_be_in_utf8_or_cp949(tmp_path: Path, encoding: str) -> None:
    corpus = write_corpus(tmp_path / "kspon", lists=False, texts=True)
    audio_of(corpus).with_suffix(".txt").write_bytes("뷁 칸\r\n".encode(encoding))
    assert texts_of(prepared(corpus)[1])["KsponSpeech_000001"] == "뷁 칸"


def test_the_encoding_is_told_by_what_makes_hangul() -> None:
    assert "칸".encode("cp949").decode("utf-8") == "ĭ"  # it could be either
    assert decode("칸".encode("cp949")) == "칸"
    assert decode("…".encode()) == "…"
    assert decode(b"") == ""


def test_a_text_in_neither_encoding_is_named_with_its_byte(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "kspon", lists=False, texts=True)
    path = audio_of(corpus).with_suffix(".txt")
    path.write_bytes("그래 ".encode("cp949") + b"\xff")
    with pytest.raises(DataError) as raised:
        prepared(corpus)
    assert f"{path}: neither UTF-8 nor cp949 at byte 5 (0xff); must be one" in str(raised.value)


def test_a_list_may_be_in_cp949_and_decomposed(corpus: Path) -> None:
    path = corpus / "KsponSpeech_scripts" / "dev.trn"
    path.write_bytes(path.read_text("utf-8").replace("\n", "\r\n").encode("cp949"))
    train = corpus / "KsponSpeech_scripts" / "train.trn"
    train.write_text(unicodedata.normalize("NFD", train.read_text("utf-8")), "utf-8")
    assert texts_of(prepared(corpus)[1]) == TEXT_OF


@pytest.mark.parametrize("without", ["KsponSpeech_eval/", "KsponSpeech_01/", ""])
def test_a_list_may_name_a_folder_more_than_there_is(tmp_path: Path, without: str) -> None:
    corpus = write_corpus(tmp_path / "kspon", without=without)
    assert texts_of(prepared(corpus)[1]) == TEXT_OF


def test_a_list_may_name_a_folder_less_than_there_is(corpus: Path) -> None:
    write_list(corpus, "eval_clean", [f"{EVAL_PATH.partition('/')[2]}.pcm :: 응"])
    assert texts_of(prepared(corpus)[1])["KsponSpeech_E00001"] == "응"


def test_the_lists_and_the_audio_may_lie_in_other_folders(corpus: Path) -> None:
    for path in (corpus / "KsponSpeech_scripts").iterdir():
        path.rename(corpus / path.name)
    inside = corpus / unicodedata.normalize("NFD", "평가용")
    inside.mkdir()
    (corpus / "KsponSpeech_eval").rename(inside / "KsponSpeech_eval")
    assert texts_of(prepared(corpus)[1]) == TEXT_OF


def test_folders_of_the_corpus_may_be_links(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "elsewhere", lists=False, texts=True)
    (tmp_path / "kspon").mkdir()
    for path in corpus.iterdir():
        (tmp_path / "kspon" / path.name).symlink_to(path)
    assert texts_of(prepared(tmp_path / "kspon")[1]) == TEXT_OF


def test_audio_without_a_transcript_is_said(corpus: Path) -> None:
    audio_of(corpus, "000009").write_bytes(pcm("9"))
    notice = "audio without a transcript, left out: 1 utterance (KsponSpeech_000009)"
    assert notice in prepared(corpus)[0].notices
    assert notice not in prepared(corpus, parts=("train",))[0].notices


def test_parts_are_chosen(corpus: Path) -> None:
    report, cuts = prepared(corpus, parts=("dev", "dev"))
    assert [item.path.name for item in report.manifests] == ["dev.jsonl.gz"]
    assert list(cuts) == ["KsponSpeech_620001"]


def test_what_is_missing_is_said(corpus: Path) -> None:
    with pytest.raises(ConfigError, match="no part test; known: train, dev, eval_clean"):
        prepared(corpus, parts=("test",))
    with pytest.raises(DataError, match=r"holds no eval_other\.trn, and no transcripts beside"):
        prepared(corpus, parts=("eval_other",))
    (corpus / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: holds no train\.trn and no dev\.trn and"):
        prepared(corpus / "empty")
    with pytest.raises(DataError, match="gone: no such folder"):
        prepared(corpus / "gone")
    with pytest.raises(ConfigError, match="corpus is not set; give --corpus DIR, the folder"):
        prepare(PrepareOptions(corpus=None, out=corpus))
    with pytest.raises(ConfigError, match="download is set to True, which this recipe does not"):
        prepared(corpus, download=True)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (
            "KsponSpeech_01/KsponSpeech_0001/KsponSpeech_000009.pcm :: 응",
            "no audio KsponSpeech_01/",
        ),
        (f"{TRAIN_PATH}.pcm :: 응", 'id "KsponSpeech_000001" was used in'),
        (f"{DEV_PATH}.pcm :: 응", 'id "KsponSpeech_620001" was used in'),
        ("eval_other/KsponSpeech_E00003.pcm ::", "the transcript is empty"),
        ("KsponSpeech_000001.pcm 응", '"KsponSpeech_000001.pcm 응"; must be PATH :: TEXT'),
        ("../KsponSpeech_000001.pcm :: 응", '"../KsponSpeech_000001.pcm" leaves the corpus'),
        ("/a/KsponSpeech_000001.pcm :: 응", '"/a/KsponSpeech_000001.pcm" leaves the corpus'),
        ("eval_other/KsponSpeech_E00003.pcm :: (2시)/(두 시", "a bracket without its pair"),
        ("eval_other/KsponSpeech_E00003.pcm :: (2시)/()", "a side of the pair is empty"),
    ],
)
def test_a_line_that_cannot_be_used_is_refused_or_skipped(
    corpus: Path, line: str, rule: str
) -> None:
    folder = corpus / "KsponSpeech_eval" / "eval_other"
    folder.mkdir()
    for number in (2, 3):
        (folder / f"KsponSpeech_E0000{number}.pcm").write_bytes(pcm("1"))
    path = write_list(corpus, "eval_other", ["eval_other/KsponSpeech_E00002.pcm :: 응", "", line])
    with pytest.raises(DataError) as raised:
        prepared(corpus)
    assert str(raised.value).startswith(f"1 of 7 utterances cannot be used: {path}:3: ")
    assert rule in str(raised.value)
    assert not (corpus.parent / "out" / "audio").exists()
    report, cuts = prepared(corpus, bad="skip")
    assert texts_of(cuts) == {**TEXT_OF, "KsponSpeech_E00002": "응"}
    skipped = f"1 of 7 utterances cannot be used and are skipped: {path}:3: "
    assert report.notices[0].startswith(skipped)
    problems = (corpus.parent / "out" / "problems.txt").read_text("utf-8")
    assert problems.startswith(f"{path}:3: ")
    assert problems.count("\n") == 1


def test_what_the_rules_leave_out_is_counted_and_listed(corpus: Path) -> None:
    report, cuts = prepared(corpus, "fillers=drop", "unintelligible=leave_out")
    assert "KsponSpeech_000002" not in cuts
    path = corpus / "KsponSpeech_scripts" / "train.trn"
    left_out = (
        "train: left out by the rules: 1 utterance (KsponSpeech_000002); see train.left_out.txt"
    )

    assert left_out in report.notices
    out = corpus.parent / "out"
    assert (out / "train.left_out.txt").read_text("utf-8") == f"{path}:2: it holds u/\n"
    write_list(corpus, "dev", [f"{DEV_PATH}.pcm :: 어/ b/", f"{EVAL_PATH}.pcm :: 응"])
    prepared(corpus, "fillers=drop", parts=("dev",))
    listed = out / "dev.left_out.txt"
    assert listed.read_text("utf-8").endswith("dev.trn:1: no text is left by the rules\n")
    prepared(corpus, parts=("dev",))
    assert listed.read_text("utf-8") == ""


def test_half_a_sample_at_the_end_is_left_off_and_said(corpus: Path) -> None:
    audio_of(corpus).write_bytes(pcm("000001") + b"\x01")
    for _ in range(2):  # made, and found
        report, cuts = prepared(corpus)
        assert cuts["KsponSpeech_000001"].num_samples == 8000
        halves = "ending in half a sample, which is left off: 1 utterance (KsponSpeech_000001)"
        assert halves in report.notices


def wav(samples: bytes, rate: int = 16000) -> bytes:
    form = struct.pack("<HHIIHH", 1, 1, rate, rate * 2, 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form
    body += b"data" + struct.pack("<I", len(samples)) + samples
    return b"RIFF" + struct.pack("<I", len(body)) + body


def test_pcm_that_has_a_header_after_all_is_read_by_it(corpus: Path) -> None:
    audio_of(corpus).write_bytes(wav(pcm("000001")))
    for _ in range(2):
        _, cuts = prepared(corpus)
        assert cuts["KsponSpeech_000001"].num_samples == 8000
    samples = cuts["KsponSpeech_000001"].load_audio()[0]
    assert np.array_equal(samples * 32768, np.frombuffer(pcm("000001"), "<i2"))


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "0 bytes; must hold samples of two bytes"),
        (b"\x00", "1 bytes; must hold samples of two bytes"),
        (wav(pcm("000001"), rate=8000), "8000 Hz; must be 16000"),
        (b"RIFF....", "not audio that libsndfile reads"),
    ],
)
def test_audio_that_cannot_be_used_is_refused_or_skipped(
    corpus: Path, data: bytes, rule: str
) -> None:
    audio_of(corpus).write_bytes(data)
    with pytest.raises(DataError) as raised:
        prepared(corpus)
    where = f"{corpus / 'KsponSpeech_scripts' / 'train.trn'}:1"
    assert f"{where}: {audio_of(corpus)}: {rule}" in str(raised.value)
    report, cuts = prepared(corpus, bad="skip")
    assert sorted(cuts) == sorted(TEXT_OF.keys() - {"KsponSpeech_000001"})
    assert "1 of 5 utterances cannot be used and are skipped" in report.notices[0]


def test_a_transcript_too_long_for_its_audio_is_refused_or_skipped(corpus: Path) -> None:
    audio_of(corpus).write_bytes(pcm("1")[:200])
    as_flac = audio_of(corpus, "000002")
    soundfile.write(as_flac.with_suffix(".flac"), np.zeros(100, np.int16), 16000)
    as_flac.unlink()
    where = corpus / "KsponSpeech_scripts" / "train.trn"
    with pytest.raises(DataError) as raised:
        prepared(corpus)
    assert f"{where}:1: 11 characters in 0.01 s of audio" in str(raised.value)
    report, cuts = prepared(corpus, bad="skip")
    assert sorted(cuts) == sorted(TEXT_OF.keys() - {"KsponSpeech_000001", "KsponSpeech_000002"})
    assert f"{where}:2: 6 characters in 0.01 s of audio" in report.notices[0]


def test_pcm_that_was_replaced_is_copied_again(corpus: Path) -> None:
    prepared(corpus)
    audio_of(corpus).write_bytes(pcm("7"))
    _, cuts = prepared(corpus)
    samples = cuts["KsponSpeech_000001"].load_audio()[0] * 32768
    assert np.array_equal(samples, np.frombuffer(pcm("7"), "<i2"))
    report, _ = prepared(corpus)
    assert not any("are copied" in notice for notice in report.notices)


@pytest.mark.parametrize("ending", [".flac", ".WAV"])
def test_audio_that_was_converted_before_is_read_where_it_is(corpus: Path, ending: str) -> None:
    path = audio_of(corpus)
    samples = np.frombuffer(path.read_bytes(), "<i2")
    path.unlink()
    soundfile.write(path.with_suffix(ending), samples, 16000)
    _, cuts = prepared(corpus)
    assert cuts["KsponSpeech_000001"].recording.sources[0].source == str(path.with_suffix(ending))


def test_copies_that_are_whole_are_kept(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report, cuts = prepared(corpus)
    assert sum("are copied to" in notice for notice in report.notices) == 1
    copies = [Path(cut.recording.sources[0].source) for cut in cuts.values()]
    before = [copy.stat().st_mtime_ns for copy in copies]
    report, _ = prepared(corpus)
    assert sum("are copied to" in notice for notice in report.notices) == 0
    assert [copy.stat().st_mtime_ns for copy in copies] == before

    copies[0].write_bytes(copies[0].read_bytes()[:10])  # cut short
    audio_of(corpus, "000002").write_bytes(pcm("1") * 2)  # another length
    monkeypatch.setattr(audio_module, "SLICE", 1)
    monkeypatch.setattr(audio_module, "SAY_EVERY", 1)
    report, cuts = prepared(corpus)
    assert cuts["KsponSpeech_000001"].load_audio().shape == (1, 8000)
    assert cuts["KsponSpeech_000002"].num_samples == 16000
    assert "said: 2 of 2 recordings copied" in report.notices
    assert not list((corpus.parent / "out" / "audio").rglob("*.tmp"))


def test_a_copy_that_was_interrupted_leaves_nothing_that_is_taken_for_whole(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: str) -> None:
        raise OSError("interrupted")

    monkeypatch.setattr(os, "replace", stop)
    with pytest.raises(DataError, match=r"\.flac: cannot be written \(interrupted\).*free some"):
        prepared(corpus)
    assert not list((corpus.parent / "out").rglob("*.flac"))
    monkeypatch.undo()
    assert texts_of(prepared(corpus)[1]) == TEXT_OF


def test_the_room_for_copies_is_said_and_checked(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report, _ = prepared(corpus)
    out = corpus.parent / "out"
    said = f"said: 5 recordings, 0.0 GB of PCM, are copied to {out / 'audio'} as FLAC, which takes"
    assert any(notice.startswith(said) for notice in report.notices)
    shutil.rmtree(out)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, 1))
    with pytest.raises(DataError, match=r"0\.0 GB are free \(free some space or give another"):
        prepared(corpus)
    assert not list(out.rglob("*.flac"))


def test_a_place_that_cannot_be_written_is_named(corpus: Path) -> None:
    (corpus.parent / "out").write_text("a file")
    with pytest.raises(DataError, match=r"out.audio: cannot be written: .* \(give another --out\)"):
        prepared(corpus)


def test_what_cannot_be_read_or_written_is_named(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = audio_module.Recording(str(audio_of(corpus)), 16000, str(corpus / "a.flac"))
    missing = recording._replace(path=str(corpus / "gone.pcm"))
    (gone,) = audio_module.make_readable([missing], corpus, print)
    assert gone == f"{corpus}/gone.pcm: cannot be read: No such file or directory"

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error", "the folder")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", fail)
        (unread,) = audio_module.make_readable([recording], corpus, print)
        assert str(unread).startswith(f"{audio_of(corpus)}: cannot be read: [Errno 5]")
        with pytest.raises(DataError, match=r"train\.trn: cannot be read: Input/output error"):
            prepared(corpus)
    for owner, name in ((Path, "iterdir"), (os, "scandir")):
        with monkeypatch.context() as patched:
            patched.setattr(owner, name, fail)
            with pytest.raises(DataError, match=r"kspon.*: cannot be read: Input/output error"):
                prepared(corpus)
    shutil.rmtree(corpus / "KsponSpeech_scripts")  # so that the texts beside the audio are sought
    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", fail)
        with pytest.raises(DataError, match="the folder: cannot be read: Input/output error"):
            prepared(corpus)


def test_a_file_of_rules_that_cannot_be_written_is_named(corpus: Path) -> None:
    (corpus.parent / "out" / "train.text_rules.yaml").mkdir(parents=True)
    with pytest.raises(DataError, match=r"text_rules\.yaml: cannot be written \(Is a directory"):
        prepared(corpus)


def test_a_published_number_of_transcripts_gives_no_notice(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, count in {"train": 3, "dev": 1, "eval_clean": 2}.items():
        monkeypatch.setitem(PARTS, name, count)
    report, _ = prepared(corpus)
    assert [notice for notice in report.notices if "are published" in notice] == [
        "eval_clean: 1 transcripts where 2 are published",
        "no speakers are published; each utterance has the speaker unknown",
    ]
