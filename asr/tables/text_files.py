"""Text files as corpora have them: UTF-8, and what spreadsheets and Korean Windows write.

UTF-8 with or without its mark, UTF-16 and UTF-32 say what they are. A file that is none of these
and reads as common Korean is cp949, and that is said. Any other is refused with its likely
encoding, since a text that was read wrongly looks like one that was read.
"""

import codecs
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from asr.errors import DataError

MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark its own begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
KOREAN = "cp949"
# Of all syllables of Korean text these are most; of bytes in another encoding that happen to read
# as Hangul they are some 8 %.
COMMON_SYLLABLES = frozenset(
    "가각간갈감갑값강같개거건걸것게겠겨격견결경계고곡곤곳공과관광교구국군권귀그근글금급기긴길김"
    "까깨꼭꽃끝나난날남내너널네년노논놀농높누눈느는능니다단달답당대더던덕데도독돈동되된될두둘뒤드"
    "든들등디따때떠또뜻라락란람랑래러런럼레려력련령례로록론료루류르른를름릇리린림립마막만많말맛맞"
    "매머먹먼면명몇모목몸못무문물뭐미민밀바박밖반받발밤방배백버번벌법변별병보복본봄봐부북분불비빌"
    "빨사산살삼상새색생서석선설섯성세셋셨소속손송쇼수순술숨쉬스슨슬습승시식신실심십싶싸써쓰씨아악"
    "안않알았앞야약양어억언얼없엇었에여역연열영예오온올옷와완왔왜외요용우욱운울움웃워원월위유육은을"
    "음응의이익인일읽임입있잊자작잔잘잠장재저적전절점정제져조족존종좋좌죄주준줄중즈즉증지직진질집"
    "짜째쪽찌차착찬참창찾채책처천철첫청체초총최추축출충취치친칠카커케코쿠크큰키타태터토통투트특파"
    "판팔패편평포표품프피필하학한할함합항해했행향허험혀현형호혼화확환활황회횟후훨흐흘흥희히힘넷덟홉겁됐"
)
COMMON_HAN = {
    "gb18030": "的一是了我不人在他有这个上们来到时大地为子中你说生国年着就那和要好天气今世界很",
    "big5": "的一是了我不人在他有這個上們來到時大地為子中你說生國年著就那和要好天氣今世界很",
}
LEAST_COMMON = 0.4  # share of common syllables from which on text is Korean
LEAST_HANGUL = 0.8  # share of Hangul in what is neither ASCII nor punctuation
HANGUL = re.compile("[가-힣]")
OTHERS = re.compile(r"[^\x00-\x7f·‐-⁀、-〟！-､]")  # neither ASCII nor punctuation
KANA = re.compile("[ぁ-んァ-ヴー]")
LOWER_CYRILLIC = re.compile("[а-яё]")
CYRILLIC = ("cp1251", "koi8_r")
ASIAN = (KOREAN, "gb18030", "big5")
WESTERN = ("cp1252", "latin_1")
HIGH_BYTES = re.compile(rb"[\x80-\xff]+")


class Text(NamedTuple):
    """What a file holds."""

    content: str  # what no encoding explains stands as lone surrogates
    encoding: str


def nfc(text: str) -> str:
    """Returns the text composed."""
    return unicodedata.normalize("NFC", text)


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yields the lines of a text and their numbers, from 1 on.

    Raises:
        DataError: as `read_text`; it is in cp949, which a published corpus is not.
    """
    text = read_text(path)
    if text.encoding == KOREAN:
        raise DataError(f"{path}: not UTF-8, {KOREAN} by its look (save it as UTF-8)")
    yield from enumerate(text.content.split("\n"), start=1)


def read_each(paths: Iterable[Path]) -> tuple[dict[Path, str | DataError], list[str]]:
    """Returns the text of each of many short files, or what is wrong with it, and notices.

    What is not UTF-8 is judged together, since one sentence may be too short to tell its encoding.
    """
    found: dict[Path, str | DataError] = {}
    others: dict[Path, bytes] = {}
    for path in paths:
        try:
            data = read_bytes(path)
        except DataError as error:
            found[path] = error
            continue
        try:
            found[path] = decode(data, path, is_alone=False).content
        except DataError as error:
            found[path] = error
            others[path] = data
    korean = {path: text for path, data in others.items() if (text := _decoded(data, KOREAN))}
    if not _is_korean("\n".join(korean.values())):
        return found, []
    found.update(korean)
    return found, said_encodings([(path.name, KOREAN) for path in korean])


def read_text(path: Path) -> Text:
    """Returns a file's text, whatever its line ends are.

    In a file that is UTF-8 but for some lines these hold lone surrogates.

    Raises:
        DataError: the file cannot be read, or is in an encoding that is not.
    """
    found = decode(read_bytes(path), path)
    content = found.content
    if "\r" in content and "\n" not in content:  # as Macs once ended lines, and Excel there does
        content = content.replace("\r", "\n")
    return found._replace(content=content)


def read_bytes(path: Path) -> bytes:
    """Returns what a file holds.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: cannot be read: {reason}") from error


