"""What a manifest says of its utterances, as labels to divide them by.

manifest, names of fields -> utterance -> label; numbers in classes of about equally many
"""

import json
import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from asr.errors import ConfigError, DataError
from asr.scoring.bins import quantile_bins

NUM_CLASSES = 5
ABSENT = "(not given)"
SEVERAL = " + "
CUSTOM = "custom."
# Parts of every report, which a key of `custom` may be called as.
OWN_PARTS = ("length", "place", "fifth", "vocabulary", "confidence", "ended", "korean")
_SUPERVISION = ("speaker", "language", "gender")
_CUT = ("recording", "channel", "duration", "sampling_rate")

Value = str | int | float | bool
Cut = Any  # lhotse's


class FieldLabels(NamedTuple):
    """A field of a manifest: how each utterance is labelled by it.

    Attributes:
        labels: utterance -> label.
        order: the labels of numbers, the lowest first; of anything else empty.
        said: what somebody must know of the labels; may be empty.
    """

    labels: dict[str, str]
    order: tuple[str, ...]
    said: str


def check_fields(names: Sequence[str]) -> None:
    """Refuses names that stand for a part of every report.

    Raises:
        ConfigError: such a name.
    """
    for name in names:
        if name in OWN_PARTS:
            raise ConfigError(
                f"--by {name}: is a part of the report of its own; a key of the cuts that is "
                f"called so is --by {CUSTOM}{name}"
            )


def read_fields(
    manifest: Path, names: Sequence[str], wanted: Iterable[str]
) -> dict[str, FieldLabels]:
    """Returns for each field how utterances are labelled by it.

    A field is the speaker, language or gender of the supervisions, the recording, channel, duration
    or sampling_rate of the cut, or any key of `custom` of either, also called custom.KEY. Where an
    utterance has several values, they make one label.

    Args:
        manifest: of cuts.
        names: of fields.
        wanted: ids of the utterances.

    Raises:
        ConfigError: a field that no utterance has.
        DataError: the manifest cannot be read, lacks an utterance, or a value is a list or object.
    """
    from asr.data.manifest import read_cuts  # lhotse takes seconds

    ids = dict.fromkeys(wanted)
    values: dict[str, dict[str, list[Value]]] = {name: {} for name in names}
    known, seen = set[str](), set[str]()
    for cut in read_cuts(manifest):
        if cut.id not in ids:
            continue
        seen.add(cut.id)
        found = _fields_of(cut)
        known.update(found)
        for name in names:
            given = found.get(name.removeprefix(CUSTOM) if _is_custom(name, found) else name, [])
            values[name][cut.id] = _checked(given, f'{manifest} utterance "{cut.id}"', name)
    _check_all_there(manifest, ids, seen)
    for name in names:
        if not any(values[name].values()):
            raise ConfigError(
                f'--by "{name}": no utterance of {manifest} has it; known: '
                f"{', '.join(sorted(known))}"
            )
    return {name: _labelled(name, {one: values[name][one] for one in ids}) for name in names}


def _is_custom(name: str, found: Mapping[str, object]) -> bool:
    return name.startswith(CUSTOM) and name not in found


def _check_all_there(manifest: Path, ids: Mapping[str, None], seen: set[str]) -> None:
    absent = [name for name in ids if name not in seen]
    if absent:
        raise DataError(
            f'{manifest}: has no utterance "{absent[0]}" ({len(absent)} of {len(ids)} are not in '
            "it); must hold all that are scored (name the manifest that was decoded by --manifest)"
        )


def _fields_of(cut: Cut) -> dict[str, list[object]]:
    """Returns the values that a cut has by field, each once; what is none is left out."""
    from asr.data.manifest import parts

    found: dict[str, list[object]] = {}

    def add(name: str, value: object) -> None:
        if value is not None and value not in found.setdefault(name, []):
            found[name].append(value)

    add("duration", cut.duration)
    for part in parts(cut):
        if part.recording is not None:
            add("recording", part.recording.id)
            add("sampling_rate", part.recording.sampling_rate)
        channels = part.channel if isinstance(part.channel, list) else [part.channel]
        for channel in channels:
            add("channel", channel)
    for item in cut.supervisions:
        for name in _SUPERVISION:
            add(name, getattr(item, name))
    for item in (*parts(cut), *cut.supervisions):
        for name, value in (item.custom or {}).items():
            add(CUSTOM + name if name in (*_SUPERVISION, *_CUT, *OWN_PARTS) else name, value)
    return {name: given for name, given in found.items() if given}


def _checked(given: Sequence[object], where: str, name: str) -> list[Value]:
    checked: list[Value] = []
    for value in given:
        is_finite = not isinstance(value, float) or math.isfinite(value)
        if not isinstance(value, str | int | float | bool) or not is_finite:
            shown = json.dumps(value, ensure_ascii=False, default=str)[:80]
            raise DataError(
                f'{where}: "{name}" is {shown}; must be text, a finite number, true or false to '
                "divide utterances by"
            )
        checked.append(unicodedata.normalize("NFC", value) if isinstance(value, str) else value)
    return checked


def _labelled(name: str, values: Mapping[str, list[Value]]) -> FieldLabels:
    given = [one for several in values.values() for one in several]
    are_numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in given)
    if are_numbers and all(len(several) < 2 for several in values.values()):
        return _classes(name, values)
    labels = {
        one: SEVERAL.join(sorted(map(_text, several))) or ABSENT for one, several in values.items()
    }
    return FieldLabels(labels, (), "")


def _text(value: Value) -> str:
    """Returns a value as a label, which is never empty."""
    if isinstance(value, bool):
        return str(value).lower()
    return value.strip() or '""' if isinstance(value, str) else f"{value:.12g}"


def _classes(name: str, values: Mapping[str, list[Value]]) -> FieldLabels:
    """Returns numbers, at most one an utterance, as labels; many different ones in classes."""
    numbers = {one: several[0] for one, several in values.items() if several}
    column = np.array(list(numbers.values()), float)
    is_few = len(np.unique(column)) <= NUM_CLASSES
    codes = quantile_bins(column, len(column) if is_few else NUM_CLASSES)
    names = []
    for code in range(codes.max() + 1):
        low, high = column[codes == code].min(), column[codes == code].max()
        names.append(_text(low) if low == high else f"{_text(low)} to {_text(high)}")
    labels = dict.fromkeys(values, ABSENT)
    labels.update({one: names[code] for one, code in zip(numbers, codes, strict=True)})
    said = f"{name}: numbers, in {len(names)} classes of about equally many utterances (quantiles)"
    return FieldLabels(labels, tuple(names), "" if is_few else said)
