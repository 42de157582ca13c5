"""Zeroth-Korean (OpenSLR 40): fetch, pair audio with transcripts, count, hold out, write cuts.

Layout, without a folder around it: `AUDIO_INFO` (a line a speaker: number|name|sex|script|set),
`{train,test}_data_01/<script>/<speaker>/<speaker>_<script>_NNNN.flac` with their transcripts in
`<speaker>_<script>.trans.txt` beside them, and language models in ARPA format.

The corpus has no development set. Its 105 speakers read 3,000 sentences, each sentence about seven
times, so utterances drawn at random would share both speaker and sentence with training. Here dev
is about 220 utterances of 5 speakers, chosen as `recipes/held_out.py` says, and none of their
speakers or sentences is in train. What that costs: the 5 speakers' other utterances (about 840 of
1,060), and the other readings of the held-out sentences. Simulated with 212 sentences a speaker,
train keeps 92.5 % of the 22,263 utterances if each speaker drew sentences at random, and 90 % if
speakers read the same 212 in groups of seven or eight. The rest is in left-out.jsonl.gz.

Each test utterance says whether its sentence is in train: `seen_in_training` in the `custom` field
of its supervision, and test-seen.jsonl.gz and test-unseen.jsonl.gz beside test.jsonl.gz.
"""

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from lhotse.cut import MonoCut
from pydantic import Field

from asr.errors import ConfigError, DataError
from asr.recipes.base import PrepareOptions, PrepareReport, read_own_settings, refuse_unused
from asr.recipes.download import extract, fetch, md5_of
from asr.recipes.held_out import hold_out, sentence_of
from asr.recipes.manifests import speaker_of, write_manifest
from asr.recipes.problems import judge, shown
from asr.recipes.rows import unlike_published
from asr.recipes.zeroth_korean_sets import (
    SPEAKERS_FILE,
    keep_unshared,
    read_genders,
    read_set,
)
from asr.settings import Section

NAME = "zeroth_korean"
ARCHIVE = f"{NAME}.tar.gz"
URLS = (
    f"https://www.openslr.org/resources/40/{ARCHIVE}",
    f"https://openslr.magicdatatech.com/resources/40/{ARCHIVE}",
    f"https://openslr.trmal.net/resources/40/{ARCHIVE}",
    f"https://storage.googleapis.com/zeroth_project/{ARCHIVE}",
)
SIZE = 10_339_720_618
LANGUAGE_MODELS = "zeroth.lm.*.arpa.gz"
DEV_SPEAKERS = 1 / 21  # of the training speakers: 5 of 105
DEV_UTTERANCES = 0.01  # of the training utterances: some 220
_HANGUL = re.compile(r"[가-힣 ]+")


class ZerothSettings(Section):
    """Where the archive comes from; the defaults are the published one."""

    url: str | None = None  # the one address it is fetched from; null: the publisher's and mirrors
    size: int = Field(SIZE, ge=1)  # of the archive, in bytes
    # From a third party only: the publisher names none. So another one is a notice.
    md5: str = "8e0a4268bb8e80db3773c331025ef1e2"


class Published(NamedTuple):
    """One set of the corpus as published.

    Attributes:
        folder: its name.
        num_utterances: from the publisher, as the next.
        num_speakers: with all of them the set is taken to be complete.
        num_words: split at spaces, as in published error rates; None where none is known.
        num_syllables: characters but spaces. Of the test set 25,472 characters are published with
            its 457 utterances and 6,641 words, so with 6,184 spaces.
    """

    folder: str
    num_utterances: int
    num_speakers: int
    num_words: int | None = None
    num_syllables: int | None = None


SETS = {
    "train": Published("train_data_01", 22_263, 105),
    "test": Published("test_data_01", 457, 10, num_words=6641, num_syllables=19_288),
}


