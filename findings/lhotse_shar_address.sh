#!/usr/bin/env bash
# lhotse reads a Shar folder at an address only where given the list of its files; given the folder, it raises an
# AssertionError without a message.
#
# Expected: CutSet.from_shar(in_dir=URL) lists the folder, or says that it cannot.
# Seen with lhotse 1.33.0: an AssertionError without a word, also where smart_open is installed; the address is
# taken for a path. By fields, the list of every file, all is read, with smart_open only, each file from its
# beginning: no request asks for a part of one.
# (Installed alone, lhotse also needs urllib3, which it imports and does not name.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  lhotse==1.33.0 numpy==2.4.6 soundfile==0.14.0 torch==2.14.1 urllib3==2.8.0 smart_open==9.0.2
cat > "$folder/shar.py" <<'PYTHON'
import http.server
import sys
import threading
from functools import partial
from pathlib import Path

import lhotse
import numpy as np
import soundfile
from lhotse import CutSet, Recording

place = Path(sys.argv[1])
(place / "shar").mkdir()
cuts = []
for number in range(4):
    path = place / f"{number}.wav"
    soundfile.write(path, np.full(8000, 0.1 * number), 8000, subtype="PCM_16")
    cuts.append(Recording.from_file(path).to_cut())
CutSet.from_cuts(cuts).to_shar(place / "shar", fields={"recording": "wav"}, shard_size=2)
asked: list[str | None] = []


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        asked.append(self.headers.get("Range"))


handler = partial(Handler, directory=str(place / "shar"))
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_address[1]}"
print("lhotse", lhotse.__version__)
said = None
try:
    CutSet.from_shar(in_dir=address)
except AssertionError as error:
    said = str(error)
print(f"in_dir: AssertionError({said!r}), {len(asked)} requests")
names = sorted(path.name for path in (place / "shar").iterdir())
fields = {
    kind: [f"{address}/{name}" for name in names if name.startswith(kind)]
    for kind in ("cuts", "recording")
}
found = len([cut.load_audio() for cut in CutSet.from_shar(fields=fields)])
parts = [part for part in asked if part]
print(f"fields: {found} cuts, {len(asked)} requests, {len(parts)} of them for a part of a file")
server.shutdown()
if said != "":
    sys.exit("this has changed: in_dir is expected to be an AssertionError without a word")
if found != 4 or parts:
    sys.exit("this has changed: fields are expected to be read whole")
PYTHON
"$folder/venv/bin/python" "$folder/shar.py" "$folder"
