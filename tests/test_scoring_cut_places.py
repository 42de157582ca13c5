"""Recordings and times of a manifest's utterances."""

import json
from pathlib import Path

import pytest
from conftest import run
from lhotse import AudioSource, CutSet, MonoCut, Recording, SupervisionSegment
from sctk import needs_sclite, sclite

from asr.scoring.alignment import ErrorCounts
from asr.scoring.cut_places import places_of_cuts
from asr.scoring.timed import Place

TEXTS = {"u1": "one two", "u2": "three", "u3": "four five"}
HEARD = {"u1": "one too", "u2": "three", "u3": "five"}


def write_cuts(folder: Path, starts: list[float], channel: int = 0) -> Path:
    """Writes a manifest of parts of one recording, and what was recognised in them."""
    audio = AudioSource("file", [0, 1], str(folder / "gone.wav"))
    recording = Recording("a talk", [audio], 8000, num_samples=80000, duration=10.0)
    cuts = [
        MonoCut(
            *(name, start, 2.0, channel),
            supervisions=[SupervisionSegment(name, "a talk", 0.0, 2.0, text=text, speaker="ann")],
            recording=recording,
        )
        for (name, text), start in zip(TEXTS.items(), starts, strict=True)
    ]
    path = folder / "dev.jsonl.gz"
    CutSet.from_cuts(cuts).to_file(path)
    rows = [
        {"id": name, "reference": text, "hypothesis": HEARD[name], "seconds": 2.0, "speaker": "ann"}
        for name, text in TEXTS.items()
    ]
    (folder / "hyp.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_an_utterance_lies_where_the_manifest_has_it(tmp_path: Path) -> None:
    path = write_cuts(tmp_path, [1.0, 4.0, 6.5], channel=1)
    assert places_of_cuts(path, {"u1", "u3"}) == {
        "u1": Place("a talk", "2", "ann", 1.0, 3.0),
        "u3": Place("a talk", "2", "ann", 6.5, 8.5),
    }


def test_a_mix_lies_in_no_recording(tmp_path: Path) -> None:
    (first, second, _) = CutSet.from_file(write_cuts(tmp_path, [1.0, 4.0, 6.5]))
    path = tmp_path / "mixed.jsonl.gz"
    CutSet.from_cuts([first.append(second).with_id("u1"), second]).to_file(path)
    assert list(places_of_cuts(path, {"u1", "u2"})) == ["u2"]


def test_the_command_writes_the_times_of_the_manifest(tmp_path: Path) -> None:
    path = write_cuts(tmp_path, [4.0, 1.0, 6.5])
    assert run("score", tmp_path, "--cuts", path, "--files").returncode == 0
    assert (tmp_path / "dev" / "ref.stm").read_text().splitlines() == [
        "a_talk 1 ann 1.000000 3.000000 three",
        "a_talk 1 ann 4.000000 6.000000 one two",
        "a_talk 1 ann 6.500000 8.500000 four five",
    ]
    ctm = (tmp_path / "dev" / "hyp.ctm").read_text().splitlines()
    assert ctm[1:] == [
        "a_talk 1 1.000000 2.000000 three",
        "a_talk 1 4.000000 1.000000 one",
        "a_talk 1 5.000000 1.000000 too",
        "a_talk 1 6.500000 2.000000 five",
    ]


def test_utterances_that_overlap_are_files_of_their_own_and_it_is_said(tmp_path: Path) -> None:
    path = write_cuts(tmp_path, [1.0, 2.0, 6.5])
    assert run("score", tmp_path, "--cuts", path, "--files").returncode == 0
    ctm = (tmp_path / "dev" / "hyp.ctm").read_text().splitlines()
    assert ctm[
        1
    ] == ";; utterances overlap in their recordings, so each is written as a file of" + (" its own")
    assert (tmp_path / "dev" / "ref.stm").read_text().startswith("ann-u1 1 ann 0.000000 2.000000")


@needs_sclite
@pytest.mark.parametrize("starts", [[4.0, 1.0, 6.5], [1.0, 2.0, 6.5]])
def test_sclite_counts_the_same_in_files_with_the_manifests_times(
    tmp_path: Path, starts: list[float]
) -> None:
    run("score", tmp_path, "--cuts", write_cuts(tmp_path, starts), "--files")
    out = tmp_path / "dev"
    found = sclite("-r", out / "ref.stm", "stm", "-h", out / "hyp.ctm", "ctm")
    assert sum(found, ErrorCounts()) == ErrorCounts(3, 1, 1, 0)
