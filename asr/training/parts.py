"""The parts of a recognizer, by the names under which settings know them.

    features   encoder   attention   decoder   output   ctc

and finer ones with points: `encoder.subsampling`, `encoder.layers.0`, `decoder.embedding`. A layer
of the encoder is its recurrence and what projects and normalises its output.
"""

from collections.abc import Iterable

from asr.errors import ConfigError

_OWN_PARTS = ("attention", "output")  # of the decoder, and parts beside it
_DECODER_PARTS = ("embedding", "readout")  # the rest of the decoder is its cells


def part_of(name: str) -> str:
    """Returns the finest part that a tensor of the network is in, by its name there."""
    first, second, third, *_ = [*name.split("."), "", ""]
    if first == "encoder":
        is_layer = second in ("layers", "projections")
        return f"encoder.layers.{third}" if is_layer else f"encoder.{second}"
    if first == "decoder":
        if second in _OWN_PARTS:
            return second
        return f"decoder.{second}" if second in _DECODER_PARTS else "decoder.cells"
    return first


def is_in(name: str, parts: Iterable[str]) -> bool:
    """Returns whether a tensor of the network is in one of these parts."""
    whole = f"{part_of(name)}."
    return any(whole.startswith(f"{part}.") for part in parts)


def known_parts(names: Iterable[str]) -> list[str]:
    """Returns every part, coarse and fine, that holds one of these tensors, in their order."""
    found: dict[str, None] = {}
    for name in names:
        words = part_of(name).split(".")
        for length in range(1, len(words) + 1):
            found[".".join(words[:length])] = None
    found.pop("encoder.layers", None)
    order = list(found)
    return sorted(found, key=lambda part: (order.index(part.split(".")[0]), order.index(part)))


def check_parts(key: str, parts: Iterable[str], names: Iterable[str]) -> None:
    """Refuses parts that hold none of these tensors.

    Args:
        key: of the setting that names the parts, for messages.
        parts: as it names them.
        names: of the network's tensors.

    Raises:
        ConfigError: naming the part and the known ones.
    """
    names = list(names)
    for part in parts:
        if not part or not any(is_in(name, [part]) for name in names):
            known = ", ".join(known_parts(names))
            raise ConfigError(f'{key}: "{part}" is no part that it knows; known: {known}')
