"""Wav, RF64, W64, AIFF, CAF, AU and SPHERE: sizes never filled in, wrapped, or lies."""

import io
import struct

import numpy as np
import pytest
import soundfile

from asr.audio.files import audio_info, read_audio
from asr.errors import DataError

RATE = 16000
KINDS = {
    "a.wav": ("WAV", "PCM_16"),
    "a24.wav": ("WAV", "PCM_24"),
    "float.wav": ("WAV", "FLOAT"),
    "ext.wav": ("WAVEX", "PCM_16"),
    "a.rf64": ("RF64", "PCM_16"),
    "a.w64": ("W64", "PCM_16"),
    "a.aiff": ("AIFF", "PCM_16"),
    "a.caf": ("CAF", "PCM_16"),
    "alac.caf": ("CAF", "ALAC_16"),
    "a.au": ("AU", "PCM_16"),
    "a.sph": ("NIST", "PCM_16"),
    "a.flac": ("FLAC", "PCM_16"),
}


def sound(seconds: float = 2.0) -> np.ndarray:
    return 0.1 * np.random.default_rng(0).standard_normal(round(seconds * RATE))


def encoded(kind: str, subtype: str, seconds: float = 2.0) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound(seconds), RATE, format=kind, subtype=subtype)
    return file.getvalue()


def riff(data: bytes, size: int, *, riff_size: int = 0, after: bytes = b"") -> bytes:
    head = struct.pack(
        "<4sI4s4sIHHIIHH", b"RIFF", riff_size, b"WAVE", b"fmt ", 16, 1, 1, RATE, 32000, 2, 16
    )
    return head + b"data" + struct.pack("<I", size) + data + after


PCM = (sound() * 32768).astype("<i2").tobytes()


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0xFFFFFFDB, 0x7FFFF000, 0x80000000, 0x7FFFFFFF])
@pytest.mark.parametrize("riff_size", [0, 36, 0xFFFFFFFF])
def test_a_wav_whose_sizes_were_never_filled_in_is_read_to_its_end(tmp_path, size, riff_size):
    (tmp_path / "a.wav").write_bytes(riff(PCM, size, riff_size=riff_size))
    assert audio_info(tmp_path / "a.wav").seconds == 2.0
    heard = read_audio(tmp_path / "a.wav", RATE)
    np.testing.assert_array_equal(heard, np.frombuffer(PCM, "<i2") / np.float32(32768))


def test_a_wav_without_samples_but_with_a_chunk_behind_them_holds_none(tmp_path):
    (tmp_path / "a.wav").write_bytes(riff(b"", 0, after=b"LIST\4\0\0\0INFO"))
    with pytest.raises(DataError, match="holds no samples"):
        audio_info(tmp_path / "a.wav")


def test_a_wav_past_4_gib_whose_size_wrapped_is_as_long_as_its_file(tmp_path):
    path, size = tmp_path / "a.wav", 2**32 + 96_000
    with path.open("wb") as file:
        file.write(riff(PCM, size % 2**32, riff_size=(size + 36) % 2**32))
        file.truncate(44 + size)  # sparse: it takes no room
    assert audio_info(path).num_frames == size // 2


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("missing", [1, 400, 0.5])
def test_every_kind_that_is_cut_short_is_refused(tmp_path, name, missing):
    content = encoded(*KINDS[name])
    cut = int(missing * len(content)) if missing < 1 else int(missing)
    (tmp_path / name).write_bytes(content[:-cut])
    if (name, missing) == ("alac.caf", 1):  # a byte that fills up to an even number
        assert len(read_audio(tmp_path / name, RATE)) == 2 * RATE
        return
    with pytest.raises(DataError, match=r"cut short or damaged|not audio that libsndfile reads"):
        read_audio(tmp_path / name, RATE)


@pytest.mark.parametrize("name", KINDS)
def test_a_second_recording_behind_the_first_is_read_or_refused(tmp_path, name):
    content = encoded(*KINDS[name])
    (tmp_path / name).write_bytes(content + content)
    with pytest.raises(DataError, match=r"a second recording begins at byte \d+, which its header"):
        read_audio(tmp_path / name, RATE)


