"""Which version of a Debian package is here: what is no Python package has no list of its own."""

import shutil
import subprocess


def version_of(package: str) -> str:
    """Returns a package's version as Debian numbers it, or "?" where it is not installed."""
    if shutil.which("dpkg-query") is None:
        return "?"
    command = ["dpkg-query", "--show", "--showformat", "${Version}", package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout or "?"
