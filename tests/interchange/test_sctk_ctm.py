from pathlib import Path

import pytest
from interchange.debian import version_of
from interchange.transcripts import TRANSCRIPT
from sctk import needs_sclite, sclite

from asr.scoring.alignment import ErrorCounts
from asr.use.writers import write_transcript

HIT, SUBSTITUTION = ErrorCounts(1, 0, 0, 0), ErrorCounts(0, 1, 0, 0)
WORDS = [word for segment in TRANSCRIPT.segments for word in segment.words]


@pytest.mark.row(
    "sctk",
    "reads ours",
    "ctm by sclite: each word in its own segment of an stm, Korean, &; in an stm {a} is no word",
    version=version_of("sctk"),
)
@needs_sclite
def test_sclite_finds_each_word_of_our_ctm_in_its_place(tmp_path: Path) -> None:
    [ctm] = write_transcript(TRANSCRIPT, tmp_path, ["ctm"])
    # <o>, since sclite would take <b>yes</b> for labels where none stand before it.
    # A segment from 10 ms before a word to 10 ms after it: a time that is off moves it elsewhere.
    places = [(word.start_seconds - 0.01, word.end_seconds + 0.01, word.text) for word in WORDS]
    lines = [f"talk 1 kim {start:.3f} {end:.3f} <o> {text}\n" for start, end, text in places]
    stm = tmp_path / "ref.stm"
    stm.write_text("".join(lines), "utf-8")
    found = sclite("-r", stm, "stm", "-h", ctm, "ctm", "-e", "utf-8")
    assert found == [SUBSTITUTION if word.text == "{a}" else HIT for word in WORDS]
