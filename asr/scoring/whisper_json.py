"""Whisper's JSON, a file a recording: openai-whisper, whisperX, whisper.cpp, the API's answers.

An utterance is a whole file, called as the file without its suffixes, those of audio among them.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asr.audio.kinds import NOT_READ, READ
from asr.errors import DataError
from asr.tables.text_files import read_text

_PARTS = ("segments", "transcription", "chunks")  # the last but one whisper.cpp, the last pipelines
_BESIDE_TEXT = frozenset(("text", "language", "duration", "task", "words", "usage", "logprobs"))


def is_whisper(value: object) -> bool:
    """Returns whether a JSON value is what a program of Whisper's family writes."""
    if not isinstance(value, dict):
        return False
    if any(_are_parts(value.get(name)) for name in _PARTS):
        return True
    return isinstance(value.get("text"), str) and value.keys() <= _BESIDE_TEXT


def _are_parts(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(part, dict) and isinstance(part.get("text"), str) for part in value
    )


def read_whisper(path: Path) -> dict[str, str]:
    """Returns the text of a file, or of each .json of a folder, by id.

    Raises:
        DataError: a file is not Whisper's, or a folder holds none.
    """
    path = Path(path)
    if not path.is_dir():
        return {_name(path): _read(path)}
    files = sorted(
        file for file in path.iterdir() if file.suffix.lower() == ".json" and file.name[0] != "."
    )
    if not files:
        raise DataError(
            f"{path}: is a folder without .json; name a file of transcripts, or a folder with "
            "Whisper's .json, one a recording"
        )
    texts: dict[str, str] = {}
    for file in files:
        if _name(file) in texts:
            raise DataError(
                f'{file}: another file is called "{_name(file)}" too; must be one a recording '
                "(move it out of the folder)"
            )
        texts[_name(file)] = _read(file)
    return texts


def _read(path: Path) -> str:
    try:
        value = json.loads(read_text(path).content.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is not JSON ({error}); must be as Whisper writes it") from None
    if not is_whisper(value):
        raise DataError(
            f'{path}: is not JSON as Whisper writes it; must have "text" or "segments" (move other '
            "files out of the folder)"
        )
    text = _text(value)
    if re.search("[\ud800-\udfff]", text):
        raise DataError(
            f"{path}: its text holds half a character (a lone surrogate; write it whole)"
        )
    return text


def _text(value: Mapping[str, Any]) -> str:
    text = value.get("text")
    if not isinstance(text, str):
        parts = next(found for name in _PARTS if isinstance(found := value.get(name), list))
        text = " ".join(part["text"].strip() for part in parts)
    return text.strip()


def _name(path: Path) -> str:
    stem = Path(path.stem)
    return stem.stem if stem.suffix.lower() in READ | NOT_READ else stem.name
