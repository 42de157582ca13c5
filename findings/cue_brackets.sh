#!/usr/bin/env bash
# Readers of subtitles drop what stands between < and > or { and }, words of the text included.
#
# Expected: the few marks that the formats know (<i>, <v name>) are taken away, all other text is kept.
# Seen with pysubs2 1.8.1, webvtt-py 0.6.0 and srt 3.5.3: of "a < b and c > d" in an .srt file pysubs2 reads
# "a  d" and of "<unk> hello" or "{noise} hello" no more than hello, and writes that to another file.
# webvtt-py drops what is between < and > too, where the format asks for &lt;, but then gives "5 &lt; 6"
# back as it stands. srt keeps every character.
# Transcripts with <unk>, <laugh> or {noise} that go through pysubs2 into a reference lose those words without
# a warning, and a score changes. Read .srt with srt; put other marks, [noise], into cues.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  pysubs2==1.8.1 webvtt-py==0.6.0 srt==3.5.3
cat > "$folder/brackets.py" <<'PYTHON'
import sys
from importlib.metadata import version

import pysubs2
import srt
import webvtt

TEXTS = ["<unk> hello", "{noise} hello", "a < b and c > d", "[noise] hello", "5 &lt; 6"]
print(*[f"{name} {version(name)}" for name in ("pysubs2", "webvtt-py", "srt")])
found = []
for text in TEXTS:
    subrip = f"1\n00:00:00,000 --> 00:00:01,000\n{text}\n"
    read = pysubs2.SSAFile.from_string(subrip, format_="srt")
    written = read.to_string("srt").splitlines()[2]
    vtt = webvtt.from_string(f"WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n{text}\n")[0].text
    kept = next(srt.parse(subrip)).content
    found.append((read[0].plaintext, written, vtt, kept))
    print(f"{text!r}: pysubs2 reads {found[-1][0]!r} and writes {written!r}, webvtt {vtt!r}, srt {kept!r}")
expected = [
    (" hello", "hello", " hello", TEXTS[0]),
    (" hello", "hello", TEXTS[1], TEXTS[1]),
    ("a  d", "a  d", "a  d", TEXTS[2]),
    (TEXTS[3],) * 4,
    (TEXTS[4],) * 4,
]
if found != expected:
    sys.exit(f"this has changed: {expected} is expected")
PYTHON
"$folder/venv/bin/python" "$folder/brackets.py"
