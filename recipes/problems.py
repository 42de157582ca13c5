"""Utterances that cannot be used: listed, counted, and refused or skipped as the user says."""

from collections.abc import Sequence

from asr.errors import DataError
from recipes.base import PrepareOptions

SHOWN = 5  # problems in a message
PROBLEMS_FILE = "problems.txt"


def judge(problems: Sequence[str], total: int, options: PrepareOptions) -> list[str]:
    """Return notices on what is skipped; all of it is listed in OUT/problems.txt.

    Args:
        problems: one line each: where, and what is wrong.
        total: utterances, these included.
        options: `bad` says whether they are skipped.

    Raises:
        DataError: something cannot be used and is not to be skipped, or the list not be written.
    """
    if not problems:
        return []
    path = options.out / PROBLEMS_FILE
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(problems) + "\n", "utf-8")
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error
    shown = "; ".join(problems[:SHOWN]) + ("; ..." if len(problems) > SHOWN else "")
    count = f"{len(problems)} of {total} utterances cannot be used"
    if options.bad != "skip":
        raise DataError(f"{count}: {shown} (mend them, or give --bad skip; all are in {path})")
    return [f"{count} and are skipped: {shown}; all are in {path}"]
