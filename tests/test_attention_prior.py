import math

import pytest
import torch

from asr.attention import ATTENTIONS, build_attention
from asr.attention.prior import diagonal_prior
from asr.build import build_model
from asr.config import Config, DecoderConfig, override_config
from asr.decoder import AttentionDecoder
from asr.errors import ConfigError
from asr.training.schedules import prior_width

NUM_TOKENS, NUM_FRAMES = torch.tensor([4, 2]), torch.tensor([8, 6])
MECHANISMS = sorted(set(ATTENTIONS) - {"none"})


def test_the_strip_runs_from_the_first_frame_to_the_last() -> None:
    prior = diagonal_prior(NUM_TOKENS, NUM_FRAMES, 0.1)
    assert prior.shape == (2, 4, 8)
    # The third of 4 tokens is expected at 5/8 of 8 frames, between the fifth (9/16) and the sixth.
    assert prior[0].argmax(dim=-1).tolist() == [0, 2, 4, 6]
    assert float(prior[0, 2, 4]) == pytest.approx(-0.5 * ((9 / 16 - 5 / 8) / 0.1) ** 2)
    assert float(prior[0, 2, 5]) == pytest.approx(float(prior[0, 2, 4]), rel=1e-5)
    assert float(prior[1, 1, 0]) == pytest.approx(-0.5 * ((1 / 12 - 3 / 4) / 0.1) ** 2)


def test_nothing_is_expected_past_an_utterances_last_token() -> None:
    assert diagonal_prior(NUM_TOKENS, NUM_FRAMES, 0.1)[1, 2:].abs().sum() == 0


def test_a_wider_strip_forbids_less() -> None:
    narrow, wide = (diagonal_prior(NUM_TOKENS, NUM_FRAMES, width) for width in (0.1, 0.2))
    torch.testing.assert_close(narrow, 4 * wide)


@pytest.mark.parametrize("attention", MECHANISMS)
@pytest.mark.parametrize("teacher_ratio", [1.0, 0.5])
def test_every_mechanism_is_multiplied_by_the_prior(attention: str, teacher_ratio: float) -> None:
    torch.manual_seed(0)
    mechanism = build_attention(attention, {}, query_dim=8, value_dim=8)
    decoder = AttentionDecoder(
        DecoderConfig(embedding_dim=5, hidden_dim=8), mechanism, vocab_size=11, message_dim=8
    ).eval()
    memory = decoder.prepare(torch.randn(2, 8, 8), NUM_FRAMES, (torch.randn(2, 8),) * 2)
    tokens, prior = torch.randint(4, 11, (2, 4)), diagonal_prior(NUM_TOKENS, NUM_FRAMES, 0.05)
    free = decoder(tokens, memory)[1]
    led = decoder(tokens, memory, teacher_ratio=teacher_ratio, prior=prior)[1]
    torch.testing.assert_close(led.sum(dim=-1), torch.ones(2, 4))
    assert led[1, :, 6:].abs().sum() == 0  # padding
    near = prior > -2.1  # two widths and a little
    assert (led * near)[0].sum(dim=-1).min() > 0.9
    assert (free * near)[0].sum(dim=-1).max() < 0.9
    if attention != "multi_head":  # whose alignment is a mean of those that are multiplied
        first = free[:, 0] * prior[:, 0].exp()  # at the first step both have the same state
        torch.testing.assert_close(led[:, 0], first / first.sum(dim=-1, keepdim=True))


def test_the_strip_widens_until_it_is_gone() -> None:
    config = override_config(
        Config(), ["attention_prior.width=0.1", "attention_prior.until=0.5"]
    ).attention_prior
    widths = [prior_width(config, fraction=fraction) for fraction in (0.0, 0.25, 0.375)]
    assert widths == pytest.approx([0.1, 0.2, 0.4])
    assert prior_width(config, fraction=math.nextafter(0.5, 0)) is not None
    assert [prior_width(config, fraction=fraction) for fraction in (0.5, 1.0)] == [None, None]


def test_there_is_no_prior_by_default() -> None:
    assert prior_width(Config().attention_prior, fraction=0.0) is None


def test_a_prior_without_attention_is_an_error() -> None:
    settings = ["attention.type=none", "decoder.peeky=true", "attention_prior.width=0.1"]
    config = override_config(Config(), settings)
    with pytest.raises(ConfigError, match=r"attention_prior\.width is for attention"):
        build_model(config, 9)


@pytest.mark.parametrize("override", ["width=0", "width=1.5", "until=0", "until=2"])
def test_an_impossible_prior_is_an_error(override: str) -> None:
    with pytest.raises(ConfigError, match=r"attention_prior\."):
        override_config(Config(), [f"attention_prior.{override}"])
