from pathlib import Path

import pytest
from interchange.corpus import RATE, gathered, pcm, written
from interchange.peer import Peer

from asr.errors import DataError

KALDIIO = Peer("kaldiio")


def read(wav_scp, segments):  # type: ignore[no-untyped-def]  # runs in the peer's environment
    import kaldiio

    found = kaldiio.load_scp(wav_scp, segments=segments)
    return {name: [rate, samples.tolist()] for name, (rate, samples) in found.items()}


@pytest.mark.row("kaldiio", "reads ours", "wav.scp: ids, rate, each sample; Korean ids, spaces")
def test_kaldiio_reads_every_sample_of_our_recordings(tmp_path: Path) -> None:
    folder, cuts = written(tmp_path, "kaldi", parts=False)
    found = KALDIIO.call(read, folder / "wav.scp", None)
    assert found == {name: [RATE, pcm(cut)] for name, cut in cuts.items()}


@pytest.mark.row("kaldiio", "reads ours", "wav.scp and segments: each sample of parts of files")
def test_kaldiio_reads_every_sample_of_our_segments(tmp_path: Path) -> None:
    folder, cuts = written(tmp_path, "kaldi")
    found = KALDIIO.call(read, folder / "wav.scp", folder / "segments")
    assert found == {name: [RATE, pcm(cut)] for name, cut in cuts.items()}


@pytest.mark.row(
    "kaldiio", "we read theirs", "wav in an archive (x.ark:7): refused, with the way out"
)
def test_audio_in_an_archive_of_kaldiio_is_refused_in_words(tmp_path: Path) -> None:
    def theirs(folder):
        import kaldiio
        import numpy

        with kaldiio.WriteHelper(f"ark,scp:{folder}/wav.ark,{folder}/wav.scp") as writer:
            writer("u1", (16000, numpy.arange(16000, dtype="int16")))
        return open(f"{folder}/wav.scp").read()

    (tmp_path / "data").mkdir()
    line = KALDIIO.call(theirs, tmp_path / "data").strip()
    assert line == f"u1 {tmp_path}/data/wav.ark:3"
    (tmp_path / "data" / "text").write_text("u1 one\n")
    with pytest.raises(DataError, match=r'"u1" is in an archive.*write its audio to a file'):
        gathered(tmp_path / "data")
