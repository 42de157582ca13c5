import pytest
import torch
from conftest import tiny_config

from asr.attention import ATTENTIONS
from asr.build import build_model, resolve_config
from asr.errors import ConfigError


def test_a_resolved_configuration_names_every_option_of_its_attention() -> None:
    config = tiny_config(attention={"type": "location", "dim": 10})
    resolved = resolve_config(config)
    assert "num_filters" not in config.attention.options
    assert resolved.attention.options["num_filters"] > 0
    assert resolved.attention.options["dim"] == 10
    assert resolve_config(resolved) == resolved
    assert resolved.model_copy(update={"attention": config.attention}) == config


def test_an_option_that_the_attention_does_not_know_is_an_error_of_its_file() -> None:
    config = tiny_config(attention={"type": "location", "dims": 10})
    with pytest.raises(ConfigError, match=r'^my.yaml: unknown key "attention.dims"; "location"'):
        resolve_config(config, source="my.yaml")


@pytest.mark.parametrize("attention", sorted(ATTENTIONS))
def test_a_seed_and_a_configuration_make_one_model(attention: str) -> None:
    config = tiny_config(
        attention={"type": attention},
        encoder={"projection_dim": 16},
        decoder={"start": "bridge", "hidden_dim": 16},
    )
    states = []
    for vocab_size in (9, 9, 11):
        torch.manual_seed(4)
        states.append(build_model(config, vocab_size).state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert states[2]["ctc.weight"].size(0) == 11
    assert states[2].keys() == states[0].keys()


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"attention": {"type": "none"}}, "nothing tells the decoder of the utterance"),
        (
            {"search": {"encoder_precision": "int8"}, "encoder": {"cell": "gru"}},
            r"int8: must be auto, float32 or bfloat16 \(encoder.cell = gru: int8 is for lstm\)",
        ),
        (
            {"search": {"encoder_precision": "int8"}, "encoder": {"hidden_dim": 383}},
            r"\(encoder.hidden_dim = 383: below 384 units int8 is no faster\)",
        ),
        (
            {"decoder": {"input_feeding": False, "context_output": False}},
            "nothing reads the attention's context",
        ),
        (
            {
                "attention": {"type": "none"},
                "decoder": {"start": "bridge"},
                "search": {"attention_window": [5, 5]},
            },
            "there is no attention to restrict",
        ),
        ({"features": {"high_hz": 9000}}, "at most half the sample rate"),
        ({"attention": {"type": "magic"}}, "magic"),
    ],
)
def test_an_impossible_model_is_refused_before_it_is_built(
    sections: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        build_model(tiny_config(**sections), 9, empty=True)
