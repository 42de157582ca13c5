#!/usr/bin/env bash
# lhotse's KsponSpeech recipe takes the slash of a text for a mark: a half becomes twelve.
#
# Expected: of "(1/2)/(이분의 일)" the manifest holds the spelling, 1/2; of "c/d 드라이브" both letters.
# Seen with lhotse 1.33.0: it holds 12, and "d 드라이브": the recipe takes out every small letter before a slash as a
# noise mark (b/ l/ o/ n/), chooses the spelling of a pair, and then takes out all slashes that are left,
# those within a text, too: "A/S" becomes "AS". Fillers, repetitions and uncertain words lose their mark alone, as
# the corpus means them to. Nothing is said.
# Whoever trains or scores on its manifests has other numbers in them than were spoken or written. Prepare with
# normalize_text="none" and read the marks by rules that know a slash between two letters or digits.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  lhotse==1.33.0 numpy==2.4.6 soundfile==0.14.0 torch==2.14.1 urllib3==2.8.0
cat > "$folder/prepare.py" <<'PYTHON'
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from lhotse.recipes import prepare_ksponspeech

corpus = Path(sys.argv[1]) / "corpus"
print("lhotse", version("lhotse"))
LINES = {  # as in the corpus, and what a reader of its marks makes of it
    "아/ 그래서 (1/2)/(이분의 일) 정도 b/": "아 그래서 1/2 정도",
    "(A/S)/(에이에스) 맡겼어": "A/S 맡겼어",
    "c/d 드라이브 n/": "c/d 드라이브",
    "o/ 그게 모+ 몬* (3시)/(세 시)였어": "그게 모 몬 3시였어",
}
SEEN = ["아 그래서 12 정도", "AS 맡겼어", "d 드라이브", "그게 모 몬 3시였어"]
(audio := corpus / "KsponSpeech_01/KsponSpeech_0001").mkdir(parents=True)
rows = []
for number, line in enumerate(LINES, 1):
    path = audio / f"KsponSpeech_{number:06d}.pcm"
    np.random.default_rng(number).integers(-99, 99, 16000).astype("<i2").tofile(path)
    rows.append(f"{path.relative_to(corpus)} :: {line}\n")
(corpus / "train.trn").write_text("".join(rows), encoding="utf-8")
found = [one.text for one in prepare_ksponspeech(corpus, "train")["train"]["supervisions"]]
for (line, meant), text in zip(LINES.items(), found, strict=True):
    print(f"{line!r} -> {text!r}{'' if text == meant else f', not {meant!r}'}")
if found != SEEN:
    sys.exit(f"this has changed: {SEEN} is expected")
PYTHON
"$folder/venv/bin/python" "$folder/prepare.py" "$folder"
