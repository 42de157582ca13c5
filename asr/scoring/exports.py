"""What was said and recognised as files for other tools: trn, STM, CTM, Kaldi text.

    ref.trn hyp.trn      sclite -r ref.trn trn -h hyp.trn trn -i spu_id -s
    ref.stm hyp.ctm      sclite -r ref.stm stm -h hyp.ctm ctm -s
    ref.text hyp.text    compute-wer --text --mode=all ark:ref.text ark:hyp.text

The texts are those that were scored, after the normaliser, so that the tools count what we count
(but for their costs, see `like.py`; without -s sclite folds ASCII capitals). An utterance without
hypothesis is there with an empty one, since sclite leaves out a reference that has none.

What sclite takes for syntax, `{ } ( ) / @ ; *`, is written full width in trn, STM and CTM, each as
one sign that stands nowhere else in the texts, so that words stay equal or different; `<` too
where a text holds `<ALT>` or the like. Ids are
`SPEAKER-UTTERANCE` there, as -i spu_id wants them: where the speaker is not known, and the id has
no - or _ of its own, `unknown-UTTERANCE`. Where ids were changed, `ids.tsv` has both. A segment of
STM whose first word begins with `<` is labelled <O>, since sclite takes such a word for a label;
others have none, since meeteval takes any label for a word.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from asr.errors import DataError
from asr.files import write_file
from asr.scoring.alignment import split_words
from asr.scoring.counts import UtteranceScore
from asr.scoring.rates import Report
from asr.scoring.timed import IGNORED, Place

_SUBSTITUTES = {  # what sclite takes for syntax -> signs in its place, the first that is free
    "{": "｛﹛❴⦃",
    "}": "｝﹜❵⦄",
    "(": "（﹙❨⦅",
    ")": "）﹚❩⦆",
    "/": "／∕⁄⧸",
    "@": "＠﹫",
    ";": "；﹔⁏",
    "*": "＊﹡∗",
    "<": "＜﹤‹",
}
_ALTERNATIVE = re.compile(r"<ALT(_BEGIN|_END)?>", re.IGNORECASE)  # syntax of CTM
_WORD_SECONDS = 0.5
_GUESSED = "times of words are not known: they are spread evenly over the utterance"
_GUESSED_TOO = f"how long the utterances are is not known: half a second a word; {_GUESSED}"
_OVERLAPS = "utterances overlap in their recordings, so each is written as a file of its own"


class _Row(NamedTuple):
    """An utterance as it is written for sclite."""

    name: str
    place: Place
    said: Sequence[str]
    heard: Sequence[str]


def write_files(report: Report, folder: Path) -> list[Path]:
    """Writes the files into a folder, each whole or not at all; returns their paths.

    Raises:
        DataError: a file cannot be written, or texts use all signs that can stand for syntax.
    """
    utterances = report.scores.utterances
    names = trn_ids([utterance.utterance_id for utterance in utterances], report.speakers)
    has_times = len(report.places) == len(utterances)
    rows = _rows(utterances, names, report.places if has_times else {})
    notes = [f";; {_GUESSED if has_times else _GUESSED_TOO}"]
    if has_times and not _are_apart(report.places.values()):
        notes.append(f";; {_OVERLAPS}")
    texts = {
        "ref.trn": [" ".join([*row.said, f"({row.name})"]) for row in rows],
        "hyp.trn": [" ".join([*row.heard, f"({row.name})"]) for row in rows],
        "ref.stm": [_stm_line(row) for row in rows],
        "hyp.ctm": [*notes, *(line for row in rows for line in _ctm_lines(row))],
        "ref.text": _kaldi((u.utterance_id, u.reference) for u in utterances),
        "hyp.text": _kaldi((u.utterance_id, u.hypothesis) for u in utterances),
    }
    changed = [f"{new}\t{old}" for old, new in names.items() if old != new]
    if changed:
        texts["ids.tsv"] = ["written\tid", *changed]
    paths = []
    for name, lines in texts.items():
        path = Path(folder) / name
        content = "".join(f"{line}\n" for line in lines)
        write_file(path, content, DataError, way_out="choose another folder or make room")
        paths.append(path)
    return paths


def trn_ids(names: Iterable[str], speakers: Mapping[str, str]) -> dict[str, str]:
    """Returns for each id one of which sclite can tell the speaker, and which it does not mix up.

    Args:
        names: the ids.
        speakers: id -> who speaks, of those of which it is known.
    """
    return _apart((name, _plain_id(name, speakers.get(name, ""))) for name in names)


def _plain_id(name: str, speaker: str) -> str:
    plain = re.sub(r"[\s()/;*{}@]", "_", name)
    speaker = re.sub(r"[\s()/;*{}@-]", "_", speaker)
    if speaker and not plain.startswith(f"{speaker}-"):
        return f"{speaker}-{plain}"
    if not speaker and not re.match(r"[^-_]+[-_].", plain):
        return f"unknown-{plain}"
    return plain


def _rows(
    utterances: Sequence[UtteranceScore], names: Mapping[str, str], places: Mapping[str, Place]
) -> list[_Row]:
    """Returns the utterances in the order that sclite wants: by file, channel and time."""
    table = _substitutes(utterances)
    keeps_files = _are_apart(places.values())
    rows = []
    for utterance in utterances:
        said = [_word(word, table) for word in split_words(utterance.reference)]
        heard = [_word(word, table) for word in split_words(utterance.hypothesis)]
        name = names[utterance.utterance_id]
        place = places.get(utterance.utterance_id)
        if place is None or place.file == utterance.utterance_id or not keeps_files:
            length = 0.0 if place is None else place.end - place.begin
            speaker = re.split("-" if "-" in name else "_", name)[0]
            whole = length or max(len(said), len(heard), 1) * _WORD_SECONDS
            place = Place(name, "1", speaker, 0.0, whole)
        rows.append(_Row(name, place, said, heard))
    files = _file_names([row.place.file for row in rows])
    rows = [row._replace(place=row.place._replace(file=files[row.place.file])) for row in rows]
    return sorted(rows, key=lambda row: (row.place.file, row.place.channel, row.place.begin))


def _file_names(files: Iterable[str]) -> dict[str, str]:
    """Returns for each file a name of one word that sclite takes for no comment and no other's."""
    return _apart((name, re.sub(r"[\s;]", "_", name)) for name in dict.fromkeys(files))


