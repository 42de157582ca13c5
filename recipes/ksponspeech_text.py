"""The text of KsponSpeech: a transcript with its marks in, plain text out, by rules that are set.

    아/           a filler             b/ l/ o/ n/  breath, laughter, other speech, noise
    모+           a repetition, or     u/           what cannot be understood
                  a part of a word     (70%)/(칠십 퍼센트)  spelling and pronunciation
    몬*           not certain

Transcripts are typed by hand, so their slips are read too. "모 +" is "모+"; a mark in the middle
of a word ends it, so that "모+몬" is two; (70%)(칠십 퍼센트) is a pair; full-width signs are plain
ones; invisible characters vanish; any other single small letter before a slash is a noise as well.
A slash, plus or asterisk between two Latin letters or digits is text, as in A/S and 1+1.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal, NamedTuple

from asr.errors import DataError
from asr.settings import Section

VERSION = 1  # grows whenever any text changes
UNKNOWN = "[unk]"
SHARP, PERCENT, PERCENT_TOO = "샾", "퍼센트", "프로"
# Where % stands without a pronunciation, these utterances say 프로 (KoSpeech's list; its others,
# 087797, 215401, 284574, 397184 and 581483, say 퍼센트, as everywhere else here).
SAYING_PRO = frozenset(f"KsponSpeech_{number}" for number in (501006, 502173, 542363))

Marked = Literal["keep", "drop", "mark"]


class TextRules(Section):
    """What becomes of each mark. keep: the word without its mark; mark: the word with it."""

    side: Literal["spelling", "pronunciation"] = "spelling"  # of (spelling)/(pronunciation)
    fillers: Marked = "keep"  # 아/
    repetitions: Marked = "keep"  # 모+
    uncertain: Marked = "keep"  # 몬*
    noise: Literal["drop", "mark"] = "drop"  # b/ l/ o/ n/
    unintelligible: Literal["drop", "unk", "leave_out"] = "drop"  # u/; unk: [unk]; the utterance
    percent: Literal["read", "keep", "drop"] = "read"  # %: 퍼센트, or 프로 where that is said
    sharp: Literal["read", "keep", "drop"] = "read"  # #: 샾
    latin: Literal["keep", "upper", "lower"] = "keep"
    punctuation: Literal["keep", "stray", "drop"] = "stray"  # stray: what does not end a word goes
    spaces: Literal["keep", "drop"] = "keep"

    def describe(self) -> str:
        """Returns one line that names the rules, their version and every choice."""
        choices = " ".join(f"{name}={value}" for name, value in self.model_dump().items())
        return f"ksponspeech {VERSION}: {choices}"


class Transcript(NamedTuple):
    """What the rules make of a transcript."""

    text: str
    num_unintelligible: int


def read_transcript(line: str, rules: TextRules, *, name: str = "") -> Transcript:
    """Returns the text of a transcript; it may be empty, as where there is only noise.

    Args:
        line: as published, composed or not.
        rules: what becomes of each mark.
        name: the utterance's, as KsponSpeech_000001.

    Raises:
        DataError: a bracket stands alone or in another, or a side of a pair is empty.
    """
    reader = _Reader(rules, PERCENT_TOO if name in SAYING_PRO else PERCENT)
    reader.read(_plain(line))
    return Transcript(reader.text(), reader.num_unintelligible)


_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}


def _plain(line: str) -> str:
    visible = "".join(char for char in line if char.isprintable() or char.isspace())
    return unicodedata.normalize("NFC", visible).translate(_FULL_WIDTH).strip()


_TAG = r"(?<![A-Za-z0-9])[a-z]/(?![A-Z0-9]|[a-z](?!/))"
_PAIR = re.compile(r"\(([^()]*)\)(?:\s*/\s*|(?=\())\(([^()]*)\)")
_PIECE = re.compile(
    rf"(?P<tag>{_TAG})|(?P<pair>{_PAIR.pattern})|(?P<mark>[/+*])|(?P<space>\s+)|(?P<bracket>[()])"
    rf"|(?P<word>(?:(?!{_TAG})(?:[^\s()/+*]|(?<=[A-Za-z0-9])[/+*](?=[A-Za-z0-9])))+)"
)
_MARKS = {"/": "fillers", "+": "repetitions", "*": "uncertain"}
_SENTENCE_MARKS = ",.?!"
_SYMBOL = re.compile(r"[^\w\s%#]|_")


@dataclass
class _Word:
    text: str = ""
    is_dropped: bool = False


class _Reader:
    """The words read so far; the last one is open, so that what follows is added to it."""

    def __init__(self, rules: TextRules, percent: str) -> None:
        self.rules, self.percent = rules, percent
        self.num_unintelligible = 0
        self.words = [_Word()]
        self.first = 0  # of the words that a mark is for: of a pair, all
        self.first_before = 0  # the same, before the open word was opened
        self.has_ended = False  # the open word, by a mark

    def read(self, text: str) -> None:
        """Adds the words of a transcript, or of one side of a pair."""
        for piece in _PIECE.finditer(text):
            match piece.lastgroup:
                case "tag":
                    self._add_tag(piece["tag"])
                case "pair":
                    self._add_pair(piece["pair"])
                case "mark":
                    self._mark(piece["mark"])
                case "space":
                    self._open()
                case "word":
                    self._add(piece["word"])
                case _:
                    raise DataError(
                        f'"{text[: piece.end()][-20:]}": a bracket without its pair; must be '
                        "(spelling)/(pronunciation), one beside the other"
                    )

    def text(self) -> str:
        """Returns the words that stay."""
        texts = [word.text for word in self.words if not word.is_dropped]
        if self.rules.punctuation == "stray":
            texts = [text.lstrip(_SENTENCE_MARKS) for text in texts]
        space = "" if self.rules.spaces == "drop" else " "
        return unicodedata.normalize("NFC", space.join(" ".join(texts).split()))

    def _open(self) -> None:
        self.has_ended = False
        if self.words[-1] != _Word():
            self.words.append(_Word())
            self.first_before, self.first = self.first, len(self.words) - 1

    def _add(self, text: str) -> None:
        if self.has_ended and text[0].isalnum():
            self._open()
        self.words[-1].text += self._spelt(text)

    def _add_tag(self, tag: str) -> None:
        shown = tag if self.rules.noise == "mark" else ""
        if tag == "u/":
            self.num_unintelligible += 1
            shown = UNKNOWN if self.rules.unintelligible == "unk" else ""
        if shown:
            self._open()
            self.words[-1].text = shown
            self._open()

    def _add_pair(self, pair: str) -> None:
        match = _PAIR.fullmatch(pair)
        assert match is not None, "a pair is what the pattern says"
        spelling, pronunciation = (side.strip() for side in match.groups())
        if not spelling or not pronunciation:
            raise DataError(f'"{pair}": a side of the pair is empty; must have two')
        if self.has_ended:
            self._open()
        first, percent = len(self.words) - 1, self.percent
        if PERCENT_TOO in pronunciation and PERCENT not in pronunciation:
            self.percent = PERCENT_TOO
        self.read(spelling if self.rules.side == "spelling" else pronunciation)
        self.first, self.percent, self.has_ended = first, percent, False

    def _mark(self, sign: str) -> None:
        if sign == "+" and not self.words[-1].text and len(self.words) > 1:
            self.words.pop()  # "모 +" is "모+"
            self.first = self.first_before
        if sign != "*" and not self.words[-1].text:
            return  # it marks nothing
        rule = getattr(self.rules, _MARKS[sign])
        for word in self.words[self.first :]:
            word.is_dropped |= rule == "drop"
        if rule == "mark":
            self.words[-1].text += sign
        self.has_ended |= sign != "*"

    def _spelt(self, text: str) -> str:
        signs = (("%", self.rules.percent, self.percent), ("#", self.rules.sharp, SHARP))
        for sign, rule, reading in signs:
            if rule != "keep":
                text = text.replace(sign, reading if rule == "read" else "")
        if self.rules.latin != "keep":
            text = text.upper() if self.rules.latin == "upper" else text.lower()
        return _SYMBOL.sub(" ", text) if self.rules.punctuation == "drop" else text
