#!/usr/bin/env bash
# ESPnet's Korean cleaner reads numbers digit by digit, and its tokenizer of jamo leaves out what is not Hangul.
#
# Expected: of "10개" the cleaner makes 열 개 or 십개, of "2026년" 이천이십육년, and a tokenizer turns what it has no
# token for into the unknown one, or keeps it.
# Seen with espnet 202511: korean_cleaner makes 일영개 (one zero) and 이영이육년 of them, and spells each English word
# by the names of its letters. The tokens of g2p korean_jaso are conjoining jamo, spaces and nine marks;
# digits, Latin letters and jamo that stand alone (ㅋㅋ) are gone before there are tokens, and nothing is said:
# "7시 TV 봐" and "시 봐" are the same text to it.
# Who trains on texts with digits teaches a model to write other words than were spoken, or none. Spell numbers
# out as they are read before either sees the text.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  espnet==202511 torch==2.11.0 torchaudio==2.11.0
cat > "$folder/korean.py" <<'PYTHON'
import sys
import unicodedata
from importlib.metadata import version

from espnet2.text.build_tokenizer import build_tokenizer
from espnet2.text.cleaner import TextCleaner

print("espnet", version("espnet"))
CLEANED = {
    "10개": "일영개",
    "2026년 11월": "이영이육년 일일월",
    "3.5배": "삼.오배",
    "ok 예": "오케이 예",
    "new 폰": "엔이더블유 폰",
}
KEPT = {"값이 없다": "값이 없다", "7시 TV 봐": "시  봐", "ㅋㅋ 네": " 네", "커피 2잔": "커피 잔"}
clean = TextCleaner("korean_cleaner")
cleaned = {text: clean(text) for text in CLEANED}
tokenizer = build_tokenizer("phn", g2p_type="korean_jaso")
kept = {}
for text in KEPT:
    tokens = tokenizer.text2tokens(text)
    kept[text] = unicodedata.normalize("NFC", "".join(tokens).replace("<space>", " "))
for name, found in (("korean_cleaner", cleaned), ("korean_jaso", kept)):
    for text, result in found.items():
        print(f"{name}: {text!r} -> {result!r}")
if cleaned != CLEANED or kept != KEPT:
    sys.exit(f"this has changed: {CLEANED} and {KEPT} are expected")
PYTHON
"$folder/venv/bin/python" "$folder/korean.py" 2> "$folder/said" || { cat "$folder/said" >&2; exit 1; }
