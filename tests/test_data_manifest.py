import gzip
import json
import unicodedata
from pathlib import Path

import pytest
from conftest import write_manifest
from file_server import serving
from lhotse import CutSet

from asr.data.manifest import checked_cuts, cut_text, read_cuts, read_ids
from asr.errors import DataError
from asr.text.normalizers import get_normalizer


def edit(manifest: Path, change) -> None:
    with gzip.open(manifest, "rt") as file:
        rows = [json.loads(line) for line in file]
    change(rows)
    with gzip.open(manifest, "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def test_joined_supervisions_are_read_in_order_of_time(tmp_path: Path) -> None:
    cuts = CutSet.from_cuts(read_cuts(write_manifest(tmp_path, "x", ["ab", "cd"])))
    joined = cuts[0].append(cuts[1])
    joined.supervisions.reverse()
    assert cut_text(joined, str.upper) == "AB CD"


def test_transcripts_go_through_the_normaliser(tmp_path: Path) -> None:
    [cut] = read_cuts(write_manifest(tmp_path, "x", ["ab"]))
    cut.supervisions[0].text = "A,  B!"
    assert cut_text(cut, get_normalizer("english").apply) == "a b"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[1].update(id="x-000"), r'utterance "x-000": the id occurs twice'),
        (lambda rows: rows[1].update(supervisions=[]), r'"x-001": has no supervision'),
        (
            lambda rows: rows[1]["recording"]["sources"][0].update(source="/gone/a.wav"),
            r'"x-001": its audio /gone/a\.wav is gone; put it back',
        ),
        (lambda rows: rows[1].pop("start"), r'line 2 utterance "x-001": has no start'),
    ],
)
def test_a_bad_line_is_an_error_that_names_it(tmp_path: Path, change, message: str) -> None:
    manifest = write_manifest(tmp_path, "x", ["ab", "cd"])
    edit(manifest, change)
    with pytest.raises(DataError, match=message):
        list(checked_cuts(manifest))


def test_an_utterance_without_duration_is_an_error(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, "x", ["ab"])
    edit(manifest, lambda rows: rows[0].update(duration=0.0))
    with pytest.raises(DataError, match=r"x\.jsonl\.gz"):
        list(checked_cuts(manifest))


@pytest.mark.parametrize("content", [b"not gzip", gzip.compress(b"{}\n"), gzip.compress(b"")])
def test_a_file_that_is_no_manifest_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(
        DataError,
        match=r"m\.jsonl\.gz( line 1: (not JSON|type)|: holds no)",
    ):
        read_cuts(path)


def test_a_missing_manifest_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such manifest; make it with asr prepare"):
        read_cuts(tmp_path / "none.jsonl.gz")


def test_an_address_is_refused_and_nothing_is_asked_of_it() -> None:
    with serving(b"") as server:
        for address in (server.url, "s3://bucket/train", Path("s3://bucket/train")):
            with pytest.raises(DataError, match="is an address; must be a file, or a folder of sh"):
                read_cuts(address)
    assert server.asked == []


def test_a_command_is_refused_and_not_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"pipe:touch .*: is a command; must be a file, since"):
        read_cuts(f"pipe:touch {tmp_path / 'ran'}")
    assert not [*tmp_path.iterdir()]


def test_ids_are_read_though_the_audio_is_gone(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, "x", ["ab", "cd"])
    (tmp_path / "x-000.wav").unlink()
    assert read_ids(manifest) == {"x-000", "x-001"}
    edit(manifest, lambda rows: rows[1].pop("start"))
    with pytest.raises(DataError, match='line 2 utterance "x-001": has no start'):
        read_ids(manifest)


def test_ids_and_speakers_are_composed_wherever_a_manifest_is_read(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, "x", ["ab", "ba"])
    decomposed = unicodedata.normalize("NFD", "각")

    def change(rows: list) -> None:
        rows[0]["id"] = rows[0]["supervisions"][0]["speaker"] = decomposed

    edit(manifest, change)
    cut = next(iter(read_cuts(manifest)))
    assert (cut.id, cut.supervisions[0].speaker) == ("각", "각")
    assert read_ids(manifest) == {"각", "x-001"}
    edit(manifest, lambda rows: rows[1].update(id="각"))
    with pytest.raises(DataError, match='"각": the id occurs twice'):
        list(checked_cuts(manifest))


def test_an_utterance_without_a_recording_is_an_error(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, "x", ["ab"])
    edit(manifest, lambda rows: rows[0].pop("recording"))
    with pytest.raises(DataError, match='"x-000": has no recording; its audio must be named'):
        list(checked_cuts(manifest))
