"""Which files of a folder are recordings, by their names, and which are passed over."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from asr.errors import DataError

READ = frozenset(
    (
        *(
            ".wav",
            ".wave",
            ".bwf",
            ".rf64",
            ".w64",
            ".flac",
            ".ogg",
            ".oga",
            ".opus",
            ".mp3",
            ".mp2",
        ),
        *(".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".sph", ".nist", ".wv1", ".wv2"),
    )
)
WITHOUT_HEADER = frozenset((".pcm", ".raw", ".sln", ".vox"))
NOT_READ = WITHOUT_HEADER | frozenset(
    (
        *(".m4a", ".m4b", ".m4r", ".m4p", ".m4v", ".mp4", ".aac", ".adts", ".alac", ".mov"),
        *(".3gp", ".3gpp", ".3g2", ".3ga", ".amr", ".awb", ".qcp", ".gsm", ".g722", ".g729"),
        *(".webm", ".weba", ".mka", ".mkv", ".ogv", ".ogx", ".spx", ".wma", ".wmv", ".asf"),
        *(".mp1", ".mpa", ".mpga", ".mpeg", ".mpg", ".mpc", ".ac3", ".eac3", ".dts"),
        *(".ape", ".wv", ".tta", ".tak", ".shn", ".dsf", ".dff", ".ra", ".rm", ".ram", ".avi"),
        *(".flv", ".f4a", ".dss", ".ds2", ".dvf", ".msv", ".voc"),
    )
)
READ_BY_AV = frozenset(  # through PyAV, where it is installed
    (
        *(".m4a", ".m4b", ".m4r", ".m4v", ".mp4", ".aac", ".adts", ".alac", ".mov", ".ts", ".mts"),
        *(".3gp", ".3gpp", ".3g2", ".3ga", ".amr", ".awb", ".webm", ".weba", ".mka", ".mkv"),
        *(".ogv", ".ogx", ".spx", ".wma", ".wmv", ".asf", ".mpeg", ".mpg", ".ac3", ".eac3"),
        *(".ape", ".wv", ".tta", ".tak", ".dsf", ".ra", ".rm", ".avi", ".flv", ".f4a", ".mpc"),
    )
)
GET_AV = "pip install 'asr-seq2seq[av]', or av alone; or convert it to wav"
LEFT_BY_SYSTEMS = frozenset(("__macosx", "thumbs.db", "desktop.ini", "$recycle.bin", "@eadir"))
MOST_NAMED = 20  # files in a notice


def is_hidden(path: Path) -> bool:
    """Returns whether a file or folder is one that systems and programs leave, by its own name."""
    return path.name.startswith((".", "~$")) or path.name.lower() in LEFT_BY_SYSTEMS


def kind_of(path: Path) -> str:
    """Returns the ending of a file's name, in small letters."""
    return path.suffix.lower()


def visible_entries(folder: Path) -> list[Path]:
    """Returns the files and folders in a folder, in order, hidden ones passed over.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return sorted(path for path in folder.iterdir() if not is_hidden(path))
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be read: {error.strerror or error} (chmod -R u+rX {folder})"
        ) from error


def visible_glob(folder: Path, pattern: str) -> list[Path]:
    """Returns the paths in a folder that match a pattern, in order, hidden ones passed over."""
    deep = pattern.count("/")
    found = folder.glob(pattern)
    return sorted(p for p in found if not any(map(is_hidden, (p, *[*p.parents][:deep]))))


def visible_files(folder: Path) -> list[Path]:
    """Returns the files in a folder and the folders in it, in order, hidden ones passed over.

    A link to a folder is followed, unless what it leads to is in the folder already.

    Raises:
        DataError: a folder cannot be read.
    """
    links: list[Path] = []
    seen: set[str] = set()
    found = [*_walk(folder, seen, links)]
    for link in links:
        if os.path.realpath(link) not in seen:
            found += _walk(link, seen, links)  # which may add to what is gone through here
    return sorted(found)


def _walk(folder: Path, seen: set[str], links: list[Path]) -> Iterator[Path]:
    """Yields the files of a folder; the links to folders are added to `links`."""
    seen.add(os.path.realpath(folder))
    for path in visible_entries(folder):
        if not path.is_dir():
            if path.is_file() or path.is_symlink():  # a link to nothing is a recording that is lost
                yield path
        elif path.is_symlink():
            links.append(path)
        else:
            yield from _walk(path, seen, links)


def recordings_in(folder: Path) -> Iterator[str]:
    """Yields the absolute paths of the recordings in a folder and the folders in it, in order."""
    for parent, folders, files in os.walk(os.path.abspath(folder)):
        folders[:] = sorted(name for name in folders if not is_hidden(Path(name)))
        for name in sorted(files):
            if os.path.splitext(name)[1].lower() in READ and name[0] not in ".~":
                yield f"{parent}{os.sep}{name}"


def said_not_read(paths: Sequence[Path], folder: Path) -> list[str]:
    """Returns notices on recordings of kinds that are not read: how many of each, and how to."""
    raw = [path for path in paths if kind_of(path) in WITHOUT_HEADER]
    other = [path for path in paths if kind_of(path) not in WITHOUT_HEADER]
    return [
        f"{len(found)} {what} ({_kinds(found)}; convert them: {how}): {_named(found, folder)}"
        for found, what, how in (
            (other, "files are of a kind that is not read", "ffmpeg -i FILE FILE.wav"),
            (
                raw,
                "files are samples without a header and are not read",
                "ffmpeg -f s16le -ar RATE -ac 1 -i FILE FILE.wav",
            ),
        )
        if found
    ]


def _kinds(paths: Sequence[Path]) -> str:
    counts = Counter(map(kind_of, paths))
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))


def _named(paths: Sequence[Path], folder: Path) -> str:
    names = [str(path.relative_to(folder)) for path in paths]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
