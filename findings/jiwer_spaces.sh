#!/usr/bin/env bash
# jiwer takes two words with a tab, a line's end or a no-break space between them for one.
#
# Expected: words are what white space parts, as str.split has it, and a text with lines has as many words
# as the same text in one line.
# Seen with jiwer 4.0.0: only the space parts words. "a b c" against "a<tab>b c" has two errors in three
# words; so with a line's end, the no-break space of web pages and the ideographic space of East Asian
# text. Two white characters beside each other part again, since jiwer makes a space of them.
# A transcript that a tool wrote in lines is charged two errors for each line's end, although every
# word is right, and nothing tells of it: " ".join(text.split()) before scoring.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check jiwer==4.0.0
cat > "$folder/spaces.py" <<'PYTHON'
import sys
from importlib.metadata import version

import jiwer

print("jiwer", version("jiwer"))
SPACES = {"space": " ", "tab": "\t", "line's end": "\n", "no-break space": "\u00a0"}
SPACES |= {"ideographic space": "\u3000", "two line's ends": "\n\n", "tab and space": "\t "}
found = {}
for name, space in SPACES.items():
    text = f"one{space}two three"
    assert text.split() == ["one", "two", "three"]
    done = jiwer.process_words("one two three", text)
    found[name] = done.substitutions + done.deletions + done.insertions
    print(f"{name}: {found[name]} errors of 3 words, heard as {done.hypotheses[0]}")
if list(found.values()) != [0, 2, 2, 2, 2, 0, 0]:
    sys.exit("this has changed: a lone tab, line's end or other space is expected to cost two errors")
PYTHON
"$folder/venv/bin/python" "$folder/spaces.py"
