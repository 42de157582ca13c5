"""LibriSpeech and Mini LibriSpeech: fetch, find, pair audio with transcripts, count, write cuts.

Layout: `LibriSpeech/<part>/<speaker>/<chapter>/<speaker>-<chapter>-NNNN.flac`, with the transcripts
of a chapter in `<speaker>-<chapter>.trans.txt` beside them, a line an utterance: its id, its text.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from lhotse.cut import Cut, MonoCut

from asr.errors import ConfigError, DataError
from asr.recipes.archive import DONE_NAME, extract
from asr.recipes.base import ManifestSummary, PrepareOptions, PrepareReport, refuse_unused
from asr.recipes.download import fetch
from asr.recipes.librispeech_parts import MINI, PARTS, urls_of
from asr.recipes.manifests import make_cut, read_headers, speaker_of, write_manifest
from asr.recipes.problems import counted
from asr.recipes.rows import unlike_published
from asr.recipes.trans_txt import find_utterances, read_text

TOP = "LibriSpeech"
LISTS = ("train", "dev", "test")  # NAME.ids beside the parts: a split of one's own


class _Part(NamedTuple):
    """What was found of one part."""

    name: str
    cuts: list[MonoCut]
    problems: list[str]


def prepare(options: PrepareOptions) -> PrepareReport:
    """Returns the report on PART.jsonl.gz of each part, and on LIST.jsonl.gz of each list of ids.

    Raises:
        ConfigError: an option means nothing here, or a part is unknown.
        DataError: a part is missing, damaged, or complete but not as published; a list of ids does
            not fit; or a file cannot be fetched, read or written.
    """
    refuse_unused("librispeech", options, takes=("corpus", "download", "parts"))
    root = _root(options)
    names = _wanted(root, options)
    if options.download:
        _download(root, names, options)
    parts = []
    notices = []
    for name in names:
        part = read_part(root / name)
        options.say(f"{name}: {len(part.cuts)} utterances")
        notices += _judge(root / name, part)
        parts.append(part)
    cuts = [cut for part in parts for cut in part.cuts]
    lists, list_notices = _read_lists(root, cuts)
    manifests = [
        _write(options.out, name, content)
        for name, content in [*((part.name, part.cuts) for part in parts), *lists.items()]
    ]
    return PrepareReport(manifests, notices + list_notices)


def _write(out: Path, name: str, cuts: Sequence[Cut]) -> ManifestSummary:
    return write_manifest(out / f"{name}.jsonl.gz", cuts)


def _root(options: PrepareOptions) -> Path:
    """Returns the folder that holds the parts, or will."""
    corpus = options.corpus
    if corpus is None:
        if not options.download:
            raise ConfigError(
                f"librispeech: corpus is not set; give --corpus DIR, the folder that holds {TOP}/, "
                "or --download"
            )
        corpus = options.out / "corpus"
    if not corpus.is_dir() and not options.download:
        raise DataError(f"{corpus}: no such folder (give --corpus the folder that holds {TOP}/)")
    return corpus if corpus.name == TOP or _has_parts(corpus) else corpus / TOP


def _has_parts(folder: Path) -> bool:
    return any((folder / name).is_dir() for name in PARTS)


def _wanted(root: Path, options: PrepareOptions) -> tuple[str, ...]:
    """Returns the names of the parts to prepare."""
    if not options.parts:
        if options.download:
            return MINI
        found = tuple(name for name in PARTS if (root / name).is_dir())
        if not found:
            raise DataError(
                f"{root}: holds no part of LibriSpeech; known parts: {', '.join(PARTS)} "
                "(check --corpus, or name a folder of your own with --part)"
            )
        return found
    for name in options.parts:
        if options.download and name not in PARTS:
            raise ConfigError(f"librispeech: no part {name}; known: {', '.join(PARTS)}")
        if not options.download and not (root / name).is_dir():
            raise DataError(
                f"{root}: holds no part {name} (give --download to fetch it; known parts: "
                f"{', '.join(PARTS)})"
            )
    return tuple(dict.fromkeys(options.parts))


def _download(root: Path, names: Iterable[str], options: PrepareOptions) -> None:
    """Fetches and unpacks the parts that are not there."""
    for name in names:
        if (root / name).is_dir():
            options.say(f"{name}: is there already")
            continue
        part = PARTS[name]
        archive = fetch(
            urls_of(name),
            root.parent / f"{name}.tar.gz",
            size=part.size,
            md5=part.md5,
            say=options.say,
        )
        extract(archive, root / name, options.say, max_bytes=2 * part.size, inside=f"{TOP}/{name}")


def read_part(folder: Path) -> _Part:
    """Returns the utterances of a part in the order of their ids, and what does not fit together.

    Raises:
        DataError: a transcript or an audio file cannot be read, or an utterance has two.
    """
    texts, audio, bad_lines = find_utterances(folder, joint="-")
    if bad_lines:
        raise DataError(f"{bad_lines[0][1]} (mend it or fetch the part again)")
    paired = sorted(texts.keys() & audio.keys())
    headers = read_headers(audio[utterance_id] for utterance_id in paired)
    cuts = [
        make_cut(
            utterance_id,
            header,
            text=texts[utterance_id].text,
            speaker=utterance_id.split("-")[0],
            language="en",
        )
        for utterance_id, header in zip(paired, headers, strict=True)
    ]
    problems = [
        f"{counted(ids, 'utterance')} {rule}"
        for ids, rule in (
            (sorted(texts.keys() - audio.keys()), "without audio, left out"),
            (sorted(audio.keys() - texts.keys()), "without a transcript, left out"),
        )
        if ids
    ]
    return _Part(folder.name, cuts, problems)


def _judge(folder: Path, part: _Part) -> list[str]:
    """Returns what differs from what is published, as notices.

    Raises:
        DataError: something differs although the part is complete: it was unpacked by this recipe,
            or holds every speaker.
    """
    published = PARTS.get(part.name)
    if published is None:
        unknown = "no counts are published for this name, so none were compared"
        return [f"{part.name}: {problem}" for problem in [*part.problems, unknown]]
    counts = (
        ("utterances", len(part.cuts), published.num_utterances),
        ("words", sum(len(c.supervisions[0].text.split()) for c in part.cuts), published.num_words),
        ("speakers", len({speaker_of(cut) for cut in part.cuts}), published.num_speakers),
    )
    problems = part.problems + unlike_published(counts)
    has_all_speakers = counts[2][1] == published.num_speakers
    complete = published.firm and ((folder / DONE_NAME).exists() or has_all_speakers)
    if problems and complete:
        raise DataError(
            f"{folder}: {'; '.join(problems)} (fetch the part again, or if you mean to use a piece "
            "of it, give its folder a name of your own and name that with --part)"
        )
    return [f"{part.name}: {problem}" for problem in problems]


def _read_lists(root: Path, cuts: Sequence[MonoCut]) -> tuple[dict[str, list[MonoCut]], list[str]]:
    """Returns the utterances of each list of ids beside the parts, and a notice on the rest."""
    by_id = {cut.id: cut for cut in cuts}
    lists: dict[str, list[MonoCut]] = {}
    list_of_speaker: dict[str, str] = {}
    for name in LISTS:
        path = root / f"{name}.ids"
        if not path.exists():
            continue
        ids = _read_ids(path)
        unknown = [utterance_id for utterance_id in ids if utterance_id not in by_id]
        if unknown:
            raise DataError(
                f"{path}: {counted(unknown, 'utterance')} not in the parts prepared (prepare all "
                "the parts that it draws on, or mend the list)"
            )
        lists[name] = [by_id[utterance_id] for utterance_id in ids]
        for cut in lists[name]:
            other = list_of_speaker.setdefault(speaker_of(cut), name)
            if other != name:
                raise DataError(
                    f'{path}: speaker "{speaker_of(cut)}" is in {other}.ids too; a speaker must '
                    "be in one list (mend the lists)"
                )
    num_listed = sum(map(len, lists.values()))
    notices = []
    if lists and num_listed < len(cuts):
        notices.append(f"{len(cuts) - num_listed} utterances are in none of the lists of ids")
    return lists, notices


def _read_ids(path: Path) -> list[str]:
    """Returns the ids in a list, of which none comes twice."""
    ids = read_text(path).split()
    seen: set[str] = set()
    for utterance_id in ids:
        if utterance_id in seen:
            raise DataError(f'{path}: utterance "{utterance_id}" comes twice (mend the list)')
        seen.add(utterance_id)
    return ids
