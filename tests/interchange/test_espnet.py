from pathlib import Path

import pytest
from interchange.corpus import RATE, gathered, pcm, written
from interchange.peer import Peer

ESPNET = Peer("espnet")


@pytest.mark.row("espnet", "reads ours", "text, utt2spk, wav.scp: ids, words, rate, each sample")
def test_espnet_reads_our_data_directory(tmp_path: Path) -> None:
    def theirs(folder):
        from espnet2.fileio.read_text import read_2columns_text
        from espnet2.fileio.sound_scp import SoundScpReader

        texts = read_2columns_text(f"{folder}/text")
        speakers = read_2columns_text(f"{folder}/utt2spk")
        sound = SoundScpReader(f"{folder}/wav.scp", dtype="int16")
        assert list(sound) == list(texts) == list(speakers)
        return {
            name: [texts[name], speakers[name], sound[name][0], sound[name][1].tolist()]
            for name in sound
        }

    folder, cuts = written(tmp_path, "kaldi", parts=False)
    assert ESPNET.call(theirs, folder) == {
        name: [cut.supervisions[0].text, cut.supervisions[0].speaker, RATE, pcm(cut)]
        for name, cut in cuts.items()
    }


@pytest.mark.row(
    "espnet", "we read theirs", "DatadirWriter, SoundScpWriter: text, speaker, samples"
)
def test_we_read_a_data_directory_that_espnet_wrote(tmp_path: Path) -> None:
    def theirs(folder, words):
        import numpy
        from espnet2.fileio.datadir_writer import DatadirWriter
        from espnet2.fileio.sound_scp import SoundScpWriter

        audio = {}
        with (
            DatadirWriter(folder) as writer,
            SoundScpWriter(f"{folder}/data", f"{folder}/wav.scp", format="flac") as sound,
        ):
            for seed, (name, text) in enumerate(words.items()):
                noise = numpy.random.default_rng(seed).integers(-9000, 9000, 16001 + seed)
                audio[name] = noise.tolist()
                sound[name] = 16000, noise.astype("int16")
                writer["text"][name] = text
                writer["utt2spk"][name] = name.partition("-")[0]
        return audio

    words = {"ann-1": "안녕하세요", "ann-2": 'AT&T "said"', "나-1": "no  no no", "ben-1": "007"}
    audio = ESPNET.call(theirs, tmp_path / "data", words)
    assert gathered(tmp_path / "data") == {
        name: (" ".join(text.split()), name.partition("-")[0], audio[name])
        for name, text in words.items()
    }
