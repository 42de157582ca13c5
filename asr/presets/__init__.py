"""Configurations that come with the package, so that `asr train quickstart` needs no clone.

Each folder here is a link to the configurations of a folder of egs/; a wheel holds the files.
"""

from pathlib import Path

from asr.errors import ConfigError

__all__ = ["find_configuration", "presets"]


def presets() -> dict[str, Path]:
    """Returns each preset's name, `quickstart` or `quickstart/korean`, and its YAML file."""
    files = sorted(Path(__file__).parent.glob("*/*.yaml"))
    names = [f"{file.parent.name}/{file.stem}".removesuffix("/default") for file in files]
    return dict(sorted(zip(names, files, strict=True)))


def find_configuration(given: Path) -> Path:
    """Returns a file as it is given, or else the preset of that name.

    Raises:
        ConfigError: it is neither.
    """
    known = presets()
    if given.is_file() or given.as_posix() not in known:
        if given.exists() or given.suffix in {".yaml", ".yml"}:
            return given  # whoever reads it says what is wrong with it
        raise ConfigError(
            f"{given}: no such configuration file, and no preset of that name; give the path of a "
            f"YAML file, or one of {', '.join(known)}"
        )
    return known[given.as_posix()]
