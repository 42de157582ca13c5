"""Formats other than Kaldi text, trn and JSON, told by a file's name or its lines.

`formats.py` says which of them are read: tables, STM, CTM; and refuses the others by their names.
"""

import itertools
import re
from collections.abc import Iterator, Sequence

BY_SUFFIX = {
    ".srt": "SubRip subtitles",
    ".vtt": "WebVTT subtitles",
    ".ass": "subtitles",
    ".ssa": "subtitles",
    ".rttm": "RTTM",
    ".mlf": "an HTK label file",
    ".lab": "a label file",
    ".textgrid": "a Praat TextGrid",
    ".eaf": "an ELAN file",
    ".xml": "XML",
    ".html": "HTML",
    ".sgml": "SGML",
    ".pra": "a report of sclite",
    ".yaml": "YAML",
    ".yml": "YAML",
    ".scp": "a list of files",
    ".xlsx": "a spreadsheet",
    ".xls": "a spreadsheet",
    ".ods": "a spreadsheet",
    ".parquet": "Parquet",
}
_LONGEST_ID = 300  # characters
_NUMBER = r"\d+(?:\.\d+)?"
_BY_FIRST_LINE = {
    r"WEBVTT(\s|$)": "WebVTT subtitles",
    r"#!MLF!#": "an HTK label file",
    r'File type = "ooTextFile': "a Praat TextGrid",
    r"\[Script Info\]": "subtitles",
    r"<(\?xml|!doctype|html|trans|sctk)\b": "XML",
    r"SYSTEM SUMMARY|\s*\.-{3,}": "a report of sclite",
}
_BY_ANY_LINE = {r"\d+:\d\d[:.,]\d[\d:.,]*\s*-->\s*\d": "subtitles"}
_BY_ALL_LINES = {  # of which one at least has a decimal point or an angle bracket
    r"(SPEAKER|SPKR-INFO|LEXEME|NON-LEX|NON-SPEECH|A/P|FILLER|NOSCORE)\s.*<NA>.*": "RTTM",
    # before STM, since a word may be a number
    rf"\S+\s+\S+\s+{_NUMBER}\s+{_NUMBER}\s+\S+(\s+({_NUMBER}|<?NA>?)(\s+\S+){{0,2}})?": "CTM",
    rf"\S+\s+\S+\s+\S+\s+{_NUMBER}\s+{_NUMBER}(\s.*)?": "STM",
    rf"\S+\s+\S+\s+{_NUMBER}\s+{_NUMBER}": "Kaldi segments",
    rf"{_NUMBER}\s+{_NUMBER}(\s.*)?": "a table of times",
    r"\S+\s+(\S+\.(wav|flac|sph|mp3|ogg|opus|m4a)|.*\|)": "a list of files",
}
_SEPARATORS = {",": "CSV", ";": "CSV with semicolons", "|": "a table with |", "\t": "TSV"}
_ID_HEADS = """
    id utt utt_id uttid utterance utterance_id uid file filename file_name filepath file_path path
    audio audio_path audio_file audio_filepath wav wav_path wav_filename clip clip_id segment
    segment_id recording recording_id name key index idx no number speaker speaker_id client_id
    start end begin duration seconds 번호 파일 파일명 아이디 경로 화자 시작 끝
"""
_TEXT_HEADS = """
    text transcript transcription transcripts sentence words word reference ref hypothesis hyp label
    target prediction predicted pred normalized_text normalised_text raw_text asr content
    텍스트 전사 문장 내용 대사 정답 발화 본문
"""
_IDS, _TEXTS = frozenset(_ID_HEADS.split()), frozenset(_TEXT_HEADS.split())


def foreign_kind(texts: Sequence[str]) -> str | None:
    """Returns what lines show a file to be that is no Kaldi text, trn or JSON; None: nothing."""
    if not texts:
        return None
    return next(itertools.chain(_marked_kinds(texts), _kinds_of_tables(texts)), None)


def _marked_kinds(texts: Sequence[str]) -> Iterator[str]:
    """Yields the formats whose marks the first line, any line or all of them have."""
    for pattern, kind in _BY_FIRST_LINE.items():
        if re.match(pattern, texts[0], re.IGNORECASE):
            yield kind
    for pattern, kind in _BY_ANY_LINE.items():
        if any(re.match(pattern, text) for text in texts):
            yield kind
    if not any(re.search(r"\d\.\d|<|\.\w+$|\|$", text) for text in texts):
        return
    for pattern, kind in _BY_ALL_LINES.items():
        if all(re.fullmatch(pattern, text, re.IGNORECASE) for text in texts):
            yield kind


def _kinds_of_tables(texts: Sequence[str]) -> Iterator[str]:
    for separator, kind in _SEPARATORS.items():
        if _is_table(texts, separator):
            yield kind
    if _is_heading(texts[0].split(), exact=True):
        yield "a table"


def _is_table(texts: Sequence[str], separator: str) -> bool:
    """Returns whether lines are rows of a table: by its heading, or by where the separator stands.

    No id of Kaldi text holds a separator; and of a tab, one alone may stand behind the id.
    """
    if _is_heading(texts[0].split(separator), exact=False):
        return True
    if all(re.match(rf'"[^"]*"\s*{re.escape(separator)}', text) for text in texts):
        return True
    if separator == "\t":
        return _has_columns([text.split("\t") for text in texts])
    if all(separator in text.split(maxsplit=1)[0] for text in texts):
        return not all(re.search(r"\(\S*\d\S*\)$", text) for text in texts)  # trn
    ends = {_last_cell(text, separator) for text in texts} - {None}
    return len(texts) > 1 and len(ends) == len(texts)


def _last_cell(text: str, separator: str) -> str | None:
    """Returns what stands behind the last separator, where it may be an id; None: it may not."""
    before, _, cell = text.rpartition(separator)
    if not re.search(r"[^\s\d]$", before) or len(cell) > _LONGEST_ID:
        return None
    return cell if re.fullmatch(r"[\w./-]*[A-Za-z_-]\w*\d[\w.-]*", cell) else None


def _has_columns(rows: Sequence[Sequence[str]]) -> bool:
    """Returns whether all rows have more than an id and a text, or the first one names columns.

    A row of one cell may be an id whose text is empty.
    """
    has_blank = any(" " in row[0].strip() for row in rows)
    if min(map(len, rows)) < 2:
        if has_blank or len(rows[0]) != 2:
            return False
    elif min(map(len, rows)) > 2 or has_blank:
        return True
    numbered = [bool(re.search(r"\d", row[0])) for row in rows]
    return len(rows) > 2 and not numbered[0] and all(numbered[1:])


def _is_heading(cells: Sequence[str], *, exact: bool) -> bool:
    """Returns whether cells are the names of columns, one of them of the text."""
    names = {re.sub(r"[\s-]+", "_", cell.strip().strip("\"'").casefold()) for cell in cells}
    if len(cells) < 2 or not names & _TEXTS or not names & _IDS:
        return False
    return not exact or names <= _TEXTS | _IDS
