"""Utterances that cannot be used: listed, counted, and refused or skipped as the user says."""

from collections.abc import Sequence

from asr.errors import DataError, one_line
from asr.files import write_file, writing
from asr.recipes.base import PrepareOptions

SHOWN = 5  # names or problems in a message
PROBLEMS_FILE = "problems.txt"


def judge(problems: Sequence[str], total: int, options: PrepareOptions) -> list[str]:
    """Returns notices on what is skipped; all of it is listed in OUT/problems.txt.

    Where there is nothing to list, a list of an earlier run is removed.

    Args:
        problems: one line each: where, and what is wrong.
        total: utterances, these included.
        options: `bad` says whether they are skipped.

    Raises:
        DataError: something cannot be used and is not to be skipped, or the list not be written.
    """
    lines = [one_line(problem) for problem in problems]
    path = options.out / PROBLEMS_FILE
    if not lines:
        if path.is_file():
            with writing(path, DataError):
                path.unlink()
        return []
    write_file(path, "\n".join(lines) + "\n", DataError)
    first = shown(lines, joint="; ")
    count = f"{len(lines)} of {total} utterances cannot be used"
    if options.bad != "skip":
        raise DataError(f"{count}: {first} (mend them, or give --bad skip; all are in {path})")
    return [f"{count} and are skipped: {first}; all are in {path}"]


def shown(names: Sequence[str], *, joint: str = ", ") -> str:
    """Returns the first few of these, and dots where there are more."""
    return joint.join([*names[:SHOWN], *(["..."] if len(names) > SHOWN else [])])


def counted(names: Sequence[str], what: str) -> str:
    """Returns how many there are of `what`, in the singular, and the first few of them."""
    return f"{len(names)} {what}{'' if len(names) == 1 else 's'} ({shown(names)})"