def test_a_recording_that_goes_on_behind_its_size_is_refused(tmp_path):
    (tmp_path / "a.wav").write_bytes(riff(PCM, len(PCM) // 2, riff_size=36 + len(PCM) // 2))
    with pytest.raises(DataError, match="32000 bytes follow the 32000 of samples"):
        audio_info(tmp_path / "a.wav")


@pytest.mark.parametrize("after", [b"\0" * 9000, b"LIST\xe8\3\0\0INFO", b"id3 \4\0\0\0abcd", b"\1"])
def test_what_follows_the_samples_and_is_none_is_passed_over(tmp_path, after):
    (tmp_path / "a.wav").write_bytes(riff(PCM, len(PCM), riff_size=36 + len(PCM), after=after))
    assert len(read_audio(tmp_path / "a.wav", RATE)) == 2 * RATE


def test_an_unfinished_rf64_is_read_and_an_unfinished_w64_is_refused(tmp_path):
    content = bytearray(encoded("RF64", "PCM_16"))
    place = content.index(b"ds64") + 8
    content[place : place + 24] = bytes(24)
    (tmp_path / "a.rf64").write_bytes(content)
    assert len(read_audio(tmp_path / "a.rf64", RATE)) == 2 * RATE
    content = bytearray(encoded("W64", "PCM_16"))
    place = content.index(b"data\xf3\xac") + 16
    content[place : place + 8] = bytes(8)
    (tmp_path / "a.w64").write_bytes(content)
    with pytest.raises(DataError, match="its header was never finished"):
        audio_info(tmp_path / "a.w64")
    content[place : place + 8] = (2**63 - 1).to_bytes(8, "little")
    content[16:24] = b"\xff" * 8
    (tmp_path / "a.w64").write_bytes(content)
    assert len(read_audio(tmp_path / "a.w64", RATE)) == 2 * RATE


def test_an_aiff_that_was_written_to_a_pipe_is_refused_with_a_way_out(tmp_path):
    content = bytearray(encoded("AIFF", "PCM_16"))
    content[content.index(b"COMM") + 10 : content.index(b"COMM") + 14] = bytes(4)
    content[content.index(b"SSND") + 4 : content.index(b"SSND") + 8] = bytes(4)
    (tmp_path / "a.aiff").write_bytes(content)
    with pytest.raises(DataError, match=r"header was never finished.*instead of a pipe"):
        audio_info(tmp_path / "a.aiff")


def test_mp3_in_a_wav_is_read_frame_by_frame(tmp_path):
    file = io.BytesIO()
    soundfile.write(
        file, sound(), RATE, format="MP3", bitrate_mode="CONSTANT", compression_level=0.5
    )
    layout = struct.pack("<HHIIHHHHIHHH", 0x55, 1, RATE, 8000, 1, 0, 12, 1, 2, 576, 1, 1393)
    body = b"WAVEfmt " + struct.pack("<I", len(layout)) + layout
    body += b"data" + struct.pack("<I", len(file.getvalue())) + file.getvalue()
    (tmp_path / "a.wav").write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    assert len(read_audio(tmp_path / "a.wav", RATE)) == 2 * RATE


@pytest.mark.parametrize("coding", ["pcm,embedded-shorten-v2.00", "ulaw,embedded-shorten-v2.00"])
def test_sphere_with_shorten_names_it_and_what_reads_it(tmp_path, coding):
    fields = "channel_count -i 1\nsample_count -i 16000\nsample_n_bytes -i 2\nsample_rate -i 8000\n"
    head = f"NIST_1A\n   1024\n{fields}sample_coding -s{len(coding)} {coding}\nend_head\n"
    (tmp_path / "a.sph").write_bytes(head.encode().ljust(1024) + b"ajkg\2" + bytes(range(256)) * 30)
    with pytest.raises(DataError, match=r"shorten.*sph2pipe -p -f wav .*a\.sph"):
        audio_info(tmp_path / "a.sph")


@pytest.mark.parametrize("rate", [1, 999, 768_001, 2**31 - 1])
def test_an_impossible_rate_is_refused(tmp_path, rate):
    content = bytearray(riff(PCM, len(PCM), riff_size=36 + len(PCM)))
    content[24:28] = struct.pack("<I", rate)
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(DataError, match=f"its header says {rate} Hz; must be 1000 to 768000"):
        audio_info(tmp_path / "a.wav")


def test_a_header_that_promises_more_than_its_bytes_can_hold_is_refused(tmp_path):
    content = bytearray(encoded("FLAC", "PCM_16"))
    content[21] |= 0x0F
    content[22:26] = b"\xff" * 4
    (tmp_path / "a.flac").write_bytes(content)
    with pytest.raises(DataError, match=r"promises \d+ samples, more than \d+ bytes can hold"):
        audio_info(tmp_path / "a.flac")


def fmt(coding: int, channels: int, block: int, bits: int, more: bytes = b"") -> bytes:
    rates = struct.pack("<II", RATE, RATE * block)
    return struct.pack("<HH", coding, channels) + rates + struct.pack("<HH", block, bits) + more


FORMATS = {
    "channels of pcm": fmt(1, 33, 2, 16),
    "bits of pcm": fmt(1, 1, 2, 24),
    "24 bits in four bytes": fmt(1, 1, 4, 24),  # which libsndfile reads as three
    "channels of float": fmt(3, 3, 4, 32),
    "channels of extensible": fmt(0xFFFE, 3, 2, 16, struct.pack("<HHIH", 22, 16, 0, 1) + bytes(14)),
    "channels of adpcm": fmt(0x11, 3, 256, 4, struct.pack("<HH", 2, 505)),
    "block of adpcm": fmt(0x02, 1, 512, 4, struct.pack("<HH", 2, 500)),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_whose_numbers_do_not_go_together_is_refused(tmp_path, name):
    layout = FORMATS[name]
    body = b"fmt " + struct.pack("<I", len(layout)) + layout
    body += b"data" + struct.pack("<I", len(PCM)) + PCM
    (tmp_path / "a.wav").write_bytes(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body)
    with pytest.raises(DataError, match=r"a\.wav: .* which do not go together"):
        audio_info(tmp_path / "a.wav")


@pytest.mark.parametrize("lost", [64, 2000, 20_000])
def test_a_size_that_ends_midway_among_the_samples_is_refused(tmp_path, lost):
    samples = (3000 * np.sin(np.arange(16000))).astype("<i2").tobytes()
    content = riff(samples, len(samples) - lost, riff_size=36 + len(samples))
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(DataError, match=r"what follows the samples that its header counts"):
        audio_info(tmp_path / "a.wav")
    listed = riff(samples, len(samples), riff_size=36 + len(samples) + 12) + b"LIST\4\0\0\0INFO"
    (tmp_path / "a.wav").write_bytes(listed)
    assert audio_info(tmp_path / "a.wav").num_frames == 16000


@pytest.mark.parametrize(("place", "value"), [(22, 15000), (22, 17000), (46, 4000)])
def test_an_aiff_file_with_other_samples_than_it_counts_is_refused(tmp_path, place, value):
    file = io.BytesIO()
    soundfile.write(file, 0.1 * np.sin(np.arange(16000)), RATE, format="AIFF", subtype="PCM_16")
    content = bytearray(file.getvalue())
    (tmp_path / "a.aiff").write_bytes(content)
    assert audio_info(tmp_path / "a.aiff").num_frames == 16000
    content[place : place + 4] = struct.pack(">I", value)
    (tmp_path / "a.aiff").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.aiff: .*(counts \d+ bytes of samples, it has)"):
        audio_info(tmp_path / "a.aiff")


def test_an_au_file_with_more_samples_than_it_counts_is_refused(tmp_path):
    file = io.BytesIO()
    soundfile.write(file, 0.1 * np.sin(np.arange(16000)), RATE, format="AU", subtype="PCM_16")
    content = bytearray(file.getvalue())
    content[8:12] = struct.pack(">I", 31_000)
    (tmp_path / "a.au").write_bytes(content)
    with pytest.raises(DataError, match=r"1000 bytes follow the 31000 of samples"):
        audio_info(tmp_path / "a.au")
