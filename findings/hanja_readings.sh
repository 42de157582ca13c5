#!/usr/bin/env bash
# hanja writes 音樂 as 음락: a character with several readings has one for it, and few rules within a word.
#
# Expected: Chinese characters of Korean text are written as they are read in their words, 音樂 as 음악, 不動産 as 부동산; the
# law of initial sounds (女子 여자, 來日 내일) is what is hard about it.
# Seen with hanja 0.15.1: that law is kept, 大韓民國 and 來日 are right. But each character has one reading, whatever word it
# stands in: 音樂 is 음락 (read 음악), 敗北 패북 (패배), 不動産 불동산 (부동산), 省略 성략 (생략), 六月 육월 (유월), 十月 십월 (시월), 金氏 금씨 (김씨).
# 率 is 솔: 能率 능솔 (능률). And the law's other half is left out: 렬 after ㄴ keeps its ㄹ, 分裂 is 분렬 (분열). Nothing tells of any.
# Texts that were cleaned with it give a language model words that do not exist, and references that were never spoken.
# Look such words up in a dictionary of words, or leave their lines out.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check hanja==0.15.1
cat > "$folder/readings.py" <<'PYTHON'
import sys
from importlib.metadata import version

import hanja

RIGHT = {"女子": "여자", "來日": "내일", "歷史": "역사", "大韓民國": "대한민국", "自動車": "자동차", "理論": "이론", "道理": "도리"}
# Word: what it is made to, and how it is read.
WRONG = {
    "音樂": ("음락", "음악"), "敗北": ("패북", "패배"), "不動産": ("불동산", "부동산"), "省略": ("성략", "생략"),
    "六月": ("육월", "유월"), "十月": ("십월", "시월"), "金氏": ("금씨", "김씨"), "能率": ("능솔", "능률"),
    "分裂": ("분렬", "분열"),
}
print("hanja", version("hanja"))
expected = RIGHT | {word: made for word, (made, _) in WRONG.items()}
found = {word: hanja.translate(word, "substitution") for word in expected}
for word, made in found.items():
    print(f"{word}: {made}" + (f", read {WRONG[word][1]}" if word in WRONG else ""))
if found != expected:
    sys.exit("this has changed: these readings are expected")
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/readings.py"
