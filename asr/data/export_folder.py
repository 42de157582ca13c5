"""The folder that an export makes: its audio, its report, and what a cut says of itself."""

import re
import shutil
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from asr.data.cut_audio import load_channels
from asr.data.exact import Channels
from asr.data.manifest import Cut, cut_text
from asr.text.normalizers import get_normalizer

FILES_A_FOLDER = 1000  # of audio, and utterances a shard
_NO_FILE_NAME = re.compile(r'[/\\:*?"<>|\x00-\x1f]')


@dataclass
class ExportReport:
    """What was written.

    Attributes:
        num_utterances: all of the manifest.
        seconds: of all of them.
        num_named: utterances whose audio stays where it is.
        num_copied: whole files that were copied.
        num_written: utterances whose samples were written.
        notices: what the user should know, one sentence each.
    """

    num_utterances: int = 0
    seconds: float = 0.0
    num_named: int = 0
    num_copied: int = 0
    num_written: int = 0
    notices: list[str] = field(default_factory=list)

    def describe_audio(self) -> str:
        """Returns where the audio is, for a person."""
        ways = {
            "named where it is": self.num_named,
            "copied": self.num_copied,
            "written anew": self.num_written,
        }
        return "audio: " + ", ".join(f"{count:,} {way}" for way, count in ways.items() if count)


class Place:
    """The folder under way, and the audio in it.

    Args:
        folder: where it is made.
        final: what it will be called.
        report: counts what is done with audio.
    """

    def __init__(self, folder: Path, final: Path, report: ExportReport) -> None:
        self.folder, self.final, self.report = folder, final, report
        self._num_files = 0
        self._names: set[str] = set()

    def add_audio(self, cut: Cut, content: bytes | Path, suffix: str) -> Path:
        """Returns the path within the folder at which audio was put: bytes, or a copied file."""
        path = self.folder / self._new_path(cut, suffix)
        if isinstance(content, Path):
            shutil.copyfile(content, path)
            self.report.num_copied += 1
        else:
            path.write_bytes(content)
            self.report.num_written += 1
        return path.relative_to(self.folder)

    def _new_path(self, cut: Cut, suffix: str) -> Path:
        part = Path("audio") / f"{self._num_files // FILES_A_FOLDER:04d}"
        if self._num_files % FILES_A_FOLDER == 0:
            (self.folder / part).mkdir(parents=True)
            self._names.clear()
        self._num_files += 1
        name = _NO_FILE_NAME.sub("_", unicodedata.normalize("NFC", cut.id)).strip(" .")[:80]
        if not name or name.casefold() in self._names:
            name += f"-{self._num_files}"
        self._names.add(name.casefold())
        return part / (name + suffix)


def plain_text(cut: Cut) -> str:
    """Returns the transcript of a cut, composed, its spaces single."""
    return cut_text(cut, get_normalizer("none").apply)


def first_speaker(cut: Cut) -> str | None:
    """Returns the first speaker that a cut names, if it names one."""
    return next((item.speaker for item in cut.supervisions if item.speaker), None)


def first_language(cut: Cut) -> str | None:
    """Returns the first language that a cut names, if it names one."""
    return next((item.language for item in cut.supervisions if item.language), None)


def mono(cut: Cut) -> Channels:
    """Returns the samples (1, N) of a cut, several channels as their mean, as in training."""
    return load_channels(cut).mean(axis=0, keepdims=True)
