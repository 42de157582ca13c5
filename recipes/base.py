"""What every recipe takes and gives back."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

from asr.errors import ConfigError, DataError
from asr.settings import Section, override_config

ARCHIVES = (".gz", ".tgz", ".zip", ".tar", ".bz2", ".xz", ".7z", ".rar", ".zst")
Settings = TypeVar("Settings", bound=Section)


def _say_nothing(_: str) -> None:
    """Takes a progress line and drops it."""


@dataclass(frozen=True)
class PrepareOptions:
    """What the user asked for.

    Attributes:
        corpus: folder of the corpus as published; None for a recipe that makes or downloads one.
        out: folder that the manifests are written to.
        download: fetch what is missing.
        language: of the speech, as an ISO 639-1 code; None: what the recipe takes it for.
        parts: names of the corpus's parts to prepare; empty means the recipe's default.
        seed: of everything that is drawn at random.
        num_utterances: training utterances to make; None means the recipe's default.
        bad: refuse or skip utterances that cannot be used.
        audio_column: of a table, where its name does not say that it holds the audio.
        text_column: of a table, likewise.
        settings: KEY=VALUE of the recipe's own model of settings, if it has one.
        say: called with each line of progress.
    """

    corpus: Path | None
    out: Path
    download: bool = False
    language: str | None = None
    parts: tuple[str, ...] = ()
    seed: int = 0
    num_utterances: int | None = None
    bad: str = "refuse"
    audio_column: str | None = None
    text_column: str | None = None
    settings: tuple[str, ...] = ()
    say: Callable[[str], None] = _say_nothing

    def __post_init__(self) -> None:
        if self.bad not in ("refuse", "skip"):
            raise ConfigError(f'--bad "{self.bad}": must be refuse or skip')
        if self.corpus is not None and os.path.isfile(self.corpus):
            raise ConfigError(
                f"--corpus {self.corpus}: is a file; must be a folder ({_folder_of(self.corpus)})"
            )


def _folder_of(file: Path) -> str:
    """Returns what to do about a file that is given for a folder."""
    if file.suffix.lower() in ARCHIVES:
        return "unpack it, and give the folder that it makes"
    return f"give the one that holds it: --corpus {file.parent}"


class ManifestSummary(NamedTuple):
    """One manifest that was written, and what is in it."""

    path: Path
    num_utterances: int
    num_words: int
    seconds: float
    num_speakers: int  # that are named

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.name.removesuffix(".jsonl.gz")


@dataclass(frozen=True)
class PrepareReport:
    """What a recipe wrote, and what the user should know about it.

    Attributes:
        manifests: in the order written.
        notices: one sentence each, such as a count that differs from the published one.
    """

    manifests: list[ManifestSummary]
    notices: list[str] = field(default_factory=list)

    def describe(self) -> list[str]:
        """Returns lines for a person: one a manifest, then the notices."""
        lines = [
            f"{row.path}: {row.num_utterances:,} utterances, {row.num_words:,} words, "
            f"{row.seconds / 3600:.2f} h, "
            + (f"{row.num_speakers} speakers" if row.num_speakers else "speakers not named")
            for row in self.manifests
        ]
        return lines + [f"notice: {notice}" for notice in self.notices]


@dataclass(frozen=True)
class Recipe:
    """A corpus that `asr prepare` knows.

    Attributes:
        name: as given on the command line.
        summary: one line for the list of recipes.
        prepare: writes the manifests.
    """

    name: str
    summary: str
    prepare: Callable[[PrepareOptions], PrepareReport]


def refuse_unused(recipe: str, options: PrepareOptions, *, takes: tuple[str, ...]) -> None:
    """Returns None if every option that was set means something to the recipe.

    Args:
        recipe: its name.
        options: what the user asked for.
        takes: which of `corpus`, `download`, `parts`, `num_utterances`, `language`, `bad`,
            `audio_column`, `text_column` and `settings` it reads; a recipe that does not read
            `language` is in one language.

    Raises:
        ConfigError: an option is set that the recipe does not take.
    """
    asked = {
        "corpus": options.corpus is not None,
        "download": options.download,
        "parts": bool(options.parts),
        "num_utterances": options.num_utterances is not None,
        "language": options.language not in (None, "en"),
        "bad": options.bad != "refuse",
        "audio_column": options.audio_column is not None,
        "text_column": options.text_column is not None,
        "settings": bool(options.settings),
    }
    for name, is_set in asked.items():
        if is_set and name not in takes:
            value = getattr(options, name)
            shown = " ".join(value) if isinstance(value, tuple) else value
            option = {"parts": "part", "settings": "set"}.get(name, name.replace("_", "-"))
            raise ConfigError(
                f"recipe {recipe}: {name} is set to {shown}, which this recipe does not take "
                f"(leave --{option} out)"
            )


def read_own_settings(kind: type[Settings], options: PrepareOptions) -> Settings:
    """Returns a recipe's own settings: the defaults, with the user's KEY=VALUE over them.

    Raises:
        ConfigError: a key, type or value is not allowed.
    """
    return override_config(kind(), options.settings)


def corpus_folder(
    recipe: str, options: PrepareOptions, *, inside: tuple[str, ...], how: str
) -> Path:
    """Returns the folder of a corpus that is not downloaded: --corpus, or a folder in it.

    Args:
        recipe: its name.
        options: what the user asked for.
        inside: names that the corpus's own folder may have within --corpus.
        how: to get the corpus, as a command to the user.

    Raises:
        ConfigError: no folder is given.
        DataError: it is not there, or is to be downloaded.
    """
    if options.download:
        raise DataError(
            f"{recipe}: is not downloaded, for want of an open address with a published checksum "
            f"({how}, and give its folder with --corpus)"
        )
    if options.corpus is None:
        raise ConfigError(f"{recipe}: corpus is not set; give --corpus DIR ({how})")
    if not options.corpus.is_dir():
        raise DataError(f"{options.corpus}: no such folder (give --corpus the corpus: {how})")
    found = (folder for name in inside if (folder := options.corpus / name).is_dir())
    return next(found, options.corpus)
