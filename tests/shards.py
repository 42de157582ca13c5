"""Corpora in shards for tests: written by the export, and damaged in ways that disks do it."""

import gzip
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from conftest import random_texts, write_manifest

from asr.data import export_formats
from asr.data.export import export

Row = dict[str, Any]


def write_shards(
    folder: Path, name: str, num_utterances: int, *, size: int, seed: int = 1
) -> tuple[Path, Path]:
    """Returns a manifest of tones, and a folder of shards of the same, so many in each."""
    manifest = write_manifest(folder / "wav", name, random_texts(num_utterances, seed=seed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export_formats, "FILES_A_FOLDER", size)
        export(manifest, folder / name, to="shar")
    return manifest, folder / name


def rows_of(cuts: Path) -> list[Row]:
    """Returns the lines of a shard's cuts."""
    with gzip.open(cuts, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def write_rows(cuts: Path, rows: list[Row]) -> None:
    """Writes the lines of a shard's cuts."""
    with gzip.open(cuts, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def empty_shard(folder: Path, number: int) -> None:
    """Adds a shard without an utterance."""
    write_rows(folder / f"cuts.{number:06d}.jsonl.gz", [])
    tarfile.open(folder / f"recording.{number:06d}.tar", "w").close()


def cut_short(path: Path, num_bytes: int) -> None:
    """Leaves so many bytes of a file."""
    path.write_bytes(path.read_bytes()[:num_bytes])
