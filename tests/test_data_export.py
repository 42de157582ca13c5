import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import error_of, run, tone, write_manifest
from lhotse import CutSet, MonoCut, Recording, SupervisionSegment

from asr.data import export as module
from asr.data import export_folder, export_formats, export_kaldi
from asr.data.cut_audio import encode_flac, encode_wav, encode_wav16, load_channels, plain_source
from asr.data.export import export
from asr.data.members import Member, read_members
from asr.errors import DataError

RATE = 8000
# Lhotse's reader of archives leaves the last one open.
OPEN_ARCHIVES = pytest.mark.filterwarnings(
    "ignore:.*unclosed file:ResourceWarning",
    "ignore:Exception ignored in.*:pytest.PytestUnraisableExceptionWarning",
)
# What a cut must still be after it was exported and prepared: text, speaker, samples.
Held = dict[str, tuple[str, str, np.ndarray]]


def make_cut(path: Path, text: str, channels: int = 1, **kind: str) -> MonoCut:
    """Returns the cut of a new file, spoken by the one whom its name begins with."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.stack([tone("abcd", seed=n) for n in range(channels)], axis=1)
    soundfile.write(path, samples, RATE, **kind)
    recording = Recording.from_file(path, recording_id=path.stem)
    speaker = path.stem.split("-")[0]
    spoken = SupervisionSegment(
        path.stem, path.stem, 0.0, recording.duration, text=text, speaker=speaker, language="en"
    )
    return MonoCut(path.stem, 0.0, recording.duration, 0, [spoken], recording=recording)


def write(path: Path, cuts: list) -> Path:
    CutSet.from_cuts(cuts).to_file(path)
    return path


def all_kinds(folder: Path) -> list:
    """Returns whole files, parts of them, mixes, and what else lhotse can make of audio."""
    whole = make_cut(folder / "ann-1.wav", "하나 a")
    flac = make_cut(folder / "ann-2.flac", 'says "b", softly')
    floats = make_cut(folder / "ann-3.wav", "c", subtype="FLOAT")
    stereo = make_cut(folder / "ben-1.wav", "d", channels=2)
    long = make_cut(folder / "ben-2.wav", "a b c d")
    pieces = [(0.0, 0.2), (0.2, 0.3003), (0.6, 0.2)]
    parts = []
    for number, (start, length) in enumerate(pieces):
        part = long.truncate(offset=start, duration=length).with_id(f"ben-2-{number}")
        part.supervisions[0].text = f"part {number}"
        parts.append(part)
    other = make_cut(folder / "ann-4.flac", "a part")  # else it would overlap with ann-2
    flac_part = other.truncate(offset=0.1, duration=0.4).with_id("ann-4-part")
    mix = make_cut(folder / "cid-1.wav", "one").append(make_cut(folder / "cid-2.wav", "two"))
    loud = make_cut(folder / "cid-3.wav", "loud").perturb_volume(0.7)
    fast = make_cut(folder / "cid-4.wav", "fast").perturb_speed(1.1)
    return [
        whole, flac, floats, stereo, *parts, flac_part, mix.with_id("cid-mix"),
        loud.with_id("cid-loud"), fast.with_id("cid-fast"),
    ]  # fmt: skip


def members_of(folder: Path) -> list[Member]:
    return [one for path in sorted(folder.glob("*.tar")) for one, _ in read_members(path)]


def held(cuts: list) -> Held:
    return {
        cut.id: (
            " ".join(item.text for item in cut.supervisions),
            cut.supervisions[0].speaker,
            load_channels(cut),
        )
        for cut in cuts
    }


def prepared(folder: Path, out: Path) -> list:
    """Returns the cuts that `asr prepare folder` makes of a folder."""
    done = run("prepare", "folder", "--corpus", folder, "--out", out, "--language", "en")
    assert done.returncode == 0, done.stderr
    return [
        cut
        for name in ("train", "dev", "test")
        for cut in CutSet.from_file(out / f"{name}.jsonl.gz")
    ]


def assert_same(found: Held, expected: Held, tolerance: float = 0.0) -> None:
    assert found.keys() == expected.keys()
    for name, (text, speaker, samples) in expected.items():
        assert found[name][:2] == (text, speaker)
        np.testing.assert_allclose(found[name][2], samples, rtol=0, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("name", ["nemo", "huggingface"])
def test_nemo_and_hugging_face_are_read_back_sample_for_sample(tmp_path: Path, name: str) -> None:
    cuts = all_kinds(tmp_path / "wav")
    manifest = write(tmp_path / "cuts.jsonl.gz", cuts)
    done = run("data", "export", manifest, "--out", tmp_path / "out", "--format", name)
    assert done.returncode == 0
    assert_same(held(prepared(tmp_path / "out", tmp_path / "again")), held(cuts))
    counts = {
        "nemo": "7 named where it is, 4 written anew",
        "huggingface": "3 copied, 8 written anew",
    }
    assert done.stderr == f"{tmp_path / 'out'}: 11 utterances as {name}; audio: {counts[name]}\n"


def test_kaldi_is_read_back_sample_for_sample_to_16_bits(tmp_path: Path) -> None:
    cuts = all_kinds(tmp_path / "wav")
    manifest = write(tmp_path / "cuts.jsonl.gz", cuts)
    report = export(manifest, tmp_path / "out", to="kaldi")
    assert (report.num_named, report.num_written) == (4, 7)
    assert report.notices == ["3 utterances are rounded to 16 bits for Kaldi"]
    again = prepared(tmp_path / "out", tmp_path / "again")
    assert_same(held(again), held(cuts), tolerance=0.5 / 32768 + 1e-9)
    exact = [cut for cut in cuts if cut.id in ("ann-1", "ann-2", "ben-2-1", "ann-4-part")]
    chosen = {cut.id for cut in exact}
    assert_same(held([cut for cut in again if cut.id in chosen]), held(exact))


@OPEN_ARCHIVES
def test_shar_is_read_back_as_the_same_cuts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_formats, "FILES_A_FOLDER", 4)
    cuts = all_kinds(tmp_path / "50% wav")
    manifest = write(tmp_path / "cuts.jsonl.gz", cuts)
    report = export(manifest, tmp_path / "50% out", to="shar")
    assert (report.num_copied, report.num_written) == (1, 10)
    assert report.seconds == pytest.approx(sum(cut.duration for cut in cuts))
    assert len(list((tmp_path / "50% out").iterdir())) == 6
    kinds = [member.name.rpartition(".")[2] for member in members_of(tmp_path / "50% out")]
    assert sorted({*kinds}) == ["flac", "wav"]  # wav where FLAC would lose something
    assert kinds.count("flac") >= 6
    again = list(CutSet.from_shar(in_dir=tmp_path / "50% out"))
    assert [cut.id for cut in again] == [cut.id for cut in cuts]
    assert_same(held(again), held(cuts))
    for cut, other in zip(again, cuts, strict=True):
        assert cut.duration == other.duration
        assert [vars(x) for x in cut.supervisions] == [vars(x) for x in other.supervisions]
    assert again[3].channel == 0


@pytest.mark.parametrize(
    ("samples", "subtype"),
    [
        ([[0.5, -1.0, 32767 / 32768]], "PCM_16"),
        ([[0.5, 2.0**-20, -1.0], [0.0, 1 - 2.0**-23, 0.25]], "PCM_24"),
        ([[1.0]], None),  # full scale is one step above the loudest sample
        ([[2.0**-30]], None),
        ([[float("nan")]], None),
        ([[0.5]] * 9, None),
    ],
)
def test_flac_is_written_where_it_loses_nothing(
    samples: list[list[float]], subtype: str | None
) -> None:
    channels = np.array(samples, np.float32)
    written = encode_flac(channels, 8000)
    if subtype is None:
        assert written is None
        return
    with soundfile.SoundFile(io.BytesIO(written)) as file:
        assert (file.format, file.subtype) == ("FLAC", subtype)
        np.testing.assert_array_equal(file.read(dtype="float32", always_2d=True).T, channels)
    assert encode_flac(channels, 700_000) is None


@OPEN_ARCHIVES
def test_several_channels_stay_in_shar_and_become_their_mean_elsewhere(tmp_path: Path) -> None:
    make_cut(tmp_path / "ann-1.wav", "a", channels=2)
    both = Recording.from_file(tmp_path / "ann-1.wav").to_cut()
    both.supervisions = [SupervisionSegment("ann-1", "ann-1", 0.0, both.duration, channel=[0, 1])]
    manifest = write(tmp_path / "cuts.jsonl.gz", [both])
    export(manifest, tmp_path / "shar", to="shar")
    (again,) = CutSet.from_shar(in_dir=tmp_path / "shar")
    np.testing.assert_array_equal(load_channels(again), load_channels(both))
    export(manifest, tmp_path / "nemo", to="nemo")
    mean, _ = soundfile.read(tmp_path / "nemo" / "audio" / "0000" / "ann-1.wav", dtype="float32")
    np.testing.assert_array_equal(mean, both.load_audio().mean(axis=0))


def test_nemo_has_an_offset_for_a_part_only_and_leaves_out_what_is_not_known(
    tmp_path: Path,
) -> None:
    whole = make_cut(tmp_path / "ann-1.wav", "a")
    part = whole.truncate(duration=0.5).with_id("part")
    part.supervisions[0].speaker = part.supervisions[0].language = None
    export(write(tmp_path / "cuts.jsonl.gz", [whole, part]), tmp_path / "out", to="nemo")
    rows = map(json.loads, (tmp_path / "out" / "manifest.jsonl").read_text().splitlines())
    path = str(tmp_path / "ann-1.wav")
    assert list(rows) == [
        {"id": "ann-1", "audio_filepath": path, "duration": 0.8, "text": "a"}
        | {"speaker": "ann", "lang": "en"},
        {"id": "part", "audio_filepath": path, "offset": 0.0, "duration": 0.5, "text": "a"},
    ]


def test_hugging_face_names_files_relatively_and_no_two_alike(tmp_path: Path) -> None:
    cuts = [
        make_cut(tmp_path / f"{n}.flac", "x").with_id(i)
        for n, i in enumerate(["a/b", "a?b", "A_B", ".."])
    ]
    export(write(tmp_path / "cuts.jsonl.gz", cuts), tmp_path / "out", to="huggingface")
    rows = [json.loads(line) for line in lines(tmp_path / "out" / "metadata.jsonl")]
    assert list(rows[0]) == ["file_name", "transcription", "id", "speaker", "language"]
    assert [row["id"] for row in rows] == ["a/b", "a?b", "A_B", ".."]
    names = ["a_b.flac", "a_b-2.flac", "A_B-3.flac", "-4.flac"]
    assert [row["file_name"] for row in rows] == [f"audio/0000/{name}" for name in names]
    assert all((tmp_path / "out" / row["file_name"]).is_file() for row in rows)


def test_texts_and_ids_that_a_csv_would_lose_are_read_back(tmp_path: Path) -> None:
    texts = {"007": "None", "1e5": "NA", "true": "null", "0x1F": "3.10", "2020-01-01": '"a", b'}
    cuts = [make_cut(tmp_path / f"{n}.wav", text) for n, text in enumerate(texts.values())]
    for cut, name in zip(cuts, texts, strict=True):
        cut.id = name
        cut.supervisions[0].speaker = f"0{cuts.index(cut)}"
    export(write(tmp_path / "cuts.jsonl.gz", cuts), tmp_path / "out", to="huggingface")
    again = prepared(tmp_path / "out", tmp_path / "again")
    assert {cut.id: cut.supervisions[0].text for cut in again} == texts
    assert {cut.supervisions[0].speaker for cut in again} == {f"0{n}" for n in range(5)}


def test_a_column_of_dates_alone_is_said_since_datasets_makes_times_of_it(tmp_path: Path) -> None:
    cuts = [make_cut(tmp_path / f"{day}.wav", "x") for day in ("2020-01-01", "2020-01-02T10:30Z")]
    report = export(write(tmp_path / "cuts.jsonl.gz", cuts), tmp_path / "out", to="huggingface")
    said = "every id is a date, which the package datasets reads as a time (change one of them)"
    assert said in report.notices
    cuts.append(make_cut(tmp_path / "day 3.wav", "x"))
    report = export(write(tmp_path / "cuts.jsonl.gz", cuts), tmp_path / "more", to="huggingface")
    assert said not in report.notices


def test_a_folder_holds_a_thousand_files_of_audio_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_folder, "FILES_A_FOLDER", 2)
    manifest = write_manifest(tmp_path, "u", ["a"] * 5)
    export(manifest, tmp_path / "out", to="huggingface")
    found = [len(list(part.iterdir())) for part in sorted((tmp_path / "out" / "audio").iterdir())]
    assert found == [2, 2, 1]


def lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


def test_kaldi_without_parts_needs_no_segments_and_is_sorted_as_c_sorts(tmp_path: Path) -> None:
    cuts = [
        make_cut(tmp_path / f"{name}.wav", "x") for name in ("b-1", "a-2", "Z-1", "é-1", "나-1")
    ]
    for cut in cuts:
        cut.recording.id = f"recording of {cut.id}"
    cuts[1].supervisions[0].speaker = None
    export(write(tmp_path / "cuts.jsonl.gz", cuts), tmp_path / "out", to="kaldi")
    out = tmp_path / "out"
    assert sorted(path.name for path in out.iterdir()) == [
        *("reco2dur", "spk2utt", "text", "utt2spk", "wav.scp")
    ]
    names = ["Z-1", "a-2", "b-1", "é-1", "나-1"]
    assert names == sorted(names, key=lambda name: name.encode())
    assert lines(out / "text") == [f"{name} x" for name in names]
    assert lines(out / "wav.scp") == [f"{name} {tmp_path / name}.wav" for name in names]
    assert lines(out / "utt2spk") == ["Z-1 Z", "a-2 a-2", "b-1 b", "é-1 é", "나-1 나"]
    assert lines(out / "spk2utt") == ["Z Z-1", "a-2 a-2", "b b-1", "é é-1", "나 나-1"]


def test_kaldi_with_parts_names_a_file_once_whatever_its_recordings_are_called(
    tmp_path: Path,
) -> None:
    long = make_cut(tmp_path / "ann-1.wav", "a")
    same = make_cut(tmp_path / "other" / "ann-1.wav", "b").with_id("ann-2")  # recording ann-1
    parts = [long.truncate(offset=n / 10, duration=0.1 / 3).with_id(f"ann-1-{n}") for n in (0, 3)]
    export(write(tmp_path / "cuts.jsonl.gz", [*parts, same]), tmp_path / "out", to="kaldi")
    assert lines(tmp_path / "out" / "wav.scp") == [
        f"ann-1 {tmp_path / 'ann-1.wav'}",
        f"ann-1-2 {tmp_path / 'other' / 'ann-1.wav'}",
    ]
    assert lines(tmp_path / "out" / "segments") == [
        "ann-1-0 ann-1 0 0.033375",  # lhotse rounds to a sample
        "ann-1-3 ann-1 0.3 0.333375",
        "ann-2 ann-1-2 0 0.8",
    ]


def test_times_for_kaldi_meet_their_samples_whether_they_are_rounded_or_cut() -> None:
    for rate in (8000, 11025, 16000, 44100, 48000):
        for sample in (*range(3000), 7_654_321, 10_000 * rate + 1):
            written = export_kaldi._seconds(sample, rate)
            assert int(float(written) * rate) == round(float(written) * rate) == sample
    assert export_kaldi._seconds(1001, 16000) == "0.062562501"  # 1000.99999, with the ninth digit 0
    assert export_kaldi._seconds(4960, 16000) == "0.31"


def test_kaldi_is_told_how_long_recordings_are(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "ann-1.wav", np.full(16007, 0.25), 16000)
    flac = make_cut(tmp_path / "ann-2.flac", "b")
    whole = Recording.from_file(tmp_path / "ann-1.wav").to_cut().with_id("ann-1")
    whole.supervisions = [SupervisionSegment("ann-1", "ann-1", 0.0, whole.duration, text="a")]
    export(write(tmp_path / "cuts.jsonl.gz", [whole, flac]), tmp_path / "out", to="kaldi")
    assert lines(tmp_path / "out" / "reco2dur") == ["ann-1 1.0004375", "ann-2 0.8"]
    part = whole.truncate(duration=0.5).with_id("ann-1-a")
    export(write(tmp_path / "cuts.jsonl.gz", [part, flac]), tmp_path / "parts", to="kaldi")
    assert lines(tmp_path / "parts" / "reco2dur") == ["ann-1 1.0004375", "ann-2 0.8"]


def test_speakers_out_of_order_and_several_in_an_utterance_are_told(tmp_path: Path) -> None:
    cuts = [make_cut(tmp_path / f"{name}.wav", "x") for name in ("a-1", "b-1")]
    cuts[0].supervisions[0].speaker = "zoe"
    manifest = write(tmp_path / "cuts.jsonl.gz", cuts)
    done = run("data", "export", manifest, "--out", tmp_path / "out", "--format", "kaldi")
    assert "notice: utt2spk is not in the order of speakers" in done.stderr
    both = cuts[0].append(cuts[1]).with_id("both")
    manifest = write(tmp_path / "both.jsonl.gz", [both])
    (notice,) = export(manifest, tmp_path / "nemo", to="nemo").notices
    assert notice == "1 utterances have several speakers; the first is named"
    assert export(manifest, tmp_path / "shar", to="shar").notices == []


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("kaldi", {"id": "a b"}, 'utterance "a b": id "a b" has a space; in Kaldi it'),
        ("kaldi", {"speaker": "Ann B"}, 'speaker "Ann B" has a space; in Kaldi'),
        ("shar", {"id": "/a"}, 'utterance "/a": the id must be a path within an archive'),
        ("shar", {"id": "a//b"}, 'utterance "a//b": the id must be a path within an archive'),
        ("mp3", {}, '--format "mp3": unknown; must be one of nemo, kaldi, huggingface, shar'),
    ],
)  # fmt: skip
def test_what_a_format_cannot_express_is_refused_and_nothing_is_left(
    tmp_path: Path, name: str, change: dict[str, str], message: str
) -> None:
    good, bad = (make_cut(tmp_path / f"{name}-1.wav", "x") for name in "ab")
    bad.id = change.get("id", bad.id)
    bad.supervisions[0].speaker = change.get("speaker", "b")
    manifest = write(tmp_path / "cuts.jsonl.gz", [good, bad])
    before = sorted(tmp_path.iterdir())
    said = error_of("data", "export", manifest, "--out", tmp_path / "out", "--format", name)
    assert message in said
    assert sorted(tmp_path.iterdir()) == before


def test_audio_that_is_too_loud_for_16_bits_is_refused_by_kaldi_only(tmp_path: Path) -> None:
    cut = make_cut(tmp_path / "a.wav", "x").perturb_volume(5.0)
    manifest = write(tmp_path / "cuts.jsonl.gz", [cut])
    with pytest.raises(DataError, match=r"its peak is 1\.\d+ of full scale; .* must be below 1"):
        export(manifest, tmp_path / "kaldi", to="kaldi")
    export(manifest, tmp_path / "nemo", to="nemo")
    ((written),) = (tmp_path / "nemo").rglob("*.wav")
    samples, _ = soundfile.read(written, dtype="float32")
    np.testing.assert_array_equal(samples, cut.load_audio()[0])


def test_a_folder_that_holds_something_is_refused_and_an_empty_one_used(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "data", "u", ["a", "b"])
    (tmp_path / "out").mkdir()
    assert export(manifest, tmp_path / "out", to="nemo").num_utterances == 2
    message = error_of("data", "export", manifest, "--out", tmp_path / "out", "--format", "nemo")
    assert message.endswith("out: is there and not empty; must be new (give another --out)")
    assert "is there and not empty" in error_of(
        "data", "export", manifest, "--out", manifest, "--format", "nemo"
    )
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o777 & ~module._umask()


def test_what_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "data", "u", ["a"])
    message = error_of(
        "data", "export", manifest, "--out", manifest / "out", "--format", "huggingface"
    )
    assert f"{manifest / 'out'}: cannot be written: File exists" in message
    assert message.endswith("(free some space or give another --out)")


def test_a_manifest_that_cannot_be_used_leaves_nothing(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "data", "u", ["a", "b"])
    (tmp_path / "data" / "u-001.wav").unlink()
    with pytest.raises(DataError, match=r'utterance "u-001": its audio .* is gone'):
        export(manifest, tmp_path / "out", to="shar")
    assert os.listdir(tmp_path) == ["data"]


def test_progress_is_shown_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHOWN_EVERY", 2)
    shown: list[str] = []
    manifest = write_manifest(tmp_path / "data", "u", ["a"] * 3)
    export(manifest, tmp_path / "out", to="nemo", live=shown.append)
    assert shown == ["2 utterances", ""]


def test_a_file_unlike_the_manifest_is_not_named_as_plain(tmp_path: Path) -> None:
    cut = make_cut(tmp_path / "a.wav", "x")
    found = plain_source(cut)
    assert found
    assert (found.path, found.is_whole) == (tmp_path / "a.wav", True)
    cut.recording.num_samples -= 1
    assert plain_source(cut) is None
    cut.recording.sources[0].type = "url"
    assert plain_source(cut) is None


def test_16_bit_wav_is_used_where_it_loses_nothing_and_float_where_it_does(tmp_path: Path) -> None:
    grid = (np.arange(-32768, 32768) / 32768).astype(np.float32)[None]
    for samples, subtype in (
        (grid, "PCM_16"),
        (grid / 3, "FLOAT"),
        (grid + 1, "FLOAT"),
        (np.full((1, 4), np.nan, np.float32), "FLOAT"),
    ):
        (tmp_path / "a.wav").write_bytes(encode_wav(samples, RATE))
        assert soundfile.info(tmp_path / "a.wav").subtype == subtype
        again, rate = soundfile.read(tmp_path / "a.wav", dtype="float32")
        np.testing.assert_array_equal(again, samples[0])
        assert rate == RATE
    (tmp_path / "a.wav").write_bytes(encode_wav16(grid / 3, RATE, name="a"))
    again, _ = soundfile.read(tmp_path / "a.wav", dtype="float32")
    np.testing.assert_allclose(again, grid[0] / 3, atol=0.5 / 32768)


def test_empty_transcripts_are_counted(tmp_path: Path) -> None:
    cuts = [make_cut(tmp_path / "a-1.wav", ""), make_cut(tmp_path / "b-1.wav", "b")]
    report = export(write(tmp_path / "x.jsonl.gz", cuts), tmp_path / "out", to="nemo")
    assert report.notices == ["1 utterances have an empty transcript"]
