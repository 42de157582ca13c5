import pytest
from interchange.hard_texts import LINES, transcript_of
from interchange.peer import Peer
from interchange.transcripts import CUES, TRANSCRIPT

from asr.use.writers import PLAIN, WRITERS

PYCAPTION = Peer("pycaption")


def theirs(text, reader):
    import pycaption

    found = getattr(pycaption, reader)().read(text)
    [language] = found.get_languages()
    captions = found.get_captions(language)
    return [[c.start / 1e6, c.end / 1e6, c.get_text()] for c in captions]


@pytest.mark.parametrize(
    ("form", "reader"),
    [
        pytest.param(form, reader, marks=pytest.mark.row("pycaption", "reads ours", compared))
        for form, reader, compared in (
            ("srt", "SRTReader", "srt: times, text of each cue, Korean, &, <b>, numbers alone"),
            ("vtt", "WebVTTReader", "WebVTT: times, text of each cue, Korean, &, <b>, NOTE, STYLE"),
        )
    ],
)
def test_pycaption_reads_our_cues(form: str, reader: str) -> None:
    assert PYCAPTION.call(theirs, WRITERS[form](TRANSCRIPT, PLAIN), reader) == CUES
    found = PYCAPTION.call(theirs, WRITERS[form](transcript_of(LINES, 20.0), PLAIN), reader)
    lines = [" ".join(line.split()) for line in LINES]
    assert found == [[2.0 * n, 2.0 * n + 1.0, line] for n, line in enumerate(lines)]
