"""The lock that keeps a second training out of an experiment folder."""

import fcntl
from pathlib import Path
from typing import IO

from asr.checkpoint import writing
from asr.errors import ConfigError


def lock_folder(folder: Path) -> IO[bytes]:
    """Returns an open lock on an experiment folder, which it makes.

    Raises:
        ConfigError: another process trains there.
        ModelError: the folder cannot be written.
    """
    with writing(folder):
        (folder / "training").mkdir(parents=True, exist_ok=True)
        lock = (folder / "training" / "lock").open("wb")
    try:
        # A process's own lock: loaders that outlive a killed run for a moment do not hold it.
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise ConfigError(
            f"{folder}: another asr train is running there; wait for it, or use another --out"
        ) from None
    return lock
