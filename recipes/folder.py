"""A folder of one's own recordings, in the layouts that people have.

Looked for in this order: a Kaldi data directory (wav.scp, text; segments and utt2spk if they are
there); tables (.csv, .tsv, .jsonl, .json; one for each split if they are named train, dev and
test); audio files with a .txt of the same name beside each. Columns are found by name, see
`COLUMNS`. A folder without splits is divided into train, dev and test by speakers, or where there
are few of them by sentences, so that no sentence of one split is in another.
"""

import itertools
import random
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lhotse.cut import MonoCut

from asr.errors import ConfigError, DataError
from recipes.base import PrepareOptions, PrepareReport, refuse_unused
from recipes.folder_layouts import Row, read_rows
from recipes.manifests import (
    HEADER_THREADS,
    AudioHeader,
    clean_text,
    make_cut,
    read_any_header,
    write_manifest,
)
from recipes.problems import judge

HELD_OUT = 0.1  # share of the utterances that go to dev, and to test
MOST_HELD_OUT = 500  # utterances
FEW_SPEAKERS = 10  # fewer are not held out: the split is by sentences
FASTEST = 40.0  # characters a second; nobody speaks faster
Problem = tuple[Row, str]


def prepare(options: PrepareOptions) -> PrepareReport:
    """Return the report on train, dev and test .jsonl.gz of a folder.

    Raises:
        ConfigError: no folder is given, or an option means nothing here.
        DataError: the folder's layout is not known, or an utterance cannot be used and is not to
            be skipped; all problems are in OUT/problems.txt.
    """
    refuse_unused("folder", options, takes=("corpus", "language", "bad"))
    if options.corpus is None:
        raise ConfigError("folder: corpus is not set; give --corpus DIR with your recordings")
    if not options.corpus.is_dir():
        raise DataError(f"{options.corpus}: no such folder (give --corpus your recordings)")
    layout, splits = read_rows(options.corpus)
    rows = [row for found in splits.values() for row in found]
    options.say(f"{options.corpus}: {layout}, {len(rows)} utterances")
    headers, problems = _headers(rows)
    problems += find_problems(rows, headers)
    notices = judge([f"{row.where}: {what}" for row, what in problems], len(rows), options)
    bad = {id(row) for row, _ in problems}
    cuts = {
        split: [
            _cut(row, headers[row.audio], options.language) for row in found if id(row) not in bad
        ]
        for split, found in splits.items()
    }
    if len(cuts) == 1:
        (whole,) = cuts.values()
        cuts = divide(whole, options.seed)
    stereo = sum(header.num_channels > 1 for header in headers.values())
    if stereo:
        notices.append(f"{stereo} files have several channels; the first one is used")
    return PrepareReport(
        [write_manifest(options.out / f"{name}.jsonl.gz", found) for name, found in cuts.items()],
        notices,
    )


def find_problems(rows: Sequence[Row], headers: dict[Path, AudioHeader]) -> list[Problem]:
    """Return what is wrong with rows whose audio can be read."""
    problems: list[Problem] = []
    first: dict[str, Row] = {}
    spans: dict[Path, list[tuple[float, float, Row]]] = defaultdict(list)
    for row in rows:
        if row.audio not in headers:
            continue
        if row.name in first:
            problems.append((row, f'id "{row.name}" was used in {first[row.name].where}'))
            continue
        first[row.name] = row
        start, end = _span(row, headers[row.audio])
        length = len(clean_text(row.text).replace(" ", ""))
        if length == 0:
            problems.append((row, "the transcript is empty"))
        elif not 0 <= start < end <= headers[row.audio].seconds + 0.01:
            seconds = headers[row.audio].seconds
            problems.append((row, f"{start:g} to {end:g} s is not within the {seconds:.2f} s"))
        elif length > FASTEST * (end - start):
            problems.append((row, f"{length} characters in {end - start:.2f} s of audio"))
        else:
            spans[row.audio].append((start, end, row))
    for found in spans.values():
        found.sort(key=lambda span: span[:2])
        for (_, end, one), (start, _, other) in itertools.pairwise(found):
            if start < end - 0.01:
                problems.append((other, f"overlaps with {one.where} in {other.audio.name}"))
    return problems


def divide(cuts: Sequence[MonoCut], seed: int) -> dict[str, list[MonoCut]]:
    """Return train, dev and test, each speaker, or of few speakers each sentence, in one only.

    Raises:
        DataError: there are not three speakers or sentences.
    """
    speakers = {str(cut.supervisions[0].speaker) for cut in cuts}
    by_speaker = len(speakers) >= FEW_SPEAKERS
    groups: dict[str, list[MonoCut]] = defaultdict(list)
    for cut in cuts:
        spoken = cut.supervisions[0]
        groups[str(spoken.speaker if by_speaker else spoken.text)].append(cut)
    if len(groups) < 3:
        raise DataError(
            f"folder: {len(groups)} different sentences; must be at least 3, one each for train, "
            "dev and test (add recordings)"
        )
    names = sorted(groups)
    random.Random(f"folder {seed}").shuffle(names)
    names.sort(key=lambda name: len(groups[name]), reverse=True)
    wanted = min(MOST_HELD_OUT, max(1, round(HELD_OUT * len(cuts))))
    splits: dict[str, list[MonoCut]] = {"train": [*groups[names[0]]], "dev": [], "test": []}
    for name in reversed(names[1:]):  # the smallest first, so that both come near what is wanted
        short = [split for split in ("test", "dev") if len(splits[split]) < wanted]
        splits[short[0] if short else "train"] += groups[name]
    return {name: sorted(found, key=lambda cut: cut.id) for name, found in splits.items()}


def _headers(rows: Sequence[Row]) -> tuple[dict[Path, AudioHeader], list[Problem]]:
    paths = list(dict.fromkeys(row.audio for row in rows))

    def read(path: Path) -> AudioHeader | str:
        try:
            return read_any_header(path)
        except DataError as error:
            return str(error)

    with ThreadPoolExecutor(HEADER_THREADS) as pool:
        found = dict(zip(paths, pool.map(read, paths), strict=True))
    problems = [(row, what) for row in rows if isinstance(what := found[row.audio], str)]
    return {p: h for p, h in found.items() if isinstance(h, AudioHeader)}, problems


def _span(row: Row, header: AudioHeader) -> tuple[float, float]:
    start = row.start or 0.0
    return start, header.seconds if row.end is None else row.end


def _cut(row: Row, header: AudioHeader, language: str) -> MonoCut:
    speaker = row.speaker or "unknown"
    cut = make_cut(row.name, header, text=row.text, speaker=speaker, language=language)
    if row.start is None and row.end is None:
        return cut
    start, end = _span(row, header)
    part = cut.truncate(offset=start, duration=min(end, header.seconds) - start, preserve_id=True)
    assert isinstance(part, MonoCut)
    return part
