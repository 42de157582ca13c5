"""The families of inputs that are damaged and tried."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import audio
import commands
import configurations
import containers
import manifests
import models
import noise
import scores
from trying import Try


class Family(NamedTuple):
    """How originals are made, how one attempt is, how many there are, and what they are."""

    make_originals: Callable[[Path], None]
    attempt: Try
    count: int
    about: str


FAMILIES = {
    "audio": Family(audio.make_originals, audio.attempt, 3000, "audio files"),
    "containers": Family(
        containers.make_originals, containers.attempt, 2000, "files that FFmpeg's libraries read"
    ),
    "commands": Family(commands.make_originals, commands.attempt, 2000, "calls of transcribe"),
    "manifests": Family(manifests.make_originals, manifests.attempt, 2000, "manifests"),
    "configurations": Family(
        configurations.make_originals, configurations.attempt, 500, "configurations"
    ),
    "models": Family(models.make_originals, models.attempt, 500, "model folders"),
    "noise": Family(noise.make_originals, noise.attempt, 400, "stretches of noise"),
    "scores": Family(scores.make_originals, scores.attempt, 5000, "pairs of transcripts"),
}
if importlib.util.find_spec("av") is None:  # the extra that makes and reads them
    del FAMILIES["containers"]
