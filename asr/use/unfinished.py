"""Which recordings a run has done that was stopped, so that the same command goes on with the rest.

A hidden file in the output folder holds what the command is, a line for each recording that is
written, and one for each stretch of speech that is heard (asr/use/remembering.py). It goes when all
are written; another command does not look at it, and begins one of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from asr.audio.recording import Recording
from asr.errors import DataError
from asr.files import write_file, writing
from asr.use.places import WAY_OUT

JOURNAL_FILE = ".transcribing.jsonl"


class Journal:
    """What a run into a folder has done.

    Args:
        folder: where transcripts go.
        command: all that decides what they will be, as plain data.
        afresh: whether what an earlier run has done does not count.

    Attributes:
        done: name -> what told the recording from another, of an earlier run of the same command.
        heard: hash of a sound -> what was said of it, likewise.
    """

    def __init__(self, folder: Path, command: Mapping[str, object], *, afresh: bool) -> None:
        self.path = folder / JOURNAL_FILE
        text = json.dumps(command, sort_keys=True, default=str)
        self._command = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
        self.done: dict[str, str] = {}
        self.heard: dict[str, dict[str, object]] = {}
        if not afresh:
            self._read()
        self._has_begun = False
        self._lock = threading.Lock()  # short recordings are heard in one thread, written in others
        if afresh:
            self.finish()

    def is_done(self, name: str, stamp: str, files: Sequence[Path]) -> bool:
        """Returns whether this command wrote a recording's files, and they are all there.

        What nothing tells from another of its name, as samples from standard input, is not done.
        """
        is_same = bool(stamp) and self.done.get(name) == stamp
        return is_same and all(file.is_file() for file in files)

    def add(self, name: str, stamp: str) -> None:
        """Notes that a recording is written."""
        self._append([{"name": name, "stamp": stamp}])

    def keep(self, heard: Mapping[str, Mapping[str, object]]) -> None:
        """Notes what was said of stretches of a recording that is not written yet."""
        self._append([{"sound": sound, "said": dict(row)} for sound, row in heard.items()])

    def finish(self) -> None:
        """Forgets the run: all is written."""
        self.path.unlink(missing_ok=True)

    def _append(self, rows: Sequence[Mapping[str, object]]) -> None:
        with self._lock:
            if not self._has_begun:
                self._begin()
            with (
                writing(self.path, DataError, way_out=WAY_OUT),
                self.path.open("a", encoding="utf-8") as file,
            ):
                file.writelines(json.dumps(row) + "\n" for row in rows)

    def _begin(self) -> None:
        """Writes the file anew, with what an earlier run of the same command has done."""
        rows: list[dict[str, object]] = [
            {"name": name, "stamp": stamp} for name, stamp in self.done.items()
        ]
        rows += [{"sound": sound, "said": row} for sound, row in self.heard.items()]
        lines = [json.dumps(row) + "\n" for row in [{"command": self._command}, *rows]]
        write_file(self.path, "".join(lines), DataError, way_out=WAY_OUT)
        self._has_begun = True

    def _read(self) -> None:
        """Takes what the file says of this command; a last line may be cut short."""
        try:
            first, *rest = self.path.read_text("utf-8", errors="replace").splitlines()
        except (OSError, ValueError):
            return
        if _row(first).get("command") != self._command:
            return
        for row in map(_row, rest):
            said = row.get("said")
            if "name" in row and "stamp" in row:
                self.done[str(row["name"])] = str(row["stamp"])
            elif "sound" in row and isinstance(said, dict):
                self.heard[str(row["sound"])] = said


def _row(line: str) -> dict[str, object]:
    """Returns what a line holds; nothing for one that was cut short or damaged."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}


def stamp_of(path: Path | None) -> str:
    """Returns what tells a file from itself after a change; nothing for what is no file."""
    try:
        status = os.stat(path) if path is not None else None
    except OSError:
        status = None
    return "" if status is None else f"{status.st_size} {status.st_mtime_ns}"


def stamp_of_recording(recording: Recording) -> str:
    """Returns what tells a recording from another of its name, or from itself after a change."""
    return stamp_of(recording.path) or recording.stamp
