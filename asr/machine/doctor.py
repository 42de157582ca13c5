"""Versions, devices, codecs and room: what is there, what is missing, and how to get it.

Every examination is one entry of EXAMINATIONS and may fail in any way: that becomes a finding.
"""

from __future__ import annotations

import importlib
import io
import os
import platform
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from asr.machine.cores import choose_threads

CODECS = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
DISTRIBUTION = "asr-seq2seq"  # as pyproject.toml names it
MIN_DISK_GIB = 5.0
MIN_MEMORY_GIB = 2.0
GIB = float(2**30)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; advice says how to get what is missing ("" where all is well).

    ok is False only for what stops a part of the toolkit from working.
    """

    name: str
    value: str
    ok: bool
    advice: str = ""


def examine() -> list[Finding]:
    """Returns what was found, in the order of EXAMINATIONS. Never raises."""
    found: list[Finding] = []
    for name, examination in EXAMINATIONS.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found.extend(examination())
        except Exception as error:
            value = f"cannot be examined: {type(error).__name__}: {error}"
            found.append(Finding(name, value, ok=False, advice="run make install again"))
    return found


def _python() -> Iterator[Finding]:
    ok = sys.version_info >= (3, 11)
    yield Finding("python", platform.python_version(), ok, "" if ok else "install Python 3.11")
    yield Finding("system", platform.platform(), ok=True)


def _packages() -> Iterator[Finding]:
    yield Finding("asr", metadata.version(DISTRIBUTION), ok=True)
    for name, requirement in _requirements().items():
        try:
            yield Finding(name, metadata.version(name), ok=True)
        except metadata.PackageNotFoundError:
            yield Finding(name, "missing", ok=False, advice=f"pip install '{requirement}'")


def _requirements() -> dict[str, str]:
    """Returns what the installed package declares that it needs: name -> name and versions."""
    declared = [line for line in metadata.requires(DISTRIBUTION) or () if "extra ==" not in line]
    return {re.split(r"[^\w.-]", line, maxsplit=1)[0]: line for line in declared}


def _torch_pair() -> Iterator[Finding]:
    """Whether torch and torchaudio import together: their wheels must be of one build."""
    try:
        importlib.import_module("torchaudio")
    except Exception as error:
        pair = " ".join(f"'{_requirements()[name]}'" for name in ("torch", "torchaudio"))
        advice = f"pip install {pair}: both for CUDA, or both for the processor alone"
        yield Finding("torch and torchaudio", f"do not import together: {error}", False, advice)
    else:
        yield Finding("torch and torchaudio", "import together", ok=True)


def _processor() -> Iterator[Finding]:
    fields = _processor_fields()
    yield Finding("processor", fields.get("model name") or platform.processor() or "?", ok=True)
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Finding("cores", f"{usable} usable of {os.cpu_count()}", ok=True)
    threads = choose_threads()
    yield Finding("threads", f"{threads.number}: {threads.reason}", ok=True)
    flags = fields.get("flags", fields.get("Features", "")).split()
    bfloat16 = sorted({"amx_bf16", "avx512_bf16", "bf16"} & set(flags))
    advice = "" if bfloat16 else "leave float32, or say auto"
    yield Finding("bfloat16 on the processor", ", ".join(bfloat16) or "no", ok=True, advice=advice)


def _processor_fields() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    fields: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        key, colon, value = line.partition(":")
        if colon:
            fields.setdefault(key.strip(), value.strip())
    return fields


def _torch_devices() -> Iterator[Finding]:
    import torch  # two seconds

    yield Finding("torch threads", str(torch.get_num_threads()), ok=True)
    if not torch.cuda.is_available():
        advice = "" if torch.version.cuda is None else "an NVIDIA GPU and its driver would be used"
        yield Finding("CUDA", "no device; the processor is used", ok=True, advice=advice)
        return
    for index in range(torch.cuda.device_count()):
        device = torch.cuda.get_device_properties(index)
        value = f"{device.name}, {device.total_memory / GIB:.0f} GiB"
        yield Finding(f"CUDA device {index}", value, ok=True)


def _compiled_loops() -> Iterator[Finding]:
    """Whether numba finds the system's OpenMP; its own threads start in three times the time."""
    name = "threads of compiled loops"
    try:
        importlib.import_module("numba.np.ufunc.omppool")
    except ImportError:
        yield Finding(name, "numba's own", ok=True, advice="OpenMP is faster: install libgomp1")
    else:
        yield Finding(name, "OpenMP", ok=True)


