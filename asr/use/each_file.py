"""Work on many files: one that cannot be used does not cost the others their results."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from asr.errors import DataError, one_line


class EachFile:
    """Counts the files that failed; with a single file there are no others, and its error is all.

    Args:
        num_files: how many there are.
        say: called with a line about each that fails.
    """

    def __init__(self, num_files: int, *, say: Callable[[str], None]) -> None:
        self.num_files, self.say = num_files, say
        self.failed: list[str] = []

    @contextmanager
    def attempt(self, path: str | Path) -> Iterator[None]:
        """Names a file whose work fails, and goes on.

        Raises:
            DataError: what is wrong, where it is the only file.
        """
        try:
            yield
        except DataError as error:
            if self.num_files == 1:
                raise
            self.failed.append(str(path))
            self.say(one_line(f"asr: {error}"))

    def conclude(self) -> None:
        """Raises what a script must not miss, when all files have had their turn.

        Raises:
            DataError: the files that failed.
        """
        if self.failed:
            names = ", ".join(self.failed)
            num_done = self.num_files - len(self.failed)
            raise DataError(
                f"{len(self.failed)} of {self.num_files} files failed, for the reasons above: "
                f"{names}; {num_done} are done (mend these and give them alone)"
            )
