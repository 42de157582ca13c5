"""The parts of LibriSpeech and Mini LibriSpeech as published: archives, checksums, counts."""

from typing import NamedTuple

MIRRORS = (
    "https://www.openslr.org/resources",
    "https://us.openslr.org/resources",
    "https://openslr.elda.org/resources",
    "https://openslr.magicdatatech.com/resources",
)


class Part(NamedTuple):
    """One part of the corpus.

    Attributes:
        resource: its number at OpenSLR.
        size: of the archive, in bytes.
        md5: of the archive.
        num_utterances: None where no figure is published.
        num_speakers: None where no figure is published.
        num_words: in the transcripts; None where no figure is published.
        firm: whether the counts come from the publisher or agree in several published results;
            where they do not, a difference is never an error.
    """

    resource: int
    size: int
    md5: str
    num_utterances: int | None
    num_speakers: int | None
    num_words: int | None
    firm: bool = True


PARTS: dict[str, Part] = {
    "dev-clean": Part(12, 337_926_286, "42e2234ba48799c1f50f24a7926300a1", 2703, 40, 54_402),
    "dev-other": Part(12, 314_305_928, "c8d0bcc9cca99d4f8b62fcc847357931", 2864, 33, 50_948),
    "test-clean": Part(12, 346_663_984, "32fa31d27d2e1cad72775fee3f4849a9", 2620, 40, 52_576),
    "test-other": Part(12, 328_757_843, "fb5a50374b501bb3bac4815ee91d3135", 2939, 33, 52_343),
    "train-clean-100": Part(
        12, 6_387_309_499, "2a93770f6d5c6c964bc36631d331a522", 28_539, 251, None
    ),
    "train-clean-360": Part(
        12, 23_049_477_885, "c0e676e450a7ff2f54aeade5171606fa", 104_014, 921, None
    ),
    "train-other-500": Part(
        12, 30_593_501_606, "d1a0fd59409feb2c614ce4d30c387708", 148_688, 1166, None
    ),
    "dev-clean-2": Part(
        31, 126_046_265, "6d7ab67ac6a1d2c993d050e16d61080d", 1089, 27, 20_138, firm=False
    ),
    "train-clean-5": Part(
        31, 332_954_390, "5df7d4e78065366204ca6845bb08f490", 1519, None, None, firm=False
    ),
}

MINI = ("train-clean-5", "dev-clean-2")


def urls_of(name: str) -> list[str]:
    """Returns where the archive of a part can be fetched, best first."""
    return [f"{mirror}/{PARTS[name].resource}/{name}.tar.gz" for mirror in MIRRORS]