def prepare(options: PrepareOptions) -> PrepareReport:
    """Returns the report on train, dev, left-out, test, test-seen and test-unseen .jsonl.gz.

    Raises:
        ConfigError: an option means nothing here.
        DataError: the corpus is missing, damaged, or complete but not as published; an utterance
            cannot be used and is not to be skipped; or a file cannot be fetched, read or written.
    """
    refuse_unused(NAME, options, takes=("corpus", "download", "bad", "settings"))
    own = read_own_settings(ZerothSettings, options)
    if options.settings and not options.download:
        raise ConfigError(f"{NAME}: --set says where to fetch from; give --download with it")
    root = _root(options)
    notices = _download(root, own, options) if options.download else []
    genders = read_genders(root)
    cuts, problems = {}, []
    for name, published in SETS.items():
        cuts[name], bad = read_set(root / published.folder, genders)
        options.say(f"{name}: {len(cuts[name])} utterances")
        problems += bad
    cuts["test"], bad = keep_unshared(cuts["train"], cuts["test"])
    problems += bad
    skipped = judge(problems, sum(map(len, cuts.values())) + len(problems), options)
    notices += skipped
    for name, found in cuts.items():
        notices += _compare(root, SETS[name], found, is_whole=not skipped)
    both = set(map(speaker_of, cuts["train"])) & set(map(speaker_of, cuts["test"]))
    if both:
        notices.append(f"{len(both)} speakers ({_listed(both)}) are in train and in test")
    notices += _remarks(root, genders, [*cuts["train"], *cuts["test"]])
    return _write(divide(cuts["train"], cuts["test"]), notices, options.out)


def divide(train: Sequence[MonoCut], test: Sequence[MonoCut]) -> dict[str, list[MonoCut]]:
    """Returns all manifests by name; the cuts of test are marked in place.

    Raises:
        DataError: nothing is left to train on.
    """
    test_sentences = {sentence_of(cut) for cut in test}
    split = hold_out(
        train,
        num_speakers=max(1, round(DEV_SPEAKERS * len({speaker_of(cut) for cut in train}))),
        num_utterances=max(1, round(DEV_UTTERANCES * len(train))),
        last=test_sentences,  # so that the dev set, by which all is chosen, holds none of them
    )
    trained = {sentence_of(cut) for cut in split.train}
    seen: dict[bool, list[MonoCut]] = {True: [], False: []}
    for cut in test:
        is_seen = sentence_of(cut) in trained
        cut.supervisions[0].custom = {"seen_in_training": is_seen}
        seen[is_seen].append(cut)
    return {
        "train": split.train,
        "dev": split.dev,
        "left-out": split.left_out,
        "test": list(test),
        "test-seen": seen[True],
        "test-unseen": seen[False],
    }


def _write(splits: dict[str, list[MonoCut]], notices: list[str], out: Path) -> PrepareReport:
    """Returns the report; an empty split has no manifest, which is said.

    Raises:
        DataError: train, dev or test is empty; then nothing is written.
    """
    for name in ("train", "dev", "test"):
        if not splits[name]:
            raise DataError(
                f"{name}: no utterance; must have at least one, so nothing is written (unpack "
                f"{ARCHIVE} again)"
            )
    manifests = []
    for name, cuts in splits.items():
        path = out / f"{name}.jsonl.gz"
        if cuts:
            manifests.append(write_manifest(path, cuts))
        else:
            path.unlink(missing_ok=True)  # of another run
            notices.append(f"{name}: no utterance, so {path.name} is not written")
    count = len(splits["left-out"])
    notices.append(
        f"{count} utterances are neither in train nor in dev: their speaker or their sentence is "
        "held out"
    )
    shared = {sentence_of(cut) for cut in splits["dev"]} & set(map(sentence_of, splits["test"]))
    if shared:
        notices.append(f"{len(shared)} sentences of dev are in test too: too few others were there")
    return PrepareReport(manifests, notices)


