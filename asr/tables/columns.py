"""What the columns of a table mean, by their names."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from asr.audio.kinds import READ, kind_of
from asr.errors import DataError
from asr.tables.text_files import nfc
from asr.tables.times import values_of, with_times

# What a column means -> the names it goes by, the first that is there counts.
COLUMNS = {
    "audio": (
        *("audio_filepath", "file_name", "audio", "wav", "path", "file", "filename", "audio_path"),
        *("wav_path", "audio_file", "wav_file", "file_path", "wav_filename", "파일", "파일명"),
        *("파일이름", "파일경로", "경로", "음성", "음성파일", "음성파일명", "오디오", "오디오파일"),
        *("음성파일이름", "음성파일경로명", "오디오파일이름", "녹음파일이름", "파일경로명"),
        *("녹음", "녹음파일", "녹음파일명"),
        *("음성경로", "음성파일경로", "오디오경로", "오디오파일명", "파일위치", "wav파일"),
    ),
    "text": (
        *("text", "transcription", "transcript", "sentence", "wrd", "txt", "normalized_text"),
        *("words", "텍스트", "전사", "전사문", "전사문장", "전사텍스트", "문장", "발화", "발화문"),
        *("발화내용", "내용", "대본", "스크립트"),
        *("전사내용", "전사결과", "발화텍스트", "텍스트전사", "문장내용"),
    ),
    "name": ("id", "utt_id", "utterance_id", "key", "아이디", "발화아이디", "발화id", "문장id"),
    "speaker": (
        *("speaker", "spk_id", "speaker_id", "spk", "client_id", "화자", "화자id", "화자명"),
        *("화자번호", "발화자", "발화자id", "발화자명", "녹음자", "낭독자"),
    ),
    "start": ("start", "offset", "begin", "start_time", "시작", "시작시간", "시작시각"),
    "end": ("end", "stop", "end_time", "종료", "끝", "종료시간", "종료시각", "끝시간"),
    "length": ("duration", "길이", "재생시간"),  # beside a start, it says where it ends
    "split": ("split", "partition"),
    "channel": ("channel", "chan", "audio_channel", "채널"),
}
DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
SHOWN = 7  # names
NEEDED = ("audio", "text")
SEPARATORS = re.compile(r"[\s_.-]+")

Cells = Mapping[str, Any]  # column -> value


class Columns(NamedTuple):
    """Which columns the user says hold the audio and the text; None: by their names."""

    audio: str | None = None
    text: str | None = None


BY_NAME = Columns()


class Record(NamedTuple):
    """One row as a table has it."""

    where: str  # FILE:LINE
    cells: Cells
    problem: str = ""  # why it is no row
    num_cells: int = 0


class Table(NamedTuple):
    """What a table holds."""

    columns: tuple[str, ...]  # in their order; of JSON those of all rows
    records: list[Record]
    encoding: str


def find_columns(names: Sequence[str], chosen: Columns) -> dict[str, list[str]]:
    """Returns the columns for each thing that a column may mean, the one that counts first.

    Capitals, spaces, and signs between words do not matter.
    """
    found: dict[str, list[str]] = {}
    for what, known in COLUMNS.items():
        wanted = chosen._asdict().get(what)
        if wanted is None:
            ranks = {loose(name): len(known) + rank for rank, name in reversed([*enumerate(known)])}
            ranks |= {name: rank for rank, name in enumerate(known)}
            ranked = [(ranks.get(_lower(name), ranks.get(loose(name))), name) for name in names]
            found[what] = [name for _, name in sorted((r, n) for r, n in ranked if r is not None)]
        else:
            found[what] = [name for name in names if nfc(name).strip() == nfc(wanted).strip()]
    return found


def has_needed(names: Sequence[str], chosen: Columns) -> bool:
    """Returns whether there are columns for the audio and for the text."""
    found = find_columns(names, chosen)
    return all(found[what] for what in NEEDED)


def check_columns(path: Path, table: Table, chosen: Columns) -> dict[str, list[str]]:
    """Returns the columns of a table, as `find_columns`, and those of times by other names.

    Raises:
        DataError: one for the audio or the text is missing, two have one name, or times may be
            misread.
    """
    found = find_columns(table.columns, chosen)
    where = next((item.where for item in table.records if not item.problem), str(path))
    names = ", ".join(dict.fromkeys(name.strip() for name in table.columns if name.strip()))
    for what in NEEDED:
        wanted = chosen._asdict()[what]
        if found[what]:
            continue
        if wanted is not None:
            raise DataError(
                f'{where}: no column "{wanted}" for the {what}; has {names} (mend --{what}-column)'
            )
        raise DataError(
            f"{where}: no column for the {what}; has {names}{hint(table.columns)}; must have one "
            f"called {', '.join(COLUMNS[what][:SHOWN])} or the like (or say which it is: "
            f"--{what}-column NAME)"
        )
    for what, columns in found.items():
        if columns and table.columns.count(columns[0]) > 1:
            raise DataError(
                f"{path}: two columns for the {what} are called {columns[0]}; must be one "
                "(rename the other)"
            )
    usable = [record.cells for record in table.records if not record.problem]
    return with_times(where, found, usable)


def not_read(table: Table, found: Mapping[str, Sequence[str]]) -> list[str]:
    """Returns the columns of a table that hold something, and mean nothing here."""
    taken = {name for names in found.values() for name in names}
    others = [name for name in dict.fromkeys(table.columns) if name.strip() and name not in taken]
    return [name for name in others if values_of(name, (row.cells for row in table.records))]


def hint(columns: Sequence[str]) -> str:
    """Returns what seems to be wrong with the names of the columns; nothing if nothing does."""
    for sign, name in DELIMITERS.items():
        if len(columns) == 1 and sign in columns[0]:
            return f", which seem to be parted by {name}"
    if any(kind_of(Path(name)) in READ for name in columns):
        return " (the first row must name the columns)"
    return ""


def loose(name: str) -> str:
    """Returns a column's name without capitals, spaces and signs between words."""
    return SEPARATORS.sub("", _lower(name))


def _lower(name: str) -> str:
    return nfc(name).strip().lower()
