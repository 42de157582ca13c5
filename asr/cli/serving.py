"""The command `asr serve`."""

import os
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from asr.cli.options import (
    STOPPED,
    BeamSize,
    Device,
    LMs,
    Model,
    Search,
    Settings,
    Threads,
    say,
    say_all,
    search_settings,
)
from asr.cli.transcribe_options import Vad
from asr.errors import ConfigError, InstallError
from asr.machine.cores import use_threads

NEEDED = ("fastapi", "python_multipart", "uvicorn")
MEGABYTE = 1_000_000


Host = Annotated[
    str, typer.Option(help="Address to listen at; 0.0.0.0 is every one of this machine.")
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="0 takes one that is free.")]
ApiKey = Annotated[
    str | None,
    typer.Option(envvar="ASR_API_KEY", help="That clients must send; else anybody may ask."),
]
Name = Annotated[str | None, typer.Option(help="That the model is asked by; else its folder's.")]
Aliases = Annotated[
    list[str] | None, typer.Option("--alias", help="Another name, as whisper-1; repeatable.")
]
Language = Annotated[
    str | None, typer.Option(help="That the model hears, as en: others are refused.")
]
MaxMegabytes = Annotated[float, typer.Option(min=0.001, help="Of a file.")]
MaxSeconds = Annotated[float, typer.Option(min=0.1, help="Of a recording.")]
MaxRequests = Annotated[
    int, typer.Option(min=1, max=100_000, help="Under way or waiting; one more gets a 503.")
]
AtOnce = Annotated[int, typer.Option(min=1, max=512, help="Recordings that are read side by side.")]
BatchSeconds = Annotated[float, typer.Option(min=1, help="Of audio that the model gets at once.")]
StopSeconds = Annotated[
    int, typer.Option(min=0, help="After SIGTERM, to finish what is under way.")
]


def serve(
    model: Model,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    api_key: ApiKey = None,
    name: Name = None,
    aliases: Aliases = None,
    language: Language = None,
    lms: LMs = None,
    beam_size: BeamSize = None,
    search: Search = None,
    settings: Settings = None,
    max_megabytes: MaxMegabytes = 200,
    max_seconds: MaxSeconds = 14400,
    max_requests: MaxRequests = 1024,
    at_once: AtOnce = 32,
    batch_seconds: BatchSeconds = 160,
    vad: Vad = "level",
    stop_seconds: StopSeconds = 60,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Answer OpenAI's audio API with a model and show a page; to this machine unless told."""
    names = _names(model, name, aliases or [], api_key)
    _check_installed(vad)
    use_threads(threads)
    from asr.serving.desk import Limits
    from asr.serving.server import Place, listen

    place = Place(host, port, api_key, stop_seconds)
    listen(place).close()  # what is wrong with it is said before a model is loaded
    sizes = (round(max_megabytes * MEGABYTE), max_seconds, max_requests, at_once, batch_seconds)
    _run(
        (model, device, lms or []),
        (search_settings(search, beam_size, settings), vad),
        names=names,
        language=language or None,
        place=place,
        limits=Limits(*sizes),
    )


def _run(
    source: tuple[Path, str, list[Path]],
    chosen: tuple[list[str], str],
    *,
    names: tuple[str, ...],
    language: str | None,
    place: Any,
    limits: Any,
) -> None:
    """Loads a model from a folder, to a device, beside language models, and serves it.

    chosen: settings of the search, and how speech is found.
    """
    from asr.serving.server import serve as run
    from asr.serving.transcriptions import Offer
    from asr.use.recognizer import load_recognizer
    from asr.use.transcribe import TranscribeOptions

    folder, device, lms = source
    recognizer = load_recognizer(folder, device, lms=lms)
    search = recognizer.choose(chosen[0])
    say_all(recognizer.notices)
    is_finished = run(
        recognizer,
        TranscribeOptions(search, batch_seconds=limits.batch_seconds, vad=chosen[1]),
        offer=Offer(names, language, int(folder.stat().st_mtime)),
        place=place,
        limits=limits,
        say=say,
    )
    if not is_finished:
        os._exit(STOPPED)  # not past a thread in the midst of torch, which would end in an abort


def _names(model: Path, name: str | None, aliases: list[str], key: str | None) -> tuple[str, ...]:
    if key is not None and (not key.strip() or not key.isascii() or not key.isprintable()):
        raise ConfigError(
            "--api-key: must be at least one printable ASCII letter, as a header can hold "
            "(leave it out for none)"
        )
    own = model.resolve().name if name is None else name
    for one in (own, *aliases):
        if not one.strip():
            raise ConfigError(f'--name "{one}": must not be empty (leave it out)')
    return tuple(dict.fromkeys((own, *aliases)))


def _check_installed(vad: str) -> None:
    from asr.audio.speech import check_vad

    check_vad(vad)
    for package in NEEDED:
        try:
            import_module(package)
        except ImportError as error:
            raise InstallError(
                f"asr serve needs {package}, which does not import ({error}): "
                "pip install 'asr-seq2seq[serve]' brings it"
            ) from error
