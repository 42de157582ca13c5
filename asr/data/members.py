"""The members of a shard's archive: the audio of its utterances, each at its place in a tar.

As lhotse writes them, an audio file `ID.flac` is followed by `ID.json`, its recording; where a cut
has none, both are empty and called `ID.nodata` and `ID.nometa`.
"""

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from lhotse.audio import AudioSource

from asr.errors import DataError, in_short

HEADER_BYTES = 512  # before each member of a tar
SIZE = slice(124, 135)  # of the member, within its header, in octal digits
WRITE_AGAIN = "copy it again, or write the shards again"


class Member(NamedTuple):
    """Where the audio of an utterance lies."""

    archive: Path
    name: str  # the utterance's id and a suffix
    start: int  # in bytes from the archive's begin
    size: int  # in bytes

    def __str__(self) -> str:
        return f"{self.archive}: {self.name or f'audio at byte {self.start}'}"

    def read(self) -> bytes:
        """Returns its bytes, and reads no others.

        Raises:
            DataError: the archive ends before, or cannot be read.
        """
        try:
            with open(self.archive, "rb") as file:
                file.seek(self.start - HEADER_BYTES)
                header, content = file.read(HEADER_BYTES), file.read(self.size)
        except OSError as error:
            raise DataError(f"{self}: cannot be read ({error.strerror or error})") from None
        if len(content) < self.size:
            raise DataError(f"{self}: the archive is cut short there ({WRITE_AGAIN})")
        if header[SIZE] != b"%011o" % self.size:
            raise DataError(f"{self}: the archive is another than before ({WRITE_AGAIN})")
        return content


NOTHING = Member(Path(), "", 0, 0)


@dataclass
class MemberSource(AudioSource):  # type: ignore[misc]
    """A source of audio that is a member of an archive; its `source` is the archive's path."""

    member: Member = NOTHING


def read_members(archive: Path) -> Iterator[tuple[Member, dict[str, Any]]]:
    """Yields each audio of an archive, and what the archive says of its recording.

    Only headers and recordings are read.

    Raises:
        DataError: the archive cannot be read, is cut short, or is not as lhotse writes them.
    """
    try:
        with tarfile.open(archive, "r:") as tar:
            members = iter(tar)
            for audio in members:
                about = next(members, None)
                if about is None:
                    raise DataError(
                        f'{archive}: audio "{audio.name}" has no recording behind it, so the '
                        f"archive is cut short ({WRITE_AGAIN})"
                    )
                said = tar.extractfile(about)
                content = said.read() if said else b""
                recording = json.loads(content) if content else {}
                if utterance_of(about.name) != utterance_of(audio.name) or not (
                    isinstance(recording, dict)
                ):
                    raise DataError(
                        f'{archive}: "{about.name}" stands behind "{audio.name}"; must be its '
                        "recording, as lhotse writes Shar (write the shards again)"
                    )
                yield Member(archive, audio.name, audio.offset_data, audio.size), recording
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise DataError(
            f"{archive}: cut short or damaged ({in_short(error)}); {WRITE_AGAIN}"
        ) from None
    except OSError as error:
        raise DataError(f"{archive}: cannot be read ({error.strerror or error})") from None


def utterance_of(name: str) -> str:
    """Returns the id of the utterance that a member's name tells: all but the suffix."""
    path = PurePosixPath(name)
    return str(path.parent / path.stem)
