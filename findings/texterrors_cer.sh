#!/usr/bin/env bash
# texterrors counts more character errors than a text has, where much of it is wrong.
#
# Expected: the character error rate is the least number of characters to change, leave out or put in, a
# character of the reference. "baab" heard as "cccba" has four: 100 %.
# Seen with texterrors 1.1.9: --cer says 125 %. Its function lev_distance, which takes numbers for
# characters, says 5; seq_distance of the same package says 4 of the same characters.
# Of random pairs of 60 letters with half of them wrong 3 of 500 are counted too high, of those with less
# than a third wrong none. Nothing tells of it; word errors, without --use-chardiff, are the least.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check texterrors==1.1.9
echo "u1 baab" > "$folder/ref"
echo "u1 cccba" > "$folder/hyp"
"$folder/venv/bin/texterrors" --isark --cer --output-format json "$folder/ref" "$folder/hyp" > "$folder/out.json"
cat > "$folder/cer.py" <<'PYTHON'
import json
import sys
from importlib.metadata import version

from texterrors.alignment import lev_distance, seq_distance


def least(said, heard):
    row = list(range(len(heard) + 1))
    for place, one in enumerate(said, start=1):
        before, row = row, [place]
        for column, other in enumerate(heard, start=1):
            changed = before[column - 1] + (one != other)
            row.append(min(before[column] + 1, row[-1] + 1, changed))
    return row[-1]


print("texterrors", version("texterrors"))
said, heard = "baab", "cccba"
numbers = ([ord(c) for c in said], [ord(c) for c in heard])
found = [least(said, heard), lev_distance(*numbers), int(seq_distance(list(said), list(heard)))]
print("errors: least {}, lev_distance {}, seq_distance {}".format(*found))
cer = json.load(open(sys.argv[1]))["summary"]["cer"]
print(f"--cer: {cer} %, expected 100 %")
if [*found, cer] != [4, 5, 4, 125.0]:
    sys.exit("this has changed: lev_distance and --cer are expected to count one error too many")
PYTHON
"$folder/venv/bin/python" "$folder/cer.py" "$folder/out.json"