def _codecs() -> Iterator[Finding]:
    import soundfile

    yield Finding("libsndfile", soundfile.__libsndfile_version__, ok=True)
    for name, (container, subtype) in CODECS.items():
        fault = _codec_fault(container, subtype)
        advice = "" if fault is None else "pip install --upgrade soundfile (its wheel brings all)"
        value = "reads and writes" if fault is None else f"does not work: {fault}"
        yield Finding(f"codec {name}", value, fault is None, advice)


def _av() -> Iterator[Finding]:
    """Whether recordings are read that libsndfile does not know."""
    try:
        value, advice = metadata.version("av"), ""
    except metadata.PackageNotFoundError:
        value, advice = "missing", "m4a, mp4, webm, aac, amr, wma and video need it: pip install av"
    yield Finding("PyAV", value, ok=True, advice=advice)


def _codec_fault(container: str, subtype: str) -> str | None:
    import numpy as np
    import soundfile

    tone = 0.3 * np.sin(2 * np.pi * 440.0 * np.arange(16000) / 16000)  # one second
    memory = io.BytesIO()
    try:
        soundfile.write(memory, tone, 16000, format=container, subtype=subtype)
        memory.seek(0)
        heard, _ = soundfile.read(memory)
    except Exception as error:
        return str(error)
    rms = float(np.sqrt(np.mean(np.square(heard)))) if len(heard) else 0.0
    return None if 0.15 < rms < 0.3 else f"a tone of rms 0.21 comes back with rms {rms:.2f}"


def _fonts() -> Iterator[Finding]:
    """Whether pictures can show Hangul; all else is drawn without it."""
    from asr.pictures.fonts import GET_HANGUL, hangul_family

    family = hangul_family()
    advice = "" if family else GET_HANGUL
    yield Finding("Hangul in pictures", family or "no font has it", ok=True, advice=advice)


def _espeak() -> Iterator[Finding]:
    name, advice = "eSpeak NG", "pip install espeakng-loader (only the demonstration needs it)"
    try:
        loader = importlib.import_module("espeakng_loader")
        library = Path(loader.get_library_path())
    except ImportError:
        yield Finding(name, "missing", ok=False, advice=advice)
        return
    there = library.exists()
    yield Finding(name, library.name if there else "missing", there, "" if there else advice)


def _room() -> Iterator[Finding]:
    for name, folder in (("here", Path.cwd()), ("temporary", Path(tempfile.gettempdir()))):
        free = shutil.disk_usage(folder).free / GIB
        ok = free >= MIN_DISK_GIB
        advice = "" if ok else f"make room: {MIN_DISK_GIB:.0f} GiB, more for large corpora"
        yield Finding(f"free disk, {name}", f"{free:.1f} GiB ({folder})", ok, advice)


def _memory() -> Iterator[Finding]:
    path = Path("/proc/meminfo")
    if not path.exists():
        yield Finding("free memory", "unknown on this system", ok=True)
        return
    lines = dict(line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
    free = int(lines["MemAvailable"].split()[0]) * 1024 / GIB
    total = int(lines["MemTotal"].split()[0]) * 1024 / GIB
    ok = free >= MIN_MEMORY_GIB
    advice = "" if ok else f"close programs: {MIN_MEMORY_GIB:.0f} GiB are needed to train"
    yield Finding("free memory", f"{free:.1f} of {total:.1f} GiB", ok, advice)


EXAMINATIONS: dict[str, Callable[[], Iterator[Finding]]] = {
    "python": _python,
    "packages": _packages,
    "torch and torchaudio": _torch_pair,
    "processor": _processor,
    "devices": _torch_devices,
    "compiled loops": _compiled_loops,
    "codecs": _codecs,
    "PyAV": _av,
    "fonts": _fonts,
    "eSpeak NG": _espeak,
    "disk": _room,
    "memory": _memory,
}
