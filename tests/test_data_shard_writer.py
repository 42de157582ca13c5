from pathlib import Path

import pytest
import soundfile
from conftest import error_of, random_texts, run, tone, write_manifest

from asr.data import shard_writer as module
from asr.data.export import export
from asr.data.manifest import read_cuts
from asr.data.members import read_members
from asr.data.shard_index import open_index
from asr.data.shard_writer import write_shards
from asr.errors import DataError


def test_shards_hold_flac_and_are_counted_as_they_are_read_back(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "wav", "train", random_texts(5, seed=1))
    line = write_shards(manifest, tmp_path / "train")
    assert line.startswith(f"{tmp_path / 'train'}: 5 utterances, 0.00 h, as in train.jsonl.gz; 1 ")
    members = [member for member, _ in read_members(tmp_path / "train/recording.000000.tar")]
    assert {member.name[-5:] for member in members} == {".flac"}
    assert (tmp_path / "train.index").is_dir()


def test_other_counts_than_those_put_in_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = write_manifest(tmp_path / "wav", "train", random_texts(5, seed=1))

    def losing(*arguments: object, **options: object) -> object:
        report = export(*arguments, **options)  # type: ignore[arg-type]
        report.seconds += 0.5
        return report

    monkeypatch.setattr(module, "export", losing)
    with pytest.raises(DataError, match=r"train: holds 5 utterances and \d+\.\d+ s, .* 5 and"):
        write_shards(manifest, tmp_path / "train")


def test_prepare_writes_shards_of_each_manifest(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    rows = ["path,sentence"]
    for number, text in enumerate(random_texts(12, seed=3)):
        soundfile.write(tmp_path / "corpus" / f"{number}.wav", tone(text, seed=number), 8000)
        rows.append(f"{number}.wav,{text}")
    (tmp_path / "corpus" / "table.csv").write_text("\n".join(rows))
    command = ("prepare", "folder", "--corpus", tmp_path / "corpus", "--language", "en", "--shar")
    done = run(*command, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    manifests = sorted((tmp_path / "out").glob("*.jsonl.gz"))
    assert manifests
    for manifest in manifests:
        folder = tmp_path / "out" / "shar" / manifest.name.removesuffix(".jsonl.gz")
        ids = [cut.id for cut in read_cuts(manifest)]
        assert [cut.id for cut in read_cuts(folder)] == ids
        assert open_index(folder).num_utterances == len(ids)
        assert f"{folder}: {len(ids)} utterances" in done.stderr
    said = error_of(*command, "--out", tmp_path / "out")
    assert said.endswith("must be new (move it away, or give another --out)")
