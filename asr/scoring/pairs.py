"""Two files of transcripts, read by their formats and joined by their ids.

    files -> formats (formats.py) -> texts; times (timed.py), tables (tables.py), ... -> texts by id

What a file is read as is said, never guessed in silence.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from asr.scoring.alternatives import Spellings, first_spelling
from asr.scoring.formats import (
    CSV,
    CTM,
    JSON,
    JSONL,
    KALDI,
    STM,
    TRN,
    TSV,
    WHISPER,
    check_format_name,
    find_format,
    format_by_suffix,
    tell_trn,
)
from asr.scoring.lines import Line, new_id, read_lines
from asr.scoring.tables import (
    Field,
    TableTexts,
    are_stems_unique,
    find_id_and_text,
    id_of,
    other_texts,
    read_json_texts,
    read_separated_texts,
)
from asr.scoring.timed import (
    Segment,
    Word,
    are_files,
    names_of,
    read_ctm,
    read_stm,
    texts_by_file,
    texts_by_segment,
)
from asr.scoring.transcripts import TextFile, check_spellings, parse_lines
from asr.scoring.whisper_json import read_whisper

_TITLES = {KALDI: "Kaldi text", TRN: "trn", JSONL: "JSON lines", STM: "STM", CTM: "CTM"}


class _Source(NamedTuple):
    """A file, what it is for, and its lines if it is read by them."""

    path: Path
    field: Field
    lines: Sequence[Line]
    format_name: str | None


class _Content(NamedTuple):
    """What a file holds: one of texts, segments, words and rows."""

    source: _Source
    title: str
    texts: TextFile | None = None
    segments: list[Segment] | None = None
    words: list[Word] | None = None
    table: TableTexts | None = None
    notices: Sequence[str] = ()


def read_text_file(path: Path, *, field: Field, format_name: str | None = None) -> TextFile:
    """Returns the texts of a file; blank lines are skipped.

    - Kaldi text (what shows no other format): `id words`; an id alone has empty text;
    - trn (`.trn`, or lines that end with an id in parentheses): `words (id)`, `;;` comments;
    - JSON lines (`.jsonl`, or lines that are JSON objects): `id` and `text`, or `field`;
    - CSV, TSV and JSON by the names of their columns, see `tables.py`;
    - STM and CTM, see `timed.py`; without the other each file is one utterance;
    - a file, or a folder of files, of Whisper's JSON, see `whisper_json.py`.

    Args:
        path: of the file.
        field: of JSON lines and tables, where they have it; else `text`.
        format_name: one of `FORMATS`; None: told by the file.

    Raises:
        ConfigError: the name of the format is unknown.
        DataError: the file is missing, not text or of another format, a line breaks the format, or
            an id comes twice.
    """
    source = _open(path, field, format_name)
    if source.format_name is None:
        source = source._replace(format_name=tell_trn(source.path, source.lines))
    content = _read(source)
    return _join([content])[0]


def read_text_pair(
    references_path: Path,
    hypotheses_path: Path,
    *,
    ref_format: str | None = None,
    hyp_format: str | None = None,
) -> tuple[TextFile, TextFile]:
    """Returns references and hypotheses as `read_text_file`; each helps to read the other.

    Of STM and CTM a word belongs to the segment in which its middle lies. The ids of a file tell
    Kaldi text from trn in the other.

    Raises:
        ConfigError: as `read_text_file`.
        DataError: as `read_text_file`, and where times do not fit each other.
    """
    sources = [
        _open(references_path, "reference", ref_format),
        _open(hypotheses_path, "hypothesis", hyp_format),
    ]
    found = [_read(source) for source in sources if source.format_name]
    known = frozenset(name for content in found for name in _names(content)) if found else None
    for source in sources:
        if source.format_name is None:
            name = tell_trn(source.path, source.lines, known)
            found.append(_read(source._replace(format_name=name)))
    references, hypotheses = sorted(found, key=lambda content: content.source.field == "hypothesis")
    texts, heard = _join([references, hypotheses])
    return texts, heard


def _open(path: Path, field: Field, format_name: str | None) -> _Source:
    check_format_name(format_name)
    path = Path(path)
    if format_name is None and path.is_dir():
        format_name = WHISPER
    chosen = format_name or format_by_suffix(path)
    if chosen in (CSV, TSV, JSON, WHISPER):
        return _Source(path, field, (), chosen)
    lines = list(read_lines(path))
    chosen = chosen or find_format(path, lines)
    if chosen == JSONL and lines and format_name is None and _is_table(lines[0].text, field):
        return _Source(path, field, (), JSON)
    return _Source(path, field, lines, chosen)


def _is_table(line: str, field: Field) -> bool:
    """Returns whether JSON lines call their columns otherwise than id and text."""
    cells = _json(line)
    if not isinstance(cells, dict):
        return False
    found = find_id_and_text(list(cells), field)
    return None not in found and found not in (("id", "text"), ("id", field))


def _read(source: _Source) -> _Content:
    path, field, lines, name = source
    if name == STM:
        segments, notices = read_stm(lines)
        return _Content(source, _TITLES[STM], segments=segments, notices=notices)
    if name == CTM:
        words, notices = read_ctm(lines)
        return _Content(source, _TITLES[CTM], words=words, notices=notices)
    if name == WHISPER:
        return _Content(source, "Whisper's JSON", texts=TextFile(read_whisper(path)))
    if name in (CSV, TSV, JSON):
        if name == JSON:
            table = read_json_texts(path, field)
        else:
            table = read_separated_texts(path, field, is_tsv=name == TSV)
        return _Content(source, table.said, table=table)
    assert name is not None
    title = _TITLES[name] + (_key_said(lines[:20], field) if name == JSONL else "")
    return _Content(source, title, texts=parse_lines(lines, name, field))


def _key_said(lines: Sequence[Line], field: Field) -> str:
    """Returns which key of JSON lines is read, where others hold words too."""
    rows = [values for line in lines if isinstance(values := _json(line.text), dict)]
    key = field if rows and field in rows[0] else "text"
    others = other_texts(rows, key, field)
    return f", key {key}{others}" if others else ""


def _json(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _names(content: _Content) -> list[str]:
    if content.texts is not None:
        return list(content.texts.texts)
    if content.table is not None:
        return [entry.name for entry in content.table.entries]
    places = [segment.place.file for segment in content.segments or ()]
    return places + [word.track[0] for word in content.words or ()]


def _join(contents: Sequence[_Content]) -> tuple[TextFile, ...]:
    """Returns texts by ids that are of one kind in all of the contents."""
    by_stem = are_stems_unique(content.table for content in contents if content.table is not None)
    segments = [content.segments for content in contents if content.segments is not None]
    by_file = all(map(are_files, segments))
    files = []
    for content in contents:
        notices = list(content.notices)
        if content.texts is not None:
            texts = content.texts
            notices += texts.said
        elif content.table is not None:
            texts = _of_table(content.table, by_stem=by_stem)
        elif content.segments is not None:
            texts = _of_segments(content.segments, content.source.field, by_file=by_file)
            notices += texts.said
        else:
            texts, more = _of_words(content, contents[0], by_file=by_file)
            notices += more
        name = content.source.path.name
        said = f"{name}: read as {content.title}; utterances: {len(texts.texts)}"
        files.append(texts._replace(said=(said, *(f"{name}: {notice}" for notice in notices))))
    ignored = frozenset().union(*(file.ignored for file in files))
    return tuple(_without(file, ignored) for file in files)


def _of_table(table: TableTexts, *, by_stem: bool) -> TextFile:
    texts: dict[str, str] = {}
    for entry in table.entries:
        name = new_id(id_of(entry, table, by_stem=by_stem), texts, entry.where)
        texts[name] = entry.text
    return TextFile(texts)


def _of_segments(segments: Sequence[Segment], field: Field, *, by_file: bool) -> TextFile:
    texts: dict[str, str] = {}
    spellings: dict[str, Spellings] = {}
    ignored = set()
    names = names_of([segment.place for segment in segments], by_file=by_file)
    places = {}
    for name, segment in zip(names, segments, strict=True):
        name = new_id(name, texts, segment.where)
        allowed = check_spellings("" if segment.is_ignored else segment.text, segment.where, field)
        texts[name] = first_spelling(allowed)
        places[name] = segment.place
        if any(len(stretch) > 1 for stretch in allowed):
            spellings[name] = allowed
        if segment.is_ignored:
            ignored.add(name)
    return TextFile(texts, None, spellings, places, frozenset(ignored))


def _of_words(
    content: _Content, references: _Content, *, by_file: bool
) -> tuple[TextFile, list[str]]:
    """Returns the texts of CTM, of the segments of references that are STM or else of files."""
    words = content.words or []
    if references.segments is None:
        return TextFile(texts_by_file(words)), []
    found, notices = texts_by_segment(words, references.segments, references.source.path)
    names = names_of(list(found), by_file=by_file)
    return TextFile(dict(zip(names, found.values(), strict=True))), notices


def _without(file: TextFile, ignored: frozenset[str]) -> TextFile:
    """Returns a file without the utterances that do not count."""
    if ignored.isdisjoint(file.texts):
        return file
    return file._replace(
        texts={name: text for name, text in file.texts.items() if name not in ignored}
    )