def _apart(names: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Returns for each name what it may be called, with a number where another is called so."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name, plain in names:
        numbered = (f"{plain}~{number}" for number in itertools.count(2))
        new = next(x for x in itertools.chain([plain], numbered) if x.lower() not in taken)
        taken.add(new.lower())
        found[name] = new
    return found


def _are_apart(places: Iterable[Place]) -> bool:
    """Returns whether each word lies in one place only."""
    ordered = sorted(places, key=lambda place: (place.file, place.channel, place.begin))
    return all(place.end > place.begin for place in ordered) and not any(
        (place.file, place.channel) == (later.file, later.channel) and later.begin < place.end
        for place, later in itertools.pairwise(ordered)
    )


def _substitutes(utterances: Sequence[UtteranceScore]) -> dict[int, str]:
    """Returns what stands for each sign of sclite's syntax, nothing that is in the texts."""
    used: set[str] = set()
    has_alternatives = False
    for utterance in utterances:
        for text in (utterance.reference, utterance.hypothesis):
            used.update(text)
            has_alternatives = has_alternatives or bool(_ALTERNATIVE.search(text))
    table = {}
    for sign in used & _SUBSTITUTES.keys() - (set() if has_alternatives else {"<"}):
        free = [other for other in _SUBSTITUTES[sign] if other not in used]
        if not free:
            raise DataError(
                f'no sign can stand for "{sign}" in files for sclite: the texts hold all of '
                f"{_SUBSTITUTES[sign]} (take one out, or go without --files)"
            )
        table[ord(sign)] = free[0]
    return table


def _word(word: str, table: Mapping[int, str]) -> str:
    if IGNORED in word.upper():  # in sclite part of a word is enough
        return word.replace("_", "-")
    return word.translate(table)


def _stm_line(row: _Row) -> str:
    file, channel, speaker, begin, end = row.place
    speaker = re.sub(r"\s", "_", speaker)
    label = ["<O>"] if row.said and row.said[0].startswith("<") else []
    return " ".join([file, channel, speaker, f"{begin:.6f}", f"{end:.6f}", *label, *row.said])


def _ctm_lines(row: _Row) -> Iterator[str]:
    """Yields a line a word; where there is none one of @, which is none, or sclite misses it."""
    words = row.heard or ["@"]
    step = (row.place.end - row.place.begin) / len(words)
    for number, word in enumerate(words):
        start = row.place.begin + number * step
        yield f"{row.place.file} {row.place.channel} {start:.6f} {step:.6f} {word}"


def _kaldi(texts: Iterable[tuple[str, str]]) -> list[str]:
    lines = (" ".join([re.sub(r"\s", "_", name), *split_words(text)]) for name, text in texts)
    return sorted(lines, key=lambda line: line.split(" ", 1)[0].encode())
