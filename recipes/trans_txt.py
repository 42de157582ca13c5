"""Audio files with their transcripts in one file beside them, as LibriSpeech began it.

Layout: `<a>/<b>/<chapter><joint>NNNN.flac`, with the transcripts in `<a>/<b>/<chapter>.trans.txt`,
a line an utterance: its id, a space, its text. Blank lines and a byte order mark are nothing.
"""

from pathlib import Path
from typing import NamedTuple

import soundfile

from asr.audio.kinds import visible_glob
from asr.errors import DataError

TRANSCRIPT_ENDING = ".trans.txt"
AUDIO_ENDINGS = frozenset(f".{name.lower()}" for name in soundfile.available_formats()) - {
    ".raw"
} | {
    ".opus",
    ".oga",
    ".aif",
}
SHOWN = 40  # characters of a bad line


class Transcript(NamedTuple):
    """What was said, and where that is written."""

    text: str
    where: str  # "PATH line N"


class Utterances(NamedTuple):
    """What lies in the folders of a part.

    Attributes:
        texts: id -> transcript.
        audio: id -> file.
        bad_lines: of each line of a transcript that cannot be read as one, its first word, which
            may be an id, and a sentence on it.
    """

    texts: dict[str, Transcript]
    audio: dict[str, Path]
    bad_lines: list[tuple[str, str]]


def find_utterances(folder: Path, *, joint: str) -> Utterances:
    """Returns the transcripts and the audio files of a part, by id.

    Args:
        folder: of the part.
        joint: what stands in an id between its chapter and its number.

    Raises:
        DataError: a transcript is not UTF-8, or an utterance has two audio files.
    """
    found = Utterances({}, {}, [])
    for path in visible_glob(folder, "*/*/*"):
        if path.name.endswith(TRANSCRIPT_ENDING):
            _read_transcript(path, found, joint)
        elif path.suffix.lower() in AUDIO_ENDINGS:
            if path.stem in found.audio:
                raise DataError(
                    f'{path}: utterance "{path.stem}" has other audio, '
                    f"{found.audio[path.stem].name}; must have one file (delete the other)"
                )
            found.audio[path.stem] = path
    return found


def read_text(path: Path) -> str:
    """Returns the text of a file.

    Raises:
        DataError: it cannot be read as UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}: not readable as UTF-8 text: {error} (mend it or fetch it again)"
        ) from error


def _read_transcript(path: Path, found: Utterances, joint: str) -> None:
    """Adds the texts of one chapter."""
    chapter = path.name.removesuffix(TRANSCRIPT_ENDING)
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        where = f"{path} line {number}"
        utterance_id, text = (*line.split(maxsplit=1), "")[:2]
        problem = None
        if not utterance_id.startswith(f"{chapter}{joint}") or not text:
            problem = f'"{line[:SHOWN]}"; must be an id of chapter {chapter}, a space and its text'
        elif utterance_id in found.texts:
            problem = f'utterance "{utterance_id}" comes twice'
        if problem is None:
            found.texts[utterance_id] = Transcript(text, where)
        else:
            found.bad_lines.append((utterance_id, f"{where}: {problem}"))
