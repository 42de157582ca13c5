"""The errors that a user can mend: the command line prints each as one line and exits with 2."""


class AsrError(Exception):
    """What is wrong, the value, the rule, where, and the way out, in one sentence.

    Attributes:
        is_said: whether another process of torchrun says the same sentence.
    """

    is_said = False


class ConfigError(AsrError):
    """A configuration or an option asks for something unknown or impossible."""


class DataError(AsrError):
    """Audio, text or a manifest cannot be used as it is."""


class InstallError(AsrError):
    """A package that this part of the toolkit needs is missing or does not import."""


class ModelError(AsrError):
    """A model folder or a training state cannot be read or written."""


def one_line(text: str) -> str:
    """Returns the text in one printable line: a file may be named with a newline, or not in UTF-8.

    Control characters, and bytes that are no UTF-8 (surrogates, as `os.fsdecode` makes them),
    become escapes as Python writes them.
    """
    escaped = (repr(char)[1:-1] if ord(char) < 32 or ord(char) == 127 else char for char in text)
    return "".join(escaped).encode("utf-8", "backslashreplace").decode("utf-8")


def in_short(error: BaseException) -> str:
    """Returns what another library's error says, in one line that fits into a sentence."""
    line = " ".join(str(error).split())
    return (line if len(line) <= 200 else f"{line[:197]}...") or type(error).__name__
