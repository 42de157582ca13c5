"""Damage to bytes, as disks, networks and killed programs do it."""

import random
from collections.abc import Callable


def flip_a_bit(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def flip_a_bit_of_the_head(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(min(len(data), 100))] ^= 1 << rng.randrange(8)


def cut_the_end(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def cut_a_little(data: bytearray, rng: random.Random) -> None:
    del data[-rng.randint(1, min(40, len(data))) :]


def lose_a_block(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    del data[start : start + rng.choice((1, 2, 100, 512, 4096))]


def zero_a_block(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    end = min(len(data), start + rng.choice((4, 512, 4096)))
    data[start:end] = bytes(end - start)


def zero_the_end(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    data[start:] = bytes(len(data) - start)


def double_a_block(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    data[start:start] = data[start : start + rng.choice((1, 2, 512, 4096))]


def fill_a_field(data: bytearray, rng: random.Random) -> None:
    """Writes an extreme number over four bytes of the head."""
    start = rng.randrange(max(1, min(len(data), 100) - 4))
    value = rng.choice((0, 1, 0x7F, 0xFF, 2**15, 2**31 - 1, 2**31, 2**32 - 1))
    data[start : start + 4] = value.to_bytes(4, rng.choice(("little", "big")))


def add_noise(data: bytearray, rng: random.Random) -> None:
    data += rng.randbytes(rng.choice((1, 3, 128, 5000)))


DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    flip_a_bit,
    flip_a_bit_of_the_head,
    cut_the_end,
    cut_a_little,
    lose_a_block,
    zero_a_block,
    zero_the_end,
    double_a_block,
    fill_a_field,
    add_noise,
)


def damage(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Returns damaged bytes, never the same ones, and what was done to them."""
    while True:
        kind = rng.choice(DAMAGES)
        changed = bytearray(data)
        kind(changed, rng)
        if bytes(changed) != data:
            return bytes(changed), kind.__name__
