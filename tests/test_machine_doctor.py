import builtins
import importlib
import shutil

import pytest
import soundfile

from asr.machine import doctor
from asr.machine.doctor import CODECS, examine


def by_name():
    return {finding.name: finding for finding in examine()}


def test_the_doctor_names_versions_devices_codecs_and_room():
    found = by_name()
    expected = {"python", "asr", "torch", "torchaudio", "lhotse", "processor", "torch threads"}
    expected |= {f"codec {name}" for name in CODECS} | {"eSpeak NG", "free disk, here"}
    assert expected <= set(found)
    assert len(found) == len(examine())
    assert all(finding.value for finding in found.values())


def test_every_codec_works_with_the_wheel_of_soundfile():
    found = by_name()
    assert {found[f"codec {name}"].value for name in CODECS} == {"reads and writes"}


def test_what_is_not_well_comes_with_advice():
    assert all(finding.advice for finding in examine() if not finding.ok)


def test_a_missing_package_comes_with_the_way_to_get_it(monkeypatch):
    declared = ["no-such-package-of-ours>=2,<3", 'not-needed>=1; extra == "demo"']
    monkeypatch.setattr(doctor.metadata, "requires", lambda _: declared)
    found = by_name()
    finding = found["no-such-package-of-ours"]
    assert (finding.value, finding.ok) == ("missing", False)
    assert finding.advice == "pip install 'no-such-package-of-ours>=2,<3'"
    assert "not-needed" not in found


def test_a_torchaudio_that_does_not_fit_its_torch_comes_with_the_pair_that_does(monkeypatch):
    real = importlib.import_module

    def unfit(name):
        if name == "torchaudio":
            raise OSError("libtorch_cuda.so: no such file")
        return real(name)

    monkeypatch.setattr(doctor.metadata, "requires", lambda _: ["torch<3,>=2", "torchaudio<3"])
    monkeypatch.setattr(importlib, "import_module", unfit)
    finding = by_name()["torch and torchaudio"]
    assert not finding.ok
    assert "libtorch_cuda.so" in finding.value
    assert finding.advice.startswith("pip install 'torch<3,>=2' 'torchaudio<3'")


def test_a_missing_espeak_comes_with_the_way_to_get_it(monkeypatch):
    real = importlib.import_module

    def missing(name):
        if name == "espeakng_loader":
            raise ModuleNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    finding = by_name()["eSpeak NG"]
    assert not finding.ok
    assert "pip install espeakng-loader" in finding.advice


def test_a_codec_that_fails_is_said(monkeypatch):
    real = soundfile.write

    def no_opus(file, data, samplerate, **options):
        if options["subtype"] == "OPUS":
            raise soundfile.LibsndfileError(1)
        real(file, data, samplerate, **options)

    monkeypatch.setattr(soundfile, "write", no_opus)
    found = by_name()
    assert not found["codec opus"].ok
    assert "soundfile" in found["codec opus"].advice
    assert found["codec flac"].ok


def test_a_full_disk_is_said(monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2**30))
    finding = by_name()["free disk, here"]
    assert not finding.ok
    assert finding.value.startswith("1.0 GiB")
    assert "make room" in finding.advice


@pytest.mark.parametrize("name", ["python", "devices", "codecs", "memory"])
def test_an_examination_that_breaks_becomes_a_finding(monkeypatch, name):
    def broken():
        raise OSError("out of order")

    monkeypatch.setitem(doctor.EXAMINATIONS, name, broken)
    finding = by_name()[name]
    assert not finding.ok
    assert finding.value == "cannot be examined: OSError: out of order"


def test_torch_that_does_not_import_stops_nothing(monkeypatch):
    real = builtins.__import__

    def no_torch(name, *rest, **options):
        if name == "torch":
            raise ImportError("libcudart is gone")
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", no_torch)
    found = by_name()
    assert "libcudart is gone" in found["devices"].value
    assert found["codec wav"].ok


def test_compiled_loops_without_openmp_come_with_the_way_to_get_it(monkeypatch):
    assert by_name()["threads of compiled loops"].value in {"OpenMP", "numba's own"}
    real = importlib.import_module

    def no_openmp(name):
        if name.endswith("omppool"):
            raise ImportError("libgomp.so.1 is not there")
        return real(name)

    monkeypatch.setattr(importlib, "import_module", no_openmp)
    finding = by_name()["threads of compiled loops"]
    assert (finding.value, finding.ok) == ("numba's own", True)
    assert "libgomp1" in finding.advice
