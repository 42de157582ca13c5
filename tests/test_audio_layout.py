"""Files of real encoders: all of what was encoded is read, or the file is refused."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.audio.files import audio_info, read_audio
from asr.errors import DataError

MOST_LATE = 3000  # samples that a codec's delay and its last frame may add, at 48 kHz less

FFMPEG = "ffmpeg -y -loglevel error -i {wav} "
# name: command, samples more than were encoded: 0 where the file tells the delay, None: any
ENCODED = {
    "cbr.mp3": ("lame --quiet -b 64 {wav} {out}", 0),
    "vbr.mp3": ("lame --quiet -V 4 {wav} {out}", 0),
    "abr.mp3": ("lame --quiet --abr 40 {wav} {out}", 0),
    "low.mp3": ("lame --quiet -b 8 --resample 8 {wav} {out}", None),
    "untagged.mp3": ("lame --quiet -t -b 64 {wav} {out}", MOST_LATE),
    "untagged_vbr.mp3": ("lame --quiet -t -V 2 {wav} {out}", MOST_LATE),
    "titled.mp3": ("lame --quiet -t -b 64 --tt Information --id3v2-only {wav} {out}", MOST_LATE),
    "id3v1.mp3": ("lame --quiet -V 4 --tt Xing --id3v1-only {wav} {out}", 0),
    "checked.mp3": ("lame --quiet -p -b 64 {wav} {out}", 0),
    "stereo.mp3": ("lame --quiet -m s -b 128 {wav} {out}", 0),
    "lavc.mp3": (FFMPEG + "-c:a libmp3lame -b:a 48k {out}", 0),
    "lavc_vbr.mp3": (FFMPEG + "-c:a libmp3lame -q:a 5 {out}", 0),
    "lavc_bare.mp3": (FFMPEG + "-c:a libmp3lame -write_xing 0 -id3v2_version 0 {out}", MOST_LATE),
    "lavc_44.mp3": (FFMPEG + "-ar 44100 -c:a libmp3lame {out}", None),
    "layer2.mp2": (FFMPEG + "-c:a mp2 -b:a 64k {out}", MOST_LATE),
    "opusenc.opus": ("opusenc --quiet {wav} {out}", 0),
    "opusenc_low.opus": ("opusenc --quiet --bitrate 8 --framesize 60 {wav} {out}", 0),
    "opusenc_20.opus": ("opusenc --quiet --hard-cbr --max-delay 100 {wav} {out}", 0),
    "lavc.opus": (FFMPEG + "-c:a libopus -b:a 24k {out}", None),
    "oggenc.ogg": (FFMPEG + "-c:a libvorbis -q:a 3 {out}", 0),
    "flac.oga": ("flac --silent --ogg -f -o {out} {wav}", 0),
    "lavc_flac.oga": (FFMPEG + "-c:a flac -f oga {out}", 0),
    "flac.flac": ("flac --silent -f -o {out} {wav}", 0),
    "flac_fast.flac": ("flac --silent -0 -b 65535 --lax -f -o {out} {wav}", 0),
    "flac_24.flac": ("sox {wav} -b 24 {out}", 0),
    "lavc.flac": (FFMPEG + "-c:a flac {out}", 0),
    "lavc_pipe.flac": (FFMPEG + "-c:a flac -f flac - > {out}", None),
    "sox.wav": ("sox {wav} {out}", 0),
    "sox_24.wav": ("sox {wav} -b 24 {out}", 0),
    "sox_8.wav": ("sox {wav} -b 8 {out}", 0),
    "sox_float.wav": ("sox {wav} -e floating-point {out}", 0),
    "sox_alaw.wav": ("sox {wav} -e a-law {out}", 0),
    "sox_pipe.wav": ("sox {wav} -t wav - > {out}", 0),
    "sox.aiff": ("sox {wav} {out}", 0),
    "sox_pipe.aiff": ("sox {wav} -t aiff - > {out}", None),
    "sox.au": ("sox {wav} {out}", 0),
    "sox_pipe.au": ("sox {wav} -t au - > {out}", 0),
    "sox.sph": ("sox {wav} {out}", 0),
    "sox.w64": ("sox {wav} {out}", 0),
    "sox.caf": ("sox {wav} {out}", 0),
    "lavc.wav": (FFMPEG + "{out}", 0),
    "lavc_pipe.wav": (FFMPEG + "-f wav - > {out}", 0),
    "lavc_rf64.wav": (FFMPEG + "-rf64 always {out}", 0),
    "lavc_rf64_pipe.wav": (FFMPEG + "-rf64 always -f wav - > {out}", None),
    "lavc_mp3.wav": (FFMPEG + "-c:a libmp3lame -f wav {out}", MOST_LATE),
    "lavc_adpcm.wav": (FFMPEG + "-c:a adpcm_ima_wav {out}", MOST_LATE),
    "lavc_mulaw.wav": (FFMPEG + "-c:a pcm_mulaw {out}", 0),
    "lavc.w64": (FFMPEG + "-f w64 {out}", 1),  # it counts the padding among the samples
    "lavc.caf": (FFMPEG + "-f caf {out}", 0),
    "lavc_pipe.caf": (FFMPEG + "-f caf - > {out}", None),
    "lavc.aiff": (FFMPEG + "{out}", 0),
    "lavc_mulaw.au": (FFMPEG + "-c:a pcm_mulaw {out}", 0),
}
REFUSED = ("flac.oga", "lavc_flac.oga")  # which libsndfile does not read
SOUNDS = {"mono, 16 kHz": (16000, 1, 3.21), "stereo, 44.1 kHz": (44100, 2, 1.37)}
RATE = 16000


def encode(name: str, folder: Path, sound: str = "mono, 16 kHz") -> tuple[Path, np.ndarray]:
    """Returns a file that a real encoder made, and what it was made of, mixed; or skips."""
    command, _ = ENCODED[name]
    program = command.split()[0]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed (Debian: ffmpeg lame opus-tools sox flac)")
    rate, num_channels, seconds = SOUNDS[sound]
    samples = 0.1 * np.random.default_rng(0).standard_normal(round(seconds * rate))
    samples[len(samples) * 2 // 5 : len(samples) * 7 // 10] = 0  # a variable bitrate goes down
    samples[-rate // 8 :] *= 3  # the end shows whether it is there
    channels = np.stack([samples, 0.5 * samples], axis=1)[:, :num_channels]
    soundfile.write(folder / "in.wav", channels, rate)
    out = folder / name
    subprocess.run(
        command.format(wav=folder / "in.wav", out=out), shell=True, check=True, capture_output=True
    )
    return out, channels.mean(axis=1).astype(np.float32)


@pytest.mark.parametrize("sound", SOUNDS)
@pytest.mark.parametrize("name", ENCODED)
def test_what_real_encoders_write_is_read_to_its_end(tmp_path: Path, name: str, sound: str) -> None:
    path, samples = encode(name, tmp_path, sound)
    rate = SOUNDS[sound][0]
    if name in REFUSED:
        with pytest.raises(DataError, match=r"ffmpeg -i FILE FILE\.wav\)$"):
            read_audio(path, rate)
        return
    late = ENCODED[name][1]
    heard = read_audio(path, rate)
    steps = -(-rate // audio_info(path).sample_rate) if "pipe" not in name else 1
    assert len(heard) >= len(samples) - steps  # a sample of the file is so many
    if late is not None:
        assert len(heard) - len(samples) <= late * rate // RATE
    end = heard[-rate // 8 - MOST_LATE * rate // RATE :]
    assert np.square(end).mean() > np.square(heard[: len(samples) // 4]).mean(), "the end is gone"


@pytest.mark.parametrize("name", ENCODED)
def test_what_real_encoders_write_is_refused_when_a_part_is_gone(tmp_path: Path, name: str) -> None:
    path, _ = encode(name, tmp_path)
    if "pipe" in name:
        pytest.skip("what was written to a pipe does not say how long it is")
    content = path.read_bytes()
    for left in (len(content) // 2 + 5, len(content) - 301):  # in the midst of a frame
        path.write_bytes(content[:left])
        with pytest.raises(DataError):
            read_audio(path, RATE)


@pytest.mark.parametrize(
    "name", [name for name in ENCODED if "pipe" not in name and name not in REFUSED]
)
def test_the_length_that_is_said_is_the_one_that_is_read(tmp_path: Path, name: str) -> None:
    path, _ = encode(name, tmp_path)
    info = audio_info(path)
    assert len(read_audio(path, info.sample_rate)) == info.num_frames


FRAGMENTS = {
    "wav of 16 bytes": b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0"[:16],
    "wav of 20 bytes": b"RIFF\x0c\0\0\0WAVEfmt \x10\0\0\0",
    "caf of an impossible size": b"caff\0\1\0\0" + b"desc" + b"\xf0" + bytes(7),
    "sphere of too many samples": (
        b"NIST_1A\n   1024\nsample_count -i 99999999999999999999\nchannel_count -i 1\nend_head\n"
    ).ljust(1100),
}


@pytest.mark.parametrize("name", FRAGMENTS)
def test_a_fragment_of_a_file_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(FRAGMENTS[name])
    for ask in (audio_info, lambda file: read_audio(file, 16_000)):
        with pytest.raises(DataError, match=r"a\.wav: "):
            ask(path)


def test_an_ape_footer_of_no_size_is_no_tag(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    soundfile.write(path, np.zeros(8000), 8000)
    footer = b"APETAGEX" + (2000).to_bytes(4, "little") + bytes(20)
    path.write_bytes(path.read_bytes() + footer)
    with pytest.raises(DataError, match=r"a\.ogg: "):
        audio_info(path)