def _root(options: PrepareOptions) -> Path:
    """Returns the folder that holds the two sets, or will."""
    corpus = options.corpus
    if corpus is None:
        if not options.download:
            raise ConfigError(
                f"{NAME}: corpus is not set; give --corpus DIR, the folder that holds "
                f"{SETS['train'].folder}/, or --download"
            )
        corpus = options.out / "corpus"
    root = max((corpus / NAME, corpus), key=lambda folder: len(_sets_in(folder)))
    here = _sets_in(root)
    missing = [published.folder for published in SETS.values() if published.folder not in here]
    if here and missing:
        raise DataError(
            f"{root}: holds {here[0]} but no {missing[0]} (unpack {ARCHIVE} there again; or delete "
            f"{root if root.name == NAME else root / here[0]} and give --download)"
        )
    if missing and not options.download:
        raise DataError(
            f"{corpus}: holds no folder {missing[0]} (check --corpus, or give --download to fetch "
            "the corpus)"
        )
    if missing and root.is_dir():
        raise DataError(f"{root}: holds no folder {missing[0]} (delete it and run again)")
    return root


def _sets_in(folder: Path) -> list[str]:
    return [name.folder for name in SETS.values() if (folder / name.folder).is_dir()]


def _download(root: Path, own: ZerothSettings, options: PrepareOptions) -> list[str]:
    """Returns a notice if the archive's checksum is another; fetches what is not there."""
    if root.is_dir():
        options.say(f"{root} is there already")
        return []
    urls = URLS if own.url is None else (own.url,)
    archive = fetch(urls, root.parent / ARCHIVE, size=own.size, md5=None, say=options.say)
    options.say(f"{ARCHIVE}: all {own.size} bytes are here; checking and unpacking")
    found = md5_of(archive)
    extract(archive, root, options.say, max_bytes=2 * own.size)
    if found == own.md5:
        return []
    warning = (
        f"{archive}: md5 is {found} where {own.md5} was expected; the publisher names none and the "
        "size is right, so it was unpacked all the same"
    )
    options.say(warning)
    return [warning]


def _compare(
    root: Path, published: Published, cuts: Sequence[MonoCut], *, is_whole: bool
) -> list[str]:
    """Returns what differs from what is published, as notices.

    Raises:
        DataError: something differs although every speaker is there and nothing was skipped.
    """
    texts = [str(cut.supervisions[0].text) for cut in cuts]
    counts = (
        ("speakers", len({speaker_of(cut) for cut in cuts}), published.num_speakers),
        ("utterances", len(cuts), published.num_utterances),
        ("words", sum(len(text.split()) for text in texts), published.num_words),
        ("syllables", sum(len(text.replace(" ", "")) for text in texts), published.num_syllables),
    )
    problems = unlike_published(counts)
    if problems and is_whole and counts[0][1] == published.num_speakers:
        raise DataError(
            f"{root / published.folder}: {'; '.join(problems)} (unpack the archive again; if you "
            "mean to use a piece of the corpus, leave a speaker out)"
        )
    return [f"{published.folder}: {problem}" for problem in problems]


def _remarks(root: Path, genders: dict[str, str], cuts: Sequence[MonoCut]) -> list[str]:
    """Returns what else the user should know of the corpus."""
    notices = []
    unknown = {speaker_of(cut) for cut in cuts} - genders.keys()
    if unknown:
        notices.append(
            f"{len(unknown)} speakers ({_listed(unknown)}) have no sex in {root / SPEAKERS_FILE}"
        )
    odd = [cut.id for cut in cuts if not _HANGUL.fullmatch(str(cut.supervisions[0].text))]
    if odd:
        notices.append(
            f"{len(odd)} transcripts ({_listed(odd)}) hold more than Hangul syllables and spaces"
        )
    models = sorted(path.name for path in root.glob(LANGUAGE_MODELS))
    if models:
        notices.append(
            f"language models for asr decode --lm, over morphemes: {', '.join(models)} in {root}"
        )
    return notices


def _listed(names: Collection[str]) -> str:
    return shown(sorted(names))
