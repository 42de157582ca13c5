"""The command `asr serve`."""

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from asr.cli.options import (
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
from asr.errors import ConfigError, InstallError
from asr.machine.cores import use_threads

NEEDED = ("fastapi", "python_multipart", "uvicorn")
MEGABYTE = 1_000_000


def serve(
    model: Model,
    host: Annotated[
        str, typer.Option(help="Address to listen at; 0.0.0.0 is every one of this machine.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes one that is free.")] = 8000,
    api_key: Annotated[
        str | None,
        typer.Option(envvar="ASR_API_KEY", help="That clients must send; else anybody may ask."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="That the model is asked by; else its folder's.")
    ] = None,
    alias: Annotated[
        list[str] | None, typer.Option(help="Another name, as whisper-1; repeatable.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="That the model hears, as en: others are refused.")
    ] = None,
    lms: LMs = None,
    beam_size: BeamSize = None,
    search: Search = None,
    settings: Settings = None,
    max_megabytes: Annotated[float, typer.Option(min=0.001, help="Of a file.")] = 200,
    max_seconds: Annotated[float, typer.Option(min=0.1, help="Of a recording.")] = 14400,
    max_requests: Annotated[
        int, typer.Option(min=1, max=100_000, help="Under way or waiting; one more gets a 503.")
    ] = 1024,
    at_once: Annotated[
        int, typer.Option(min=1, max=512, help="Recordings that are read side by side.")
    ] = 32,
    batch_seconds: Annotated[
        float, typer.Option(min=1, help="Of audio that the model gets at once.")
    ] = 160,
    stop_seconds: Annotated[
        int, typer.Option(min=0, help="After SIGTERM, to finish what is under way.")
    ] = 60,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Answer OpenAI's audio API with a model, and show a page to try it.

    It listens to this machine alone unless --host says otherwise.
    """
    names = _names(model, name, alias or [], api_key)
    _check_installed()
    use_threads(threads)
    from asr.serving.desk import Limits
    from asr.serving.server import Place, listen
    from asr.serving.server import serve as run
    from asr.serving.transcriptions import Offer

    place = Place(host, port, api_key, stop_seconds)
    listen(place).close()  # what is wrong with it is said before a model is loaded
    from asr.use.recognizer import load_recognizer
    from asr.use.transcribe import TranscribeOptions

    recognizer = load_recognizer(model, device, lms=lms or ())
    chosen = recognizer.choose(search_settings(search, beam_size, settings))
    say_all(recognizer.notices)
    limits = Limits(
        max_bytes=round(max_megabytes * MEGABYTE),
        max_seconds=max_seconds,
        max_requests=max_requests,
        at_once=at_once,
        batch_seconds=batch_seconds,
    )
    run(
        recognizer,
        TranscribeOptions(chosen, batch_seconds=batch_seconds),
        offer=Offer(names, language or None, int(model.stat().st_mtime)),
        place=place,
        limits=limits,
        say=say,
    )


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


def _check_installed() -> None:
    for package in NEEDED:
        try:
            import_module(package)
        except ImportError as error:
            raise InstallError(
                f"asr serve needs {package}, which does not import ({error}): "
                "pip install 'asr-seq2seq[serve]' brings it"
            ) from error
