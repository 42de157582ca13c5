import json
from pathlib import Path

import pytest
from conftest import error_of, run

from asr.errors import DataError
from asr.scoring.pairs import read_text_file

SEGMENTS = [{"id": 0, "start": 0.0, "end": 2.0, "text": " hello"}, {"id": 1, "text": " there"}]
SHAPES = {
    "whisper": {"text": " hello there", "segments": SEGMENTS, "language": "en"},
    "whisperx": {"segments": SEGMENTS, "word_segments": []},
    "whisper.cpp": {"systeminfo": "x", "transcription": SEGMENTS},
    "answer": {"text": "hello there"},
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("indent", [None, 2])
def test_a_file_is_one_utterance(tmp_path: Path, shape: str, indent: int | None):
    path = tmp_path / "u1.wav.json"
    path.write_text(json.dumps(SHAPES[shape], indent=indent))
    found = read_text_file(path, field="hypothesis")
    assert found.texts == {"u1": "hello there"}
    assert found.said == ("u1.wav.json: read as Whisper's JSON; utterances: 1",)


def test_a_folder_is_scored_a_file_an_utterance(tmp_path: Path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "u1.json").write_text(json.dumps(SHAPES["whisper"]))
    (folder / "u2.json").write_text(json.dumps({"text": "", "segments": []}))
    (folder / "u1.srt").write_text("1\n")
    (folder / "._u1.json").write_text("left by a system")
    ref = tmp_path / "ref"
    ref.write_text("u1 hello here\nu2 yes no\n")
    done = run("score", "--ref", ref, "--hyp", folder, "--only", "wer", "--hyp-format", "whisper")
    assert done.stdout == "75.00 %\n"
    assert run("score", "--ref", ref, "--hyp", folder, "--only", "wer").stdout == "75.00 %\n"
    (folder / "u2.wav.json").write_text("{}")
    message = error_of("score", "--ref", ref, "--hyp", folder)
    assert 'u2.wav.json: another file is called "u2" too' in message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "u1.json: is not JSON"),
        ("[" * 100_000, "u1.json: is not JSON"),
        ('{"words": 3}', "u1.json: is not JSON as Whisper writes it"),
        ('{"segments": [{"text": 3}]}', "u1.json: is not JSON as Whisper writes it"),
        ('{"text": "\\ud800"}', "u1.json: its text holds half a character"),
    ],
)
def test_what_whisper_does_not_write_is_one_sentence(tmp_path: Path, content: str, message: str):
    (tmp_path / "u1.json").write_text(content)
    with pytest.raises(DataError, match=message):
        read_text_file(tmp_path, field="hypothesis")


def test_a_folder_without_json_is_one_sentence(tmp_path: Path):
    assert "is a folder without .json" in error_of("score", "--ref", tmp_path, "--hyp", tmp_path)
