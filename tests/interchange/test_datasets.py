import json
import shutil
from pathlib import Path

import pytest
from interchange.corpus import RATE, gathered, pcm, spoken, written
from interchange.peer import Peer

DATASETS = Peer("datasets")


def read(folder, cache):  # type: ignore[no-untyped-def]  # runs in the peer's environment
    import datasets

    datasets.disable_progress_bars()
    found = datasets.load_dataset("audiofolder", data_dir=folder, cache_dir=cache)
    return {
        split: [
            {
                **{name: row[name] for name in rows.column_names if name != "audio"},
                "rate": row["audio"]["sampling_rate"],
                "samples": (row["audio"]["array"] * 32768).round().astype(int).tolist(),
            }
            for row in rows
        ]
        for split, rows in found.items()
    }


def _row(cut) -> dict:  # type: ignore[no-untyped-def]
    text, speaker, samples = spoken(cut)
    words = {"transcription": text, "id": cut.id, "speaker": speaker, "language": "en"}
    return {**words, "rate": RATE, "samples": samples}


@pytest.mark.row("datasets", "reads ours", "audiofolder: text (None, 007), ids, rate, each sample")
def test_datasets_reads_our_audio_folder(tmp_path: Path) -> None:
    folder, cuts = written(tmp_path, "huggingface")
    found = DATASETS.call(read, folder, tmp_path / "cache")
    assert list(found) == ["train"]  # one manifest is one split
    by_name = {row["id"]: row for row in found["train"]}
    assert by_name == {name: _row(cut) for name, cut in cuts.items()}


@pytest.mark.row("datasets", "we read theirs", "audiofolder: splits train, validation, test")
def test_the_splits_of_an_audio_folder_mean_the_same_to_us(tmp_path: Path) -> None:
    folder, cuts = written(tmp_path, "huggingface")
    names = {"train": [*cuts][:3], "validation": [*cuts][3:5], "test": [*cuts][5:]}
    rows = list(map(json.loads, (folder / "metadata.jsonl").read_text("utf-8").splitlines()))
    for split, wanted in names.items():
        inside = tmp_path / "data" / split
        shutil.copytree(folder / "audio", inside / "audio")
        chosen = [row for row in rows if row["id"] in wanted]
        for path in (inside / "audio").rglob("*.*"):
            if not any(row["file_name"].endswith(path.name) for row in chosen):
                path.unlink()
        lines = "".join(json.dumps(row) + "\n" for row in chosen)
        (inside / "metadata.jsonl").write_text(lines, "utf-8")
    found = DATASETS.call(read, tmp_path / "data", tmp_path / "cache")
    assert {split: sorted(row["id"] for row in rows) for split, rows in found.items()} == {
        split: sorted(wanted) for split, wanted in names.items()
    }
    ours = gathered(tmp_path / "data")
    for row in (row for rows in found.values() for row in rows):
        assert ours[row["id"]] == (row["transcription"], row["speaker"], row["samples"])
    assert len(ours) == len(cuts)
    assert ours[names["test"][0]][2] == pcm(cuts[names["test"][0]])
