"""mp3: lengths that a tag says, or does not say, or says of a part only; and what editors add."""

import io
import struct

import numpy as np
import pytest
import soundfile

from asr.audio import mp3 as module
from asr.audio.files import audio_info, read_audio
from asr.audio.pieces import Peek
from asr.errors import DataError

RATE = 16000


def sound(seconds: float = 6.0, seed: int = 0) -> np.ndarray:
    """Something whose first third costs many bits, and whose second costs none."""
    samples = 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    samples[len(samples) // 3 : len(samples) * 2 // 3] = 0
    return samples


def encoded(samples: np.ndarray, mode: str = "VARIABLE", rate: int = RATE) -> bytes:
    file = io.BytesIO()
    soundfile.write(
        file, samples, rate, format="MP3", subtype="MPEG_LAYER_III",
        bitrate_mode=mode, compression_level=0.5,
    )  # fmt: skip
    return file.getvalue()


def without_tag(content: bytes) -> bytes:
    frame = module.parse_header(int.from_bytes(content[:4], "big"))
    assert frame is not None
    return content[frame.size :]


def id3(title: str) -> bytes:
    text = b"\0" + title.encode("latin-1")
    body = b"TIT2" + struct.pack(">IH", len(text), 0) + text
    return b"ID3\x03\0\0" + bytes([0, 0, len(body) >> 7, len(body) & 127]) + body


def ape(with_header: bool) -> bytes:
    item = struct.pack("<II", 4, 0) + b"Title\0name"
    size, flags = len(item) + 32, (1 << 31) if with_header else 0
    footer = b"APETAGEX" + struct.pack("<IIII8x", 2000, size, 1, flags)
    header = b"APETAGEX" + struct.pack("<IIII8x", 2000, size, 1, flags | 1 << 29)
    return (header if with_header else b"") + item + footer


LYRICS = b"LYRICSBEGIN" + b"IND00002" + b"00"
TAILS = {
    "ID3v1": b"TAG" + b"Xing and Info".ljust(125, b"\0"),
    "APE": ape(with_header=False),
    "APE with a header": ape(with_header=True),
    "Lyrics3": LYRICS + f"{len(LYRICS):06d}".encode() + b"LYRICS200",
    "ID3v2": id3("behind")[:10].replace(b"ID3", b"ID3") + id3("behind")[10:],
}


def num_read(path, content: bytes) -> int:
    path.write_bytes(content)
    info, heard = audio_info(path), read_audio(path, RATE)
    assert info.num_frames == len(heard)
    return len(heard)


def test_a_variable_bitrate_without_a_length_tag_is_read_to_its_end(tmp_path):
    content = without_tag(encoded(sound()))
    num_frames = sum(
        run.num_frames for run in module._walk(Peek(io.BytesIO(content), "a"), 0, len(content))
    )
    assert soundfile.info(io.BytesIO(content)).frames < 3 * RATE  # what libsndfile guesses
    assert num_read(tmp_path / "a.mp3", content) == 576 * num_frames
    heard = read_audio(tmp_path / "a.mp3", RATE)
    (tmp_path / "b.mp3").write_bytes(encoded(sound()))
    tagged = read_audio(tmp_path / "b.mp3", RATE)
    assert len(tagged) == 6 * RATE
    late = heard[1105:][: len(tagged)]  # the delays of encoder and decoder, which no tag tells
    np.testing.assert_allclose(late[600:], tagged[600 : 600 + len(late) - 600], atol=1e-6)


@pytest.mark.parametrize("title", ["Information session", "Xing the river", "plain"])
def test_a_title_is_no_length_tag(tmp_path, title):
    content = without_tag(encoded(sound(), mode="CONSTANT"))
    expected = num_read(tmp_path / "a.mp3", content)
    assert expected > 6 * RATE
    assert num_read(tmp_path / "b.mp3", id3(title) + content) == expected


@pytest.mark.parametrize("has_tag", [True, False])
@pytest.mark.parametrize("name", TAILS)
def test_what_tag_editors_add_at_the_end_is_passed_over(tmp_path, name, has_tag):
    content = encoded(sound()) if has_tag else without_tag(encoded(sound()))
    expected = num_read(tmp_path / "a.mp3", content)
    assert num_read(tmp_path / "b.mp3", content + TAILS[name]) == expected
    assert num_read(tmp_path / "c.mp3", content + TAILS[name] + TAILS["ID3v1"]) == expected


def test_joined_files_are_read_one_after_the_other_with_tags_or_without(tmp_path):
    one, other = encoded(sound(2)), encoded(sound(3, seed=1), mode="CONSTANT")
    whole = [soundfile.read(io.BytesIO(part), dtype="float32")[0] for part in (one, other)]
    assert num_read(tmp_path / "a.mp3", one + other) == 5 * RATE
    heard = read_audio(tmp_path / "a.mp3", RATE)
    np.testing.assert_allclose(heard, np.concatenate(whole), atol=1e-6)
    assert (
        num_read(tmp_path / "b.mp3", id3("x") + one + TAILS["ID3v1"] + id3("y") + other) == 5 * RATE
    )
    bare = without_tag(other)
    rest = num_read(tmp_path / "d.mp3", bare)
    assert num_read(tmp_path / "c.mp3", one + bare) == 2 * RATE + rest
    assert num_read(tmp_path / "e.mp3", bare + one) == 2 * RATE + rest


@pytest.mark.parametrize("has_tag", [True, False])
def test_a_frame_that_is_missing_or_cut_is_refused(tmp_path, has_tag):
    content = encoded(sound()) if has_tag else without_tag(encoded(sound()))
    for missing in (1, 30):
        (tmp_path / "a.mp3").write_bytes(content[:-missing])
        with pytest.raises(DataError, match=r"a\.mp3: cut short or damaged: its last frame"):
            audio_info(tmp_path / "a.mp3")
    (tmp_path / "a.mp3").write_bytes(content[:4000] + b"?" * 500 + content[4000:])
    with pytest.raises(DataError, match="cut short or damaged"):
        read_audio(tmp_path / "a.mp3", RATE)


def test_fewer_whole_frames_than_the_tag_says_are_refused(tmp_path):
    content = encoded(sound())
    place = 0
    for _ in range(100):
        frame = module.parse_header(int.from_bytes(content[place : place + 4], "big"))
        assert frame is not None
        place += frame.size
    (tmp_path / "a.mp3").write_bytes(content[:place])
    with pytest.raises(DataError, match=r"it has 99 of the 1.. frames of mp3 it promises"):
        audio_info(tmp_path / "a.mp3")


def test_headers_are_read_as_the_standard_has_them():
    assert module.parse_header(0xFFFB9000) == (417, 1152, 36)  # MPEG-1, 128 kbit/s, 44.1 kHz
    assert module.parse_header(0xFFFB92C0) == (418, 1152, 21)  # with a slot more, mono
    assert module.parse_header(0xFFF388C4) == (288, 576, 13)  # MPEG-2, 64 kbit/s, 16 kHz, mono
    assert module.parse_header(0xFFE318C4) == (72, 576, 13)  # MPEG-2.5, 8 kbit/s, 8 kHz, mono
    assert module.parse_header(0xFFFD9000) == (522, 1152, 36)  # layer 2, 160 kbit/s
    assert module.parse_header(0xFFFF9000) == (312, 384, 4)  # layer 1, 288 kbit/s
    for header in (0xFFFB0000, 0xFFFBF000, 0xFFEB9000, 0xFFFB9C00, 0xFEFB9000, 0xFFF99000):
        assert module.parse_header(header) is None


def test_a_file_that_begins_midway_in_a_frame_is_read_from_the_first_whole_one(tmp_path):
    content = without_tag(encoded(sound(), mode="CONSTANT"))
    (tmp_path / "a.mp3").write_bytes(content[77:])
    heard = read_audio(tmp_path / "a.mp3", RATE)
    assert 6 * RATE - 1200 <= len(heard) <= 6 * RATE + 3000
    assert len(heard) == audio_info(tmp_path / "a.mp3").num_frames


@pytest.mark.parametrize("place", [0, 7, 11])
def test_a_first_frame_that_the_decoder_takes_for_audio_hides_nothing(tmp_path, place):
    content = bytearray(encoded(sound()))
    content[place] ^= 0x40
    (tmp_path / "a.mp3").write_bytes(content)
    assert len(read_audio(tmp_path / "a.mp3", RATE)) >= 6 * RATE


def test_zeros_where_the_frames_were_to_be_are_refused(tmp_path):
    content = without_tag(encoded(sound()))
    (tmp_path / "a.mp3").write_bytes(content + bytes(1000))
    assert len(read_audio(tmp_path / "a.mp3", RATE)) >= 6 * RATE
    (tmp_path / "a.mp3").write_bytes(content + bytes(20_000))
    with pytest.raises(DataError, match=r"its last 20000 bytes are zeros, and no frames of mp3"):
        read_audio(tmp_path / "a.mp3", RATE)
