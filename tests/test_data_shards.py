import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from lhotse import CutSet
from shards import cut_short, empty_shard, rows_of, write_rows, write_shards

from asr.data.cut_audio import load_channels
from asr.data.manifest import read_cuts
from asr.data.members import read_members, utterance_of
from asr.data.shard_index import open_index
from asr.data.shards import find_shards
from asr.data.validate import validate, write_flaws
from asr.errors import DataError

# lhotse leaves what it reads open.
OPEN_ARCHIVES = pytest.mark.filterwarnings(
    "ignore:.*unclosed file:ResourceWarning",
    "ignore:Exception ignored in.*:pytest.PytestUnraisableExceptionWarning",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_shards(tmp_path_factory.mktemp("made"), "train", 11, size=4)


@pytest.fixture
def folder(made: tuple[Path, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(made[1], tmp_path / "train"))


def assert_same(found: list, expected: list) -> None:
    assert [cut.id for cut in found] == [cut.id for cut in expected]
    for cut, other in zip(found, expected, strict=True):
        assert cut.duration == other.duration
        assert cut.supervisions[0].text == other.supervisions[0].text
        np.testing.assert_array_equal(load_channels(cut), load_channels(other))


def test_shards_are_read_as_the_manifest_that_they_were_made_from(made: tuple[Path, Path]) -> None:
    manifest, folder = made
    assert len(find_shards(folder)) == 3
    assert_same(list(read_cuts(folder)), list(read_cuts(manifest)))


@OPEN_ARCHIVES
def test_lhotses_own_shards_are_read_sample_for_sample(
    made: tuple[Path, Path], tmp_path: Path
) -> None:
    cuts = [cut.truncate(offset=0.1, preserve_id=True) for cut in read_cuts(made[0])]
    cuts[1] = cuts[1].perturb_speed(1.1).with_id("fast")
    (tmp_path / "own").mkdir()
    CutSet.from_cuts(cuts).to_shar(tmp_path / "own", fields={"recording": "flac"}, shard_size=5)
    again = list(read_cuts(tmp_path / "own"))
    assert [cut.id for cut in again] == [cut.id for cut in cuts]
    assert_same(again, list(CutSet.from_shar(in_dir=tmp_path / "own")))


@OPEN_ARCHIVES
def test_lhotse_still_reads_shards_that_have_an_index(folder: Path) -> None:
    open_index(folder)
    assert len(list(CutSet.from_shar(in_dir=folder))) == 11


def test_cuts_in_shards_may_name_files(made: tuple[Path, Path], tmp_path: Path) -> None:
    rows = rows_of(made[0])
    write_rows(tmp_path / "cuts.000000.jsonl.gz", rows[:6])
    write_rows(tmp_path / "cuts.000001.jsonl.gz", rows[6:])
    assert_same(list(read_cuts(tmp_path)), list(read_cuts(made[0])))


def test_an_empty_shard_holds_nothing_and_harms_nothing(folder: Path) -> None:
    empty_shard(folder, 7)
    assert len(list(read_cuts(folder))) == 11
    assert open_index(folder).starts.tolist() == [0, 4, 8, 11, 11]


def shorten_last_audio(folder: Path) -> None:
    archive = folder / "recording.000001.tar"
    *_, (last, _) = read_members(archive)
    cut_short(archive, last.start + last.size // 2)


def lose_members(folder: Path) -> None:
    archive = folder / "recording.000001.tar"
    third = [member for member, _ in read_members(archive)][2]
    cut_short(archive, third.start - 512)


def lose_a_recording(folder: Path) -> None:
    archive = folder / "recording.000001.tar"
    first = next(read_members(archive))[0]
    cut_short(archive, first.start + -(-first.size // 512) * 512)


def lose_lines(folder: Path) -> None:
    write_rows(folder / "cuts.000001.jsonl.gz", rows_of(folder / "cuts.000001.jsonl.gz")[:3])


def break_the_cuts(folder: Path) -> None:
    cut_short(folder / "cuts.000001.jsonl.gz", 300)


def swap_two_lines(folder: Path) -> None:
    first, second, *rest = rows_of(folder / "cuts.000001.jsonl.gz")
    write_rows(folder / "cuts.000001.jsonl.gz", [second, first, *rest])


def tell_another_length(folder: Path) -> None:
    rows = rows_of(folder / "cuts.000001.jsonl.gz")
    rows[1]["recording"]["num_samples"] += 1
    write_rows(folder / "cuts.000001.jsonl.gz", rows)


def lose_an_archive(folder: Path) -> None:
    (folder / "recording.000001.tar").unlink()


def lose_all_cuts(folder: Path) -> None:
    for path in folder.glob("cuts.*"):
        path.unlink()


def take_another_archive(folder: Path) -> None:
    shutil.copyfile(folder / "recording.000000.tar", folder / "recording.000001.tar")


def pack_an_archive(folder: Path) -> None:
    archive = folder / "recording.000001.tar"
    archive.rename(archive.with_name(f"{archive.name}.gz"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (shorten_last_audio, r"recording\.000001\.tar: cut short or damaged"),
        (lose_members, r"cuts\.000001\.jsonl\.gz line 3: .*recording\.000001\.tar holds no audio"),
        (lose_a_recording, r'recording\.000001\.tar: audio "train-004\.\w+" has no recording'),
        (lose_lines, r"recording\.000001\.tar: train-007\.\w+: no line of .*cuts are cut short"),
        (break_the_cuts, r"cuts\.000001\.jsonl\.gz: cut short or damaged"),
        (swap_two_lines, r'line 1 utterance "train-005": .*train-004\.\w+ stands in its place'),
        (tell_another_length, r'line 2 utterance "train-005": num_samples is \d+ here and \d+ in'),
        (lose_an_archive, r"cuts\.000001\.jsonl\.gz: its recording\.000001 is not there"),
        (lose_all_cuts, r"holds no shard; must hold cuts\.000000\.jsonl\.gz and so on"),
        (take_another_archive, r'"train-004": .*train-000\.\w+ stands in its place'),
        (pack_an_archive, r"recording\.000001\.tar\.gz: is compressed; must be a plain tar"),
    ],
)
@pytest.mark.parametrize("way", [lambda folder: list(read_cuts(folder)), open_index])
def test_a_shard_that_is_not_whole_is_refused_and_named(
    folder: Path, damage: Callable[[Path], None], message: str, way: Callable[[Path], object]
) -> None:
    damage(folder)
    with pytest.raises(DataError, match=message):
        way(folder)
    assert not (folder.parent / "train.index").exists() or not [
        *(folder.parent / "train.index").iterdir()
    ]


def test_damaged_audio_within_a_shard_is_found_by_validate(folder: Path) -> None:
    archive = folder / "recording.000001.tar"
    third = [member for member, _ in read_members(archive)][2]
    content = bytearray(archive.read_bytes())
    content[third.start + 100 : third.start + third.size] = bytes(third.size - 100)
    archive.write_bytes(content)
    counts = write_flaws(validate(folder, audio=True), folder.parent / "found.tsv")
    assert sum(number for number, _ in counts.values()) == 1
    assert "train-006" in (folder.parent / "found.tsv").read_text()


def test_audio_is_read_at_its_place_and_an_archive_that_changed_is_noticed(folder: Path) -> None:
    archive = folder / "recording.000000.tar"
    members = [member for member, _ in read_members(archive)]
    assert [utterance_of(member.name) for member in members] == [f"train-{i:03d}" for i in range(4)]
    assert members[2].read()[:4] in (b"RIFF", b"fLaC")
    moved = members[2]._replace(start=members[2].start + 512)
    with pytest.raises(DataError, match=r"train-002\.\w+: the archive is another than before"):
        moved.read()
    cut_short(archive, members[2].start + 5)
    with pytest.raises(DataError, match=r"train-002\.\w+: the archive is cut short there"):
        members[2].read()
    archive.unlink()
    with pytest.raises(DataError, match=r"train-002\.\w+: cannot be read \(No such file"):
        members[2].read()
