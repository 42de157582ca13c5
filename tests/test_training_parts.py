"""The parts of a recognizer by the names that a user knows."""

import pytest
from conftest import tiny_config

from asr.build import build_model
from asr.errors import ConfigError
from asr.training.parts import check_parts, is_in, known_parts, part_of

NAMES = list(build_model(tiny_config(), 9, empty=True).state_dict())


def test_every_tensor_is_in_one_of_the_parts_that_a_user_knows() -> None:
    coarse = ["features", "encoder", "attention", "decoder", "output", "ctc"]
    assert {part_of(name).partition(".")[0] for name in NAMES} == set(coarse)
    for name in NAMES:
        assert sum(is_in(name, [part]) for part in coarse) == 1


def test_a_layer_of_the_encoder_holds_what_projects_its_output() -> None:
    held = [name for name in NAMES if is_in(name, ["encoder.layers.1"])]
    assert {name.split(".")[1] for name in held} == {"layers", "projections"}
    assert all(name.split(".")[2] == "1" for name in held)


def test_a_layer_is_not_another_one_whose_number_begins_alike() -> None:
    assert not is_in("encoder.layers.10.ahead.weight_ih_l0", ["encoder.layers.1"])
    assert is_in("encoder.layers.10.ahead.weight_ih_l0", ["encoder"])


def test_attention_and_output_are_beside_the_decoder() -> None:
    assert not is_in("decoder.attention.query.weight", ["decoder"])
    assert not is_in("decoder.output.bias", ["decoder"])
    assert is_in("decoder.embedding.weight", ["decoder"])


def test_known_parts_are_listed_coarse_and_fine() -> None:
    assert known_parts(NAMES) == [
        *("features", "encoder", "encoder.subsampling", "encoder.layers.0", "encoder.layers.1"),
        *("encoder.norm", "attention", "decoder", "decoder.embedding", "decoder.cells"),
        *("decoder.readout", "output", "ctc"),
    ]


@pytest.mark.parametrize("part", ["encodr", "", "encoder.layers.7", "layers", "decoder.attention"])
def test_a_part_that_is_none_is_refused_with_the_known_ones(part: str) -> None:
    with pytest.raises(ConfigError, match=f'freeze.parts: "{part}" is no part .* encoder.layers.0'):
        check_parts("freeze.parts", ["encoder", part], NAMES)
