from pathlib import Path

import pytest
from interchange.corpus import RATE, pcm, written
from interchange.peer import Peer

KALDI = Peer("kaldi-native-io")


@pytest.mark.row("kaldi-native-io", "reads ours", "Kaldi's own wave reader: ids, rate, each sample")
def test_kaldis_own_reader_reads_every_sample_of_our_recordings(tmp_path: Path) -> None:
    def theirs(wav_scp):
        import kaldi_native_io

        with kaldi_native_io.SequentialWaveReader(f"scp:{wav_scp}") as reader:
            return {
                name: [wave.sample_freq, wave.data.numpy()[0].astype(int).tolist()]
                for name, wave in reader
            }

    folder, cuts = written(tmp_path, "kaldi", parts=False)
    found = KALDI.call(theirs, folder / "wav.scp")
    assert found == {name: [RATE, pcm(cut)] for name, cut in cuts.items()}