def decode(data: bytes, path: Path, *, is_alone: bool = True) -> Text:
    """Returns bytes as text; cp949 only where they are alone.

    Raises:
        DataError: they are in an encoding that is not read; `path` is named.
    """
    encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in data:
        odd, even = data[1::2].count(0), data[::2].count(0)
        if max(odd, even) > len(data) // 8:  # of UTF-16 without a mark every ASCII letter has one
            encoding = "utf-16-le" if odd > even else "utf-16-be"
    if b"\x1b$" in data:
        raise DataError(f"{path}: ISO 2022, by its look (save it as UTF-8)")
    try:
        return Text(data.decode(encoding), encoding)
    except UnicodeDecodeError as error:
        if not encoding.startswith("utf-8"):
            raise DataError(
                f"{path}: not {encoding.upper()} at byte {error.start}, though it begins so "
                "(save it as UTF-8)"
            ) from None
        start = error.start
    if is_alone and _is_korean(text := _decoded(data, KOREAN)):
        return Text(text, KOREAN)
    if encoding == "utf-8-sig" or (is_alone and _is_mostly_utf8(data)):
        return Text(data.decode(encoding, "surrogateescape"), encoding)
    likely = likely_encoding(data)
    line = data.count(b"\n", 0, start) + 1
    raise DataError(
        f"{path}:{line}: not UTF-8 at byte {start}, {likely or 'of no encoding that is known here'}"
        f"{' by its look' if likely else ''} (save it as UTF-8)"
    )


def likely_encoding(data: bytes) -> str:
    """Returns the encoding that bytes, which are no UTF-8, most look like; nothing if none does."""
    if _is_korean(_decoded(data, "johab")):
        return "johab"
    for name in ("cp932", "euc_jp"):
        if _share(KANA, _decoded(data, name)) >= 0.3:
            return name
    for name, common in COMMON_HAN.items():
        if _share(re.compile(f"[{common}]"), _decoded(data, name)) >= 0.25:
            return name
    runs = HIGH_BYTES.findall(data)
    if sum(map(len, runs)) > 2 * len(runs):  # whole words of another script
        cyrillic = {name: _share(LOWER_CYRILLIC, _decoded(data, name)) for name in CYRILLIC}
        best = max(cyrillic, key=lambda name: cyrillic[name])
        if cyrillic[best] >= 0.6:
            return best
    is_paired = sum(len(run) % 2 == 0 for run in runs) > 0.8 * len(runs)
    candidates = ASIAN if is_paired else ()
    return next((name for name in (*candidates, *WESTERN) if _decoded(data, name)), "")


def _is_korean(text: str) -> bool:
    found = HANGUL.findall(text)
    if not found or _share(HANGUL, text) < LEAST_HANGUL:
        return False
    return sum(syllable in COMMON_SYLLABLES for syllable in found) >= LEAST_COMMON * len(found)


def _is_mostly_utf8(data: bytes) -> bool:
    """Returns whether more lines with letters beyond ASCII are UTF-8 than are not."""
    lines = [line for line in data.split(b"\n") if not line.isascii()]
    return sum(bool(_decoded(line, "utf-8")) for line in lines) * 2 > len(lines)


def _decoded(data: bytes, encoding: str) -> str:
    """Returns bytes as text, or nothing if they are not in that encoding."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return ""


def _share(wanted: re.Pattern[str], text: str) -> float:
    """Returns how much of what is neither ASCII nor punctuation is wanted."""
    return len(wanted.findall(text)) / max(1, len(OTHERS.findall(text)))


def said_encodings(texts: Iterable[tuple[str, str]]) -> list[str]:
    """Returns a notice on the files, (name, encoding), that are read as Korean Windows has them."""
    names = [name for name, encoding in texts if encoding == KOREAN]
    if not names:
        return []
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return [f"{names[0]}{more}: not UTF-8, and read as {KOREAN}, Korean Windows' own encoding"]
