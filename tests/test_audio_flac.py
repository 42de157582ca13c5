"""FLAC: the header's count of samples is held against the last frame."""

import io
import shutil
import subprocess

import numpy as np
import pytest
import soundfile

from asr.audio.files import read_audio
from asr.errors import DataError

RATE = 16000
COUNT = 18 + 3  # the byte whose low half begins the number of samples, and four more


def encoded(num_samples: int = 36_800) -> bytearray:
    file = io.BytesIO()
    noise = 0.1 * np.random.default_rng(0).standard_normal(num_samples)
    soundfile.write(file, noise, RATE, format="FLAC", subtype="PCM_16")
    return bytearray(file.getvalue())


@pytest.mark.parametrize("num_samples", [1, 191, 4096, 4097, 36_800, 600_000])
def test_files_of_any_length_are_read(tmp_path, num_samples):
    (tmp_path / "a.flac").write_bytes(encoded(num_samples))
    assert len(read_audio(tmp_path / "a.flac", RATE)) == num_samples
    (tmp_path / "a.flac").write_bytes(encoded(num_samples) + b"TAG".ljust(128, b"x"))
    assert len(read_audio(tmp_path / "a.flac", RATE)) == num_samples


@pytest.mark.parametrize("bit", range(0, 36, 3))
def test_a_changed_bit_of_the_count_is_refused(tmp_path, bit):
    content = encoded()
    count = int.from_bytes(content[COUNT : COUNT + 5], "big") ^ 1 << bit
    content[COUNT : COUNT + 5] = count.to_bytes(5, "big")
    (tmp_path / "a.flac").write_bytes(content)
    with pytest.raises(DataError, match=r"counts \d+ samples, its frames 36800"):
        read_audio(tmp_path / "a.flac", RATE)


@pytest.mark.parametrize("options", ["-b 65535 --lax", "-8", "-0 -b 192", "--no-md5-sum"])
def test_files_of_the_reference_encoder_are_read(tmp_path, options):
    if shutil.which("flac") is None:
        pytest.skip("flac is not installed (Debian: flac)")
    soundfile.write(tmp_path / "a.wav", 0.1 * np.sin(np.arange(70_000)), 22050)
    command = ["flac", "--silent", *options.split(), "-o", tmp_path / "a.flac", tmp_path / "a.wav"]
    subprocess.run(command, check=True)
    assert len(read_audio(tmp_path / "a.flac", 22050)) == 70_000
