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


def find_configuration(given: Path, *, of_lm: bool = False) -> Path:
    """Returns a file as it is given, or else the preset of that name.

    Args:
        given: path or name.
        of_lm: whether it is to be a language model's, and not a recognizer's.

    Raises:
        ConfigError: it is neither, or a preset of the other kind.
    """
    every = presets()
    known = {name: file for name, file in every.items() if _is_lm(file) == of_lm}
    if given.is_file() or given.as_posix() not in known:
        if given.exists() or given.suffix in {".yaml", ".yml"}:
            return given  # whoever reads it says what is wrong with it
        if given.as_posix() in every:
            kind = "a recognizer (asr train)" if of_lm else "a language model (asr train-lm)"
            raise ConfigError(f"{given}: is the preset of {kind}; use one of {', '.join(known)}")
        raise ConfigError(
            f"{given}: no such configuration file, and no preset of that name; give the path of a "
            f"YAML file, or one of {', '.join(known)}"
        )
    return known[given.as_posix()]


def _is_lm(file: Path) -> bool:
    return file.stem == "lm" or file.stem.startswith("lm_")
