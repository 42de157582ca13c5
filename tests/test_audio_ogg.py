"""Ogg and Opus: pages that are missing, damaged, cut short, or of a second stream."""

import io

import numpy as np
import pytest
import soundfile

from asr.audio.files import audio_info, read_audio
from asr.errors import DataError

RATE = 16000


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


def ogg(samples: np.ndarray, kind: str, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="OGG", subtype=kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["VORBIS", "OPUS"])
def test_chained_streams_are_read_one_after_the_other(tmp_path, kind):
    parts = [ogg(noise(2, seed), kind) for seed in range(3)]
    (tmp_path / "chain.ogg").write_bytes(b"".join(parts))
    alone = [soundfile.read(io.BytesIO(part), dtype="float32")[0] for part in parts]
    assert audio_info(tmp_path / "chain.ogg").num_frames == 3 * 2 * RATE
    heard = read_audio(tmp_path / "chain.ogg", RATE)
    np.testing.assert_array_equal(heard, np.concatenate(alone))


def test_chained_streams_of_different_rates_are_refused(tmp_path):
    parts = [ogg(noise(1), "VORBIS"), ogg(noise(1), "VORBIS", 8000)]
    (tmp_path / "chain.ogg").write_bytes(b"".join(parts))
    with pytest.raises(DataError, match=r"has a part at 16000 Hz .*, another at 8000 Hz"):
        read_audio(tmp_path / "chain.ogg", RATE)
    with pytest.raises(DataError, match="all must be alike"):
        audio_info(tmp_path / "chain.ogg")


@pytest.mark.parametrize("kind", ["VORBIS", "OPUS"])
def test_no_byte_may_be_missing_at_the_end(tmp_path, kind):
    content = ogg(noise(2), kind)
    for missing in (1, 2, 27, 100, len(content) // 2):
        (tmp_path / "a.ogg").write_bytes(content[:-missing])
        for read in (audio_info, lambda path: read_audio(path, RATE)):
            with pytest.raises(DataError, match=r"cut short or damaged: .*Ogg page"):
                read(tmp_path / "a.ogg")


@pytest.mark.parametrize("kind", ["VORBIS", "OPUS"])
def test_one_wrong_bit_anywhere_is_refused(tmp_path, kind):
    content = ogg(noise(2), kind)
    draw = np.random.default_rng(1)
    for place in [*draw.integers(60, len(content), 40), len(content) - 1]:
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(draw.integers(8))
        (tmp_path / "a.ogg").write_bytes(damaged)
        with pytest.raises(DataError, match="cut short or damaged"):
            read_audio(tmp_path / "a.ogg", RATE)


def page_starts(content: bytes) -> list[int]:
    found, place = [], content.find(b"OggS")
    while place >= 0:
        found.append(place)
        place = content.find(b"OggS", place + 1)
    return found


def test_a_page_that_is_missing_or_doubled_is_refused(tmp_path):
    content = ogg(noise(9), "OPUS")
    third, fourth = page_starts(content)[3:5]
    (tmp_path / "less.ogg").write_bytes(content[:third] + content[fourth:])
    with pytest.raises(DataError, match=r"an Ogg page before byte .* is missing"):
        audio_info(tmp_path / "less.ogg")
    (tmp_path / "more.ogg").write_bytes(content[:fourth] + content[third:])
    with pytest.raises(DataError, match="cut short or damaged"):
        audio_info(tmp_path / "more.ogg")


def test_a_stream_whose_last_page_gave_way_to_another_is_refused(tmp_path):
    content = ogg(noise(3), "VORBIS")
    cut = content[: page_starts(content)[-1]]
    (tmp_path / "a.ogg").write_bytes(cut + content)
    with pytest.raises(DataError, match="a stream's last, is gone"):
        audio_info(tmp_path / "a.ogg")
    (tmp_path / "b.ogg").write_bytes(content + content[page_starts(content)[-1] :])
    with pytest.raises(DataError, match="belongs to no stream"):
        audio_info(tmp_path / "b.ogg")


def test_streams_side_by_side_are_refused(tmp_path):
    one, other = ogg(noise(1), "OPUS"), ogg(noise(1, 1), "VORBIS")
    first = page_starts(one)[1]
    (tmp_path / "a.ogg").write_bytes(one[:first] + other)
    with pytest.raises(DataError, match=r"several Ogg streams side by side.*0:a:0"):
        audio_info(tmp_path / "a.ogg")


def test_a_tag_behind_the_last_page_is_passed_over(tmp_path):
    content = ogg(noise(1), "VORBIS")
    (tmp_path / "a.ogg").write_bytes(content + b"TAG" + b"x" * 125)
    assert len(read_audio(tmp_path / "a.ogg", RATE)) == RATE
