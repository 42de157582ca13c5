"""The lock that keeps a second training out of an experiment folder."""

import errno
from pathlib import Path
from typing import IO

from asr.errors import ConfigError
from asr.files import writing

# What systems say where there are no locks; of another's lock they say several other things.
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


def lock_folder(folder: Path) -> IO[bytes]:
    """Returns an open lock on an experiment folder, which it makes.

    The lock is the process's own and ends with it, however it ends.

    Raises:
        ConfigError: another process trains there.
        ModelError: the folder cannot be written.
    """
    with writing(folder):
        (folder / "training").mkdir(parents=True, exist_ok=True)
        lock = (folder / "training" / "lock").open("ab")
    try:
        _take(lock)
    except OSError as error:
        lock.close()
        if error.errno in NO_LOCKS:
            raise ConfigError(
                f"{folder}: cannot be locked ({error.strerror or error}); use an --out on a disk "
                "that knows locks"
            ) from None
        raise ConfigError(
            f"{folder}: another asr train is running there; wait for it, or use another --out"
        ) from None
    return lock


def _take(lock: IO[bytes]) -> None:
    """Locks an open file for this process alone; raises OSError where another has done so."""
    try:
        import fcntl
    except ImportError:  # Windows has another call
        import msvcrt

        lock.seek(0)
        msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        # Loaders that outlive a killed run for a moment do not hold a lock of this kind.
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
