#!/usr/bin/env bash
# NeMo's Korean text processing says "five pieces Monday" for five months, and writes digits for this, arm and cucumber.
#
# Expected: normalisation spells numbers out as they are read, or leaves them; its inverse writes digits for numbers, and leaves
# words that are none.
# Seen with nemo_text_processing 1.2.0 (pynini 2.1.6.post1): 5개월 becomes 다섯개 월요일 (five pieces, Monday), 1,000명 일 , 영
# 영 영 명 (one, nought nought nought people), 1시간 일 시간; 3시, 33명, 6월 and 10000원 are right. The inverse makes of 이 사람 (this
# person) 2 사람, of 팔이 아프다 (an arm hurts) 8 2 아프다, of 오이 두 개 (two cucumbers) 5 2 2개, of 네 시 (four o'clock) 4 :00.
# No warning and no exception, where a syllable is a digit's and no more.
# Training texts so normalised have words that nobody said, and transcripts so rewritten lose common words: 이 is
# "this" and a particle. Compare a sample before and after; spell out numbers with rules for counters.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check nemo_text_processing==1.2.0 pynini==2.1.6.post1
cat > "$folder/korean.py" <<'PYTHON'
import logging
import sys
from importlib.metadata import version

from nemo_text_processing.inverse_text_normalization.inverse_normalize import InverseNormalizer
from nemo_text_processing.text_normalization.normalize import Normalizer

print("nemo_text_processing", version("nemo_text_processing"))
logging.disable(logging.WARNING)
spoken = {
    **{"3시 10분": "세시 십분", "33명": "서른세명", "6월 10일": "유월 십일", "10000원": "만원"},
    **{"5개월": "다섯개 월요일", "1,000명": "일 , 영 영 영 명", "1시간": "일 시간"},
}
written = {
    **{"서른세 명": "33명", "일을 하다": "일을 하다", "이상하다": "이상하다"},
    **{"이 사람": "2 사람", "팔이 아프다": "8 2 아프다", "오이 두 개": "5 2 2개", "네 시": "4 :00"},
}
normaliser = Normalizer(input_case="cased", lang="ko")
found = {text: normaliser.normalize(text).strip() for text in spoken}
inverse = InverseNormalizer(lang="ko")
found |= {text: inverse.inverse_normalize(text, verbose=False).strip() for text in written}
for text, result in found.items():
    print(f"{text}: {result}")
if found != spoken | written:
    sys.exit("this has changed: seven of fourteen texts are expected to become what nobody said")
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/korean.py"
