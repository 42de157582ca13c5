import gzip
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from shards import rows_of, write_rows, write_shards

from asr.data import shard_index as module
from asr.data.cut_audio import load_channels
from asr.data.manifest import read_cuts
from asr.data.shard_index import open_index
from asr.data.shard_reader import ShardReader
from asr.errors import DataError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_shards(tmp_path_factory.mktemp("made"), "train", 11, size=4)


@pytest.fixture
def folder(made: tuple[Path, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(made[1], tmp_path / "train"))


def test_an_index_holds_lengths_places_and_texts_in_order(folder: Path) -> None:
    cuts, index = list(read_cuts(folder)), open_index(folder)
    assert index.num_utterances == 11
    assert index.starts.tolist() == [0, 4, 8, 11]
    assert index.seconds.tolist() == [cut.duration for cut in cuts]
    assert list(index.texts()) == [cut.supervisions[0].text for cut in cuts]
    sources = [cut.recording.sources[0].member for cut in cuts]
    assert index.places.tolist() == [[source.start, source.size] for source in sources]


def test_utterances_are_read_by_number_and_hold_their_own_audio(
    made: tuple[Path, Path], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuts = list(read_cuts(made[0]))
    for most in (module.TAIL_BYTES, 2**26):  # of one shard at a time; of all
        monkeypatch.setattr("asr.data.shard_reader.MOST_BYTES", most)
        reader = pickle.loads(pickle.dumps(ShardReader(open_index(folder))))
        found = reader.cuts(np.array([9, 2, 10, 0, 4]))
        assert [cut.id for cut in found] == [f"train-{i:03d}" for i in (0, 2, 4, 9, 10)]
        for cut, number in zip(found, (0, 2, 4, 9, 10), strict=True):
            np.testing.assert_array_equal(load_channels(cut), load_channels(cuts[number]))


def test_an_index_is_made_once_and_anew_for_other_shards(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_index(folder)
    with monkeypatch.context() as patch:
        patch.setattr(module, "_make", None)
        assert open_index(folder).digest == first.digest
    rows = rows_of(folder / "cuts.000001.jsonl.gz")
    rows[0]["supervisions"][0]["text"] = "dcba"
    write_rows(folder / "cuts.000001.jsonl.gz", rows)
    again = open_index(folder)
    assert again.digest != first.digest
    assert list(again.texts())[4] == "dcba"
    kept = {path.name for path in (folder.parent / "train.index").iterdir()}
    assert kept == {first.kept_in.name, again.kept_in.name}  # who has begun may still read it
    rows[0]["supervisions"][0]["text"] = "dcb"
    write_rows(folder / "cuts.000001.jsonl.gz", rows)
    monkeypatch.setattr(module, "KEPT_SECONDS", -1)
    last = open_index(folder)
    assert [path.name for path in (folder.parent / "train.index").iterdir()] == [last.kept_in.name]


def test_the_digest_is_that_of_the_content_wherever_it_lies(folder: Path) -> None:
    moved = shutil.copytree(folder, folder.parent / "elsewhere" / "x")
    assert open_index(Path(moved)).digest == open_index(folder).digest


def test_an_index_goes_to_the_cache_where_it_cannot_be_beside_the_shards(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "train.index").write_text("in the way")
    index = open_index(folder)
    assert index.kept_in.is_relative_to(tmp_path / "cache/asr")
    assert open_index(folder).kept_in == index.kept_in
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "train.index"))
    with pytest.raises(DataError, match=r"train: its index cannot be written \(.*train\.index"):
        open_index(folder)


def test_two_that_make_an_index_at_once_do_not_harm_each_other(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = module._make

    def slower(*arguments: object, **options: object) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(module, "_make", original)
            open_index(folder)  # another is first
        original(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_make", slower)
    assert open_index(folder).seconds.tolist() == [cut.duration for cut in read_cuts(folder)]
    assert len([*(folder.parent / "train.index").iterdir()]) == 1


def test_an_index_that_another_machine_cannot_see_is_made_there(folder: Path) -> None:
    index = open_index(folder)
    sent = pickle.dumps(index)
    assert len(sent) < 5000
    shutil.rmtree(folder.parent / "train.index")
    assert pickle.loads(sent).seconds.tolist() == list(open_index(folder).seconds)


@pytest.mark.parametrize(("one", "other"), [(0, 2), (1, 1)])
def test_an_id_that_occurs_twice_is_refused_with_both_places(
    folder: Path, one: int, other: int
) -> None:
    names = [f"cuts.00000{number}.jsonl.gz" for number in (one, other)]
    first = folder / names[0]
    second = folder / names[1]
    archive = folder / f"recording.00000{other}.tar"
    wanted = rows_of(first)[0]["id"]
    rows = rows_of(second)
    archive.write_bytes(archive.read_bytes().replace(rows[-1]["id"].encode(), wanted.encode()))
    mend_checksums(archive)
    rows[-1]["id"] = wanted
    write_rows(second, rows)
    where = " and ".join(dict.fromkeys(names))
    with pytest.raises(DataError, match=f'"{wanted}": the id occurs twice, in {where}; ids must'):
        open_index(folder)
    assert not [*(folder.parent / "train.index").iterdir()]


def mend_checksums(archive: Path) -> None:
    """Writes the checksum of each header of a tar anew."""
    data, place = bytearray(archive.read_bytes()), 0
    while place < len(data) and data[place]:
        header = data[place : place + 512]
        header[148:156] = b" " * 8
        data[place + 148 : place + 156] = b"%06o\0 " % sum(header)
        place += 512 + -(-int(header[124:135], 8) // 512) * 512
    archive.write_bytes(data)


def test_a_cut_that_cannot_be_learnt_from_is_refused(folder: Path) -> None:
    rows = rows_of(folder / "cuts.000001.jsonl.gz")
    rows[2]["supervisions"] = []
    write_rows(folder / "cuts.000001.jsonl.gz", rows)
    with pytest.raises(DataError, match=r'000001\.jsonl\.gz utterance "train-006": has no superv'):
        open_index(folder)


def test_shards_that_change_while_they_are_read_are_noticed(folder: Path) -> None:
    reader = ShardReader(open_index(folder))
    rows = rows_of(folder / "cuts.000001.jsonl.gz")
    write_rows(folder / "cuts.000001.jsonl.gz", rows[1:])
    with pytest.raises(DataError, match=r"cuts\.000001\.jsonl\.gz: changed while it was in use"):
        reader.cut(5)
    rows[0]["duration"] += 0.5
    write_rows(folder / "cuts.000001.jsonl.gz", rows)
    with pytest.raises(DataError, match="changed while it was in use"):
        reader.cut(4)


def test_a_reading_without_an_end_is_told_now_and_then(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SAID_EVERY", 5)
    said: list[str] = []
    kept_in = open_index(folder, say=said.append).kept_in
    assert said == [f"index of {folder}: {count} utterances" for count in (8, 11)]
    assert os.listdir(folder.parent / "train.index") == [kept_in.name]
    open_index(folder, say=said.append)
    assert len(said) == 2


def test_a_manifest_of_joined_files_of_which_one_changes_gets_another_index(
    made: tuple[Path, Path], tmp_path: Path
) -> None:
    lines = gzip.decompress(made[0].read_bytes()).splitlines(keepends=True)
    manifest, rest = tmp_path / "joined.jsonl.gz", gzip.compress(b"".join(lines[1:]), mtime=0)
    manifest.write_bytes(gzip.compress(lines[0], compresslevel=0, mtime=0) + rest)
    before, size = open_index(manifest), manifest.stat().st_size
    text = next(before.texts()).encode()
    changed = lines[0].replace(b'"' + text + b'"', b'"' + text[::-1] + b'"')
    manifest.write_bytes(gzip.compress(changed, compresslevel=0, mtime=0) + rest)
    assert manifest.stat().st_size == size
    assert next(open_index(manifest).texts()) == text[::-1].decode() != text.decode()
    assert next(before.texts()) == text.decode()  # who has begun goes on with what there was


def test_the_index_of_a_manifest_is_made_where_it_cannot_be_seen_if_that_is_the_same(
    made: tuple[Path, Path], tmp_path: Path
) -> None:
    manifest, kept = tmp_path / "train.jsonl", tmp_path / "train.jsonl.index"
    manifest.write_bytes(gzip.decompress(made[0].read_bytes()))
    index = open_index(manifest)
    sent, text = pickle.dumps(index), next(index.texts()).encode()
    shutil.rmtree(kept)
    os.utime(manifest, (1, 1))  # a copy
    assert all(shard.cuts.is_file() for shard in pickle.loads(sent).shards)
    shutil.rmtree(kept)
    manifest.write_bytes(manifest.read_bytes().replace(b'"' + text + b'"', b'"x"'))
    with pytest.raises(DataError, match="is not the same here as on the machine that trains"):
        pickle.loads(sent)
