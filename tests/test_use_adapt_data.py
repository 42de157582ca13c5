"""The recordings of an adaptation: what is left out, what must not be old, what must stay."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import random_texts, write_manifest
from lhotse import CutSet
from shards import write_shards

from asr.checkpoint import WEIGHTS_FILE
from asr.data.manifest import Cut, audio_paths, read_cuts
from asr.errors import DataError
from asr.use.adapt_data import SUMS_FILE, check_apart, data_paths, leave_out, write_data
from asr.use.held_out import Division


@pytest.fixture
def cuts(tmp_path: Path) -> list[Cut]:
    return list(CutSet.from_file(write_manifest(tmp_path / "own", "x", random_texts(6, 3))))


def division_of(cuts: list[Cut]) -> Division:
    return Division(cuts[:3], cuts[3:4], cuts[4:], [])


def test_recordings_without_words_and_long_ones_are_left_out_and_counted(cuts: list[Cut]) -> None:
    longest = sorted(cut.duration for cut in cuts)[3]
    mute = cuts[0].supervisions[0].text
    kept, lines = leave_out({"all": cuts}, lambda x: "" if x == mute else x, longest=longest)
    assert {cut.id for cut in kept["all"]} == {
        cut.id for cut in cuts[1:] if cut.duration <= longest
    }
    assert lines[0] == "notice: 1 of 6 recordings have no words: left out"
    assert f"recordings are longer than {longest:g} s: left out (cut them at pauses" in lines[1]
    short = {"train": cuts, "test": [cuts[0]]}
    with pytest.raises(DataError, match=r"test: of 1 recordings 0 have words, and none of these"):
        leave_out(short, lambda x: "" if x == mute else x, longest=60.0)
    with pytest.raises(DataError, match=r"all: of 6 recordings 6 have words, .* at most 0.1 s"):
        leave_out({"all": cuts}, str, longest=0.1)


def test_what_is_held_out_is_told_from_old_data_in_shards(tmp_path: Path) -> None:
    _, old = write_shards(tmp_path / "old", "train", 5, size=2)
    _, other = write_shards(tmp_path / "other", "train", 3, size=2, seed=4)
    check_apart([*read_cuts(other)], old)
    with pytest.raises(DataError, match="holds 2 recordings that are held out to measure on"):
        check_apart([*read_cuts(old)][1:3], old)


def test_links_and_ways_around_do_not_hide_what_is_held_out(tmp_path: Path) -> None:
    old = write_manifest(tmp_path / "old", "train", random_texts(4, 1))
    (tmp_path / "link").symlink_to(tmp_path / "old")
    text = CutSet.from_file(old).subset(first=2)
    for around in (f"{tmp_path}/link", f"{tmp_path}/link/../old"):

        def change(cut: Cut, folder: str = around) -> Cut:
            for source in cut.recording.sources:
                source.source = os.path.join(folder, os.path.relpath(source.source, old.parent))
            return cut

        held_out = [change(cut) for cut in CutSet.from_dicts(text.to_dicts())]
        assert all(path.is_file() for cut in held_out for path in audio_paths(cut))
        with pytest.raises(DataError, match="holds 2 recordings that are held out"):
            check_apart(held_out, old)


def test_manifests_and_sums_are_written_and_the_same_ones_again(
    cuts: list[Cut], tmp_path: Path
) -> None:
    out = tmp_path / "new"
    write_data(division_of(cuts), out)
    assert [cut.id for cut in read_cuts(data_paths(out)["dev"])] == [cuts[3].id]
    lines = (out / "data" / SUMS_FILE).read_text().splitlines()
    assert len(lines) == len({path for cut in cuts for path in audio_paths(cut)})
    (out / WEIGHTS_FILE).write_bytes(b"")  # a training is done
    write_data(division_of(cuts), out)
    with pytest.raises(DataError, match="was adapted to other recordings, or divided otherwise"):
        write_data(division_of(cuts[::-1]), out)


def test_manifests_of_the_user_are_not_written_over(cuts: list[Cut], tmp_path: Path) -> None:
    out = tmp_path / "project"
    path = data_paths(out)["train"]
    path.parent.mkdir(parents=True)
    path.write_bytes(b"mine")
    with pytest.raises(DataError, match=r"train\.jsonl\.gz: is there already and would be written"):
        write_data(division_of(cuts), out)
    assert path.read_bytes() == b"mine"
    assert [found.name for found in path.parent.iterdir()] == [path.name]
    path.unlink()
    write_data(division_of(cuts), out)
    write_data(division_of(cuts[::-1]), out)  # of an adaptation that never began to train


def test_names_that_break_lines_are_kept_as_sha256sum_writes_them(
    cuts: list[Cut], tmp_path: Path
) -> None:
    path = next(audio_paths(cuts[0]))
    strange = path.rename(path.with_name("a\nb\\c\u2028.wav"))
    cuts[0].recording.sources[0].source = str(strange)
    out = tmp_path / "new"
    write_data(division_of(cuts), out)
    if shutil.which("sha256sum"):
        command = ["sha256sum", "--check", "--quiet", str(out / "data" / SUMS_FILE)]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == ""
    (out / WEIGHTS_FILE).write_bytes(b"")
    write_data(division_of(cuts), out)
    strange.write_bytes(strange.read_bytes()[:-4] + bytes(4))
    with pytest.raises(DataError, match="is not what it was when"):
        write_data(division_of(cuts), out)


def test_parts_of_mixes_are_told_apart_by_their_speech(tmp_path: Path, cuts: list[Cut]) -> None:
    old = tmp_path / "old.jsonl.gz"
    noise = cuts[5].drop_supervisions()
    mixed = [cut.mix(noise, snr=10).with_id(f"mix-{cut.id}") for cut in cuts[:3]]
    CutSet.from_cuts(mixed).to_file(old)
    check_apart([cuts[3].mix(noise, snr=10)], old)  # the noise alone is the same
    with pytest.raises(DataError, match="holds 1 recordings that are held out"):
        check_apart([cuts[1]], old)
    with pytest.raises(DataError, match="holds 1 recordings that are held out"):
        check_apart([cuts[1].mix(noise, snr=5)], old)


def test_audio_that_was_replaced_since_is_noticed(cuts: list[Cut], tmp_path: Path) -> None:
    out = tmp_path / "new"
    write_data(division_of(cuts), out)
    path = next(audio_paths(cuts[5]))
    content = path.read_bytes()
    path.write_bytes(content[:-4] + bytes(4))
    write_data(division_of(cuts), out)  # nothing is trained yet
    path.write_bytes(content)
    (out / WEIGHTS_FILE).write_bytes(b"")
    with pytest.raises(DataError, match=f"{path.name}: is not what it was when .* was adapted"):
        write_data(division_of(cuts), out)
    (out / "data" / SUMS_FILE).unlink()  # as of an older version
    write_data(division_of(cuts), out)
    path.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        write_data(division_of(cuts), out)
