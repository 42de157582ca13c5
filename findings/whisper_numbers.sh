#!/usr/bin/env bash
# Whisper's English normaliser makes one number of digits that are spoken one by one, and the same of other numbers.
#
# Expected: numbers that are said otherwise but mean the same become equal ("twenty three", "23"), what was said otherwise
# and means something else stays different, and words between stay words.
# Seen with whisper-normalizer 0.1.15 (OpenAI's code): "two three" and "twenty three" are both 23, "one two three", "one
# twenty three" and "one hundred twenty three" all 123, "nine nine" and "ninety nine" 99; the letter o is a 0 and
# joins the digit after it ("h e l l o seven" is "h e l l 07"); "one second" is "12nd", "one and a half" "one.5",
# "John's" "john is". Nothing tells of it.
# In telephone numbers, digits and spelt words a recognizer's error of "twenty" for "two" costs nothing, and seven digits are
# one word: a single wrong digit is an error rate of 100 %, where it was one word of seven. For such corpora compare the
# words as they were said.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check whisper-normalizer==0.1.15
cat > "$folder/normalise.py" <<'PYTHON'
import sys
from importlib.metadata import version

from whisper_normalizer.english import EnglishTextNormalizer

print("whisper-normalizer", version("whisper-normalizer"))
normalise = EnglishTextNormalizer()
same = [
    ("two three", "twenty three", "23"),
    ("one two three", "one twenty three", "123"),
    ("one two three", "one hundred twenty three", "123"),
    ("nine nine", "ninety nine", "99"),
]
alone = {
    "h e l l o seven": "h e l l 07",
    "one second": "12nd",
    "one and a half": "one.5",
    "John's": "john is",
    "five five five one two one two": "5551212",
}
for first, second, number in same:
    print(f"{first!r}: {normalise(first)!r}; {second!r}: {normalise(second)!r}")
    if {normalise(first), normalise(second)} != {number}:
        sys.exit(f"this has changed: {number} is expected of both")
for text, expected in alone.items():
    print(f"{text!r}: {normalise(text)!r}")
    if normalise(text) != expected:
        sys.exit(f"this has changed: {expected} is expected")
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/normalise.py"
