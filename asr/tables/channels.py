"""Which channel of a recording a table's column of channels means."""

from collections.abc import Iterable

NAMES = {
    **dict.fromkeys(("left", "l", "a", "왼쪽", "좌"), 0),
    **dict.fromkeys(("right", "r", "b", "오른쪽", "우"), 1),
}
MOST_DIGITS = 4  # more are of something else
ALL = {"", "all", "both", "mix", "mono", "none", "stereo"}


def channel_numbers(said: Iterable[object]) -> dict[str, int | str | None]:
    """Returns what each value of a column means, by the value as `plain` has it.

    That is a channel's number from 0 on, None for all of them, or why it is not known which.
    Numbers are counted from 0 where a 0 is among them, and from 1 where several are: of one number
    alone that cannot be told, and it may be how many channels there are. A column that holds
    anything else is about something else.

    Args:
        said: the column's values.
    """
    values = {plain(value) for value in said}
    if not all(value in ALL or value in NAMES or is_number(value) for value in values):
        return dict.fromkeys(values)
    numbers = {int(value) for value in values if is_number(value)}
    first = 0 if 0 in numbers else 1
    is_clear = 0 in numbers or len(numbers) > 1
    found: dict[str, int | str | None] = {}
    for value in values:
        if value in ALL:
            found[value] = None
        elif value in NAMES:
            found[value] = NAMES[value]
        elif is_clear:
            found[value] = int(value) - first
        else:
            found[value] = f"channel {value}, alone in its column, does not say which is the first"
    return found


def is_number(value: str) -> bool:
    """Returns whether a value is a channel's number."""
    return value.isascii() and value.isdigit() and len(value) < MOST_DIGITS


def plain(value: object) -> str:
    """Returns a value without capitals, spaces around it, and the point of a whole number."""
    return "" if value is None else str(value).strip().lower().removesuffix(".0")
