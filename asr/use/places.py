"""Where transcripts go: below one folder, no two to one place, and none written over by another."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path

from asr.errors import DataError
from asr.files import writing

LONGEST_NAME = 255  # bytes, on nearly every disk
Say = Callable[[str], None]
WAY_OUT = "the output folder must be writable, with room left (choose another one)"


def distinct_places(
    places: Sequence[Path], names: Sequence[str], *, ending: str = ".txt", say: Say = lambda _: None
) -> list[Path]:
    """Returns places, in which recordings of one name but for the ending keep their endings.

    Args:
        places: below the output folder, without endings.
        names: of the recordings, for people and for their endings.
        ending: the longest that a transcript's file gets.
        say: called with which were given their endings.

    Raises:
        DataError: two recordings whose whole names are the same; a name that is too long for a
            transcript's.
    """
    found = list(places)
    for numbers in _groups([_key(place) for place in found]):
        if len(numbers) > 1:
            for number in numbers:
                ending = Path(names[number]).suffix
                ending = ending if ending[1:].isalnum() else ""  # what is no file has none
                found[number] = found[number].with_name(found[number].name + ending)
            if _are_distinct([found[number] for number in numbers]):
                say(
                    f"{found[numbers[0]].name} and others are called alike but for the ending: "
                    "their transcripts keep it"
                )
    for numbers in _groups([_key(place) for place in found]):
        if len(numbers) > 1:
            one, other = (names[number] for number in numbers[:2])
            raise DataError(
                f'{one} and {other}: both would be written to "{places[numbers[0]]}.*"; names must '
                "differ (rename one; or name the folder above both, and their folders are kept)"
            )
    for place, name in zip(found, names, strict=True):
        _check_length(f"{place.name}{ending}", name)
    return found


def check_folder(folder: Path) -> None:
    """Returns None where a folder, made if it is not there, takes files.

    Raises:
        DataError: it cannot be made or written to.
    """
    probe = folder / f".writable.{os.getpid()}"
    with writing(folder, DataError, way_out=WAY_OUT):
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()


def _check_length(file: str, name: str) -> None:
    length = len(os.fsencode(file))
    if length > LONGEST_NAME:
        raise DataError(
            f"{name}: its transcript's name would be {length} bytes long, and at most "
            f"{LONGEST_NAME} can be; give the recording a shorter name"
        )


def _key(place: Path) -> str:
    """Returns what is the same for names that some disks do not keep apart."""
    return unicodedata.normalize("NFC", str(place)).casefold()


def _are_distinct(places: Sequence[Path]) -> bool:
    return len({*map(_key, places)}) == len(places)


def _groups(keys: Sequence[Hashable]) -> list[list[int]]:
    """Returns the numbers of equal keys together, in order."""
    found: dict[Hashable, list[int]] = defaultdict(list)
    for number, key in enumerate(keys):
        found[key].append(number)
    return list(found.values())
