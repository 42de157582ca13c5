"""The recurrent language model, perplexity, sampling, and the folder of a language model."""

import itertools
import math
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
import typer
from torch import Tensor, nn
from typer.testing import CliRunner

from asr.checkpoint import save_folder, save_weights
from asr.cli.lm import sample_lm
from asr.config import Config, SearchConfig, dump_config
from asr.errors import ConfigError, DataError, ModelError
from asr.lm.config import LMConfig
from asr.lm.folder import build_recurrent, find_language_model, load_language_model
from asr.lm.language_model import LanguageModel, RecurrentLM, draw, sample, to_log_probs
from asr.lm.ngram import LMMemory
from asr.lm.perplexity import STEPS, TextScore, score_text, to_perplexity
from asr.lm.text import TokenText, read_text
from asr.rnn import LAYERS
from asr.scorers import LOG_ZERO, WeightedScorer
from asr.search import search
from asr.text.tokenizer import BOS, EOS, PAD, UNK, CharacterTokenizer, JamoTokenizer

CELLS = sorted(LAYERS)
TOKENIZER = CharacterTokenizer("abcd", normalizer="none")
V = TOKENIZER.vocab_size


def make(cell: str = "lstm", **options: Any) -> RecurrentLM:
    """Returns a small model with weights far enough from 0 to tell tokens apart."""
    sizes = {"embedding_dim": 5, "hidden_dim": 7, "num_layers": 2} | options
    network = RecurrentLM(V, cell=cell, **sizes).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            recurrent = "weight_hh" in name  # must stay below 1, or a relu's state grows for ever
            parameter.mul_(0.6 if recurrent else 2).add_(0.05 * torch.randn_like(parameter))
    return network


def model_of(network: RecurrentLM) -> LanguageModel:
    return LanguageModel(network, TOKENIZER, "rnn")


def uniform() -> LanguageModel:
    network = make()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    return model_of(network)


def text_of(*lines: str) -> TokenText:
    stream = [token for line in lines for token in (BOS, *TOKENIZER.encode(line))]
    characters = sum(len(line) + 1 for line in lines)
    return TokenText(torch.tensor(stream, dtype=torch.int32), characters, num_empty=0)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("num_layers", [1, 3])
def test_step_by_step_equals_reading_all_at_once(cell: str, num_layers: int) -> None:
    network = make(cell, num_layers=num_layers)
    tokens = torch.randint(BOS, V, (3, 9))
    logits, last = network(tokens, network.zero_state(3))
    memory = LMMemory(torch.arange(3))
    state = network.initial_state(memory, 1)
    for time in range(9):
        log_probs, state = network.step(tokens[:, time : time + 1], memory, state)
        expected = to_log_probs(logits[:, time])
        torch.testing.assert_close(log_probs[:, 0], expected, atol=1e-5, rtol=1e-5)
    for parts, expected_parts in zip(state, last, strict=True):
        for part, expected in zip(parts, expected_parts, strict=True):
            torch.testing.assert_close(part[:, 0], expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_a_lone_layer_equals_torchs_own_over_the_whole_text(cell: str) -> None:
    network = make(cell, num_layers=1, embedding_dim=7)
    tokens = torch.randint(BOS, V, (2, 6))
    outputs, _ = network.layers[0](network.embedding(tokens))
    expected = outputs @ network.embedding.weight.T + network.bias
    logits, _ = network(tokens, network.zero_state(2))
    torch.testing.assert_close(logits[..., EOS:], expected[..., EOS:])


@pytest.mark.parametrize("cell", CELLS)
def test_permuted_rows_of_states_give_permuted_outputs(cell: str) -> None:
    network = make(cell)
    memory = LMMemory(torch.arange(2))
    tokens = torch.randint(EOS, V, (3, 2, 4))
    state = network.initial_state(memory, 4)
    for part in itertools.chain(*state):
        assert part.shape == (2, 4, 7)
    for time in range(2):
        _, state = network.step(tokens[time], memory, state)
    order = torch.tensor([2, 0, 3, 1])
    flipped = tuple(tuple(part.flip(0)[:, order] for part in parts) for parts in state)
    expected, _ = network.step(tokens[2], memory, state)
    log_probs, _ = network.step(tokens[2].flip(0)[:, order], memory, flipped)
    torch.testing.assert_close(log_probs, expected.flip(0)[:, order], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_probabilities_sum_to_one_over_the_tokens_that_can_occur(cell: str) -> None:
    network, memory = make(cell), LMMemory(torch.arange(3))
    state = network.initial_state(memory, 2)
    log_probs, _ = network.step(torch.full((3, 2), BOS), memory, state)
    assert log_probs.dtype == torch.float32
    assert (log_probs[..., [PAD, BOS]] == LOG_ZERO).all()
    sums = log_probs[..., EOS:].exp().sum(dim=-1)
    torch.testing.assert_close(sums, torch.ones(3, 2))


def test_input_and_output_share_one_embedding_that_is_saved_once(tmp_path: Path) -> None:
    network = RecurrentLM(V, embedding_dim=6, hidden_dim=6, num_layers=1)
    layer = sum(parameter.numel() for parameter in nn.LSTM(6, 6).parameters())
    assert sum(p.numel() for p in network.parameters()) == V * 6 + layer + V
    tokens, zero = torch.full((1, 1), BOS), network.zero_state(1)
    before = network(tokens, zero)[0]
    with torch.no_grad():
        network.embedding.weight[UNK] += 1  # a token that is not read here
    after = network(tokens, zero)[0]
    assert after[0, 0, UNK] != before[0, 0, UNK]
    torch.testing.assert_close(after[0, 0, UNK + 1 :], before[0, 0, UNK + 1 :])
    save_weights(tmp_path / "weights", network.state_dict())
    saved = safetensors.torch.load_file(tmp_path / "weights")
    assert [name for name, part in saved.items() if part.shape == (V, 6)] == ["embedding.weight"]


def test_a_projection_lies_between_where_the_sizes_differ() -> None:
    network = make(embedding_dim=3, hidden_dim=8)
    assert isinstance(network.projection, nn.Linear)
    assert network.projection.weight.shape == (3, 8)
    assert isinstance(make(embedding_dim=8, hidden_dim=8).projection, nn.Identity)


def test_dense_layers_lie_before_an_output_with_weights_of_its_own() -> None:
    network = make(dense_dims=(6, 4))
    frames = torch.randn(2, 3, 7)
    hidden = frames
    for linear, norm, _, _ in network.projection:
        hidden = nn.functional.leaky_relu(norm(linear(hidden)))
    torch.testing.assert_close(network.projection(frames), hidden)
    assert network.output_weight.shape == (V, 4)
    tokens = torch.tensor([[BOS, 5, 6]])
    logits, _ = network(tokens, network.zero_state(1))
    seen = []
    network.projection.register_forward_hook(lambda *parts: seen.append(parts[-1]))
    network(tokens, network.zero_state(1))
    expected = seen[0] @ network.output_weight.T + network.bias
    torch.testing.assert_close(logits[..., EOS:], expected[..., EOS:])
    assert sum(map(len, network.parts().values())) == len(list(network.parameters()))


def test_an_output_may_have_weights_of_its_own_without_dense_layers() -> None:
    network = make(tied=False)
    assert isinstance(network.projection, nn.Identity)
    assert network.output_weight.shape == (V, 7)
    assert make().output_weight is None
    hidden, _ = network.layers[0](network.embedding(torch.tensor([[BOS, 5, 6]])))
    for layer in network.layers[1:]:
        hidden, _ = layer(hidden)
    logits, _ = network(torch.tensor([[BOS, 5, 6]]), network.zero_state(1))
    expected = hidden @ network.output_weight.T + network.bias
    torch.testing.assert_close(logits[..., EOS:], expected[..., EOS:])
    assert sum(map(len, network.parts().values())) == len(list(network.parameters()))


def test_parts_hold_every_parameter_once() -> None:
    network = make(num_layers=3)
    assert list(network.parts()) == ["embedding", "layer1", "layer2", "layer3", "output"]
    held = [id(parameter) for part in network.parts().values() for parameter in part]
    assert sorted(held) == sorted(map(id, network.parameters()))


def test_dropout_acts_in_training_alone() -> None:
    network = RecurrentLM(V, hidden_dim=8, dropout=0.5)
    tokens, zero = torch.full((1, 3), BOS), network.zero_state(1)
    assert not torch.equal(network(tokens, zero)[0], network(tokens, zero)[0])
    network.eval()
    assert torch.equal(network(tokens, zero)[0], network(tokens, zero)[0])


def test_an_unknown_cell_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(ConfigError, match=r'model\.cell = "elman": unknown; known: lstm'):
        RecurrentLM(V, cell="elman")


def test_the_perplexity_of_a_uniform_model_is_the_number_of_possible_tokens() -> None:
    score = score_text(uniform(), text_of("abc", "d"))
    assert score.token_perplexity == pytest.approx(V - 2, rel=1e-6)
    assert (score.num_lines, score.num_tokens, score.num_characters) == (2, 6, 6)
    assert score.log_prob == pytest.approx(-6 * math.log(V - 2), rel=1e-6)


def test_perplexities_follow_from_counts() -> None:
    score = TextScore(2, num_tokens=4, num_characters=8, num_unknown=1, log_prob=-8 * math.log(3))
    assert score.token_perplexity == pytest.approx(9)
    assert score.character_perplexity == pytest.approx(3)
    assert score.describe() == "perplexity 9.000 per token, 3.000 per character"
    assert score.to_dict()["unknown_tokens"] == 1
    *lines, warning = score.to_table().splitlines()
    assert dict(line.rsplit(maxsplit=1) for line in lines)["log probability"] == "-8.7889"
    assert warning.endswith("perplexity per character cannot be compared between tokenizers")
    known = TextScore(2, num_tokens=4, num_characters=8, num_unknown=0, log_prob=-8.0)
    assert len(known.to_table().splitlines()) == len(lines)
    assert to_perplexity(-1e9, 3) == math.inf
    assert to_perplexity(math.nan, 3) == math.inf


def test_a_line_is_scored_from_bos_to_eos_with_nothing_before_it() -> None:
    network = make()
    tokens = [BOS, *TOKENIZER.encode("ab")]
    with torch.no_grad():
        logits, _ = network(torch.tensor([tokens]), network.zero_state(1))
    log_probs = to_log_probs(logits)[0]
    wanted = [*tokens[1:], EOS]
    expected = sum(float(row[token]) for row, token in zip(log_probs, wanted, strict=True))
    assert score_text(model_of(network), text_of("ab")).log_prob == pytest.approx(expected)


@pytest.mark.parametrize("cell", CELLS)
def test_neither_padding_nor_order_nor_stretches_change_a_score(cell: str) -> None:
    model = model_of(make(cell))
    lines = ["abcd" * STEPS, "a", "dcba", "?b"]
    together = score_text(model, text_of(*lines))
    alone = [score_text(model, text_of(line)).log_prob for line in lines]
    assert together.log_prob == pytest.approx(sum(alone), rel=1e-5)
    assert together.num_unknown == 1


class Stepping:
    """A recurrent model that search and perplexity know nothing of."""

    def __init__(self, network: RecurrentLM) -> None:
        self.initial_state, self.step = network.initial_state, network.step


def test_scoring_by_steps_gives_what_scoring_at_once_gives() -> None:
    network, text = make(), text_of("abba", "cd", "a?c")
    by_steps = score_text(LanguageModel(Stepping(network), TOKENIZER, "other"), text)
    assert by_steps.log_prob == pytest.approx(score_text(model_of(network), text).log_prob)


@pytest.mark.parametrize("cell", CELLS)
def test_search_gives_every_hypothesis_the_score_of_its_text(cell: str) -> None:
    model = model_of(make(cell))
    scorers = [WeightedScorer(model.scorer, model.memory(2))]
    options = SearchConfig(beam_size=4, num_best=3, max_token_ratio=1.0)
    num_compared = 0
    for hypothesis in itertools.chain(*search(scorers, torch.tensor([3, 5]), options)):
        if hypothesis.ended == "eos":
            stream = torch.tensor([BOS, *hypothesis.tokens], dtype=torch.int32)
            score = score_text(model, TokenText(stream, len(stream), 0))
            assert hypothesis.score == pytest.approx(score.log_prob, abs=1e-4)
            num_compared += 1
    assert num_compared >= 2


def test_the_same_seed_draws_the_same_texts() -> None:
    model = model_of(make())
    texts = sample(model, num=4, seed=3, max_tokens=12)
    assert texts == sample(model, num=4, seed=3, max_tokens=12)
    assert texts != sample(model, num=4, seed=4, max_tokens=12)
    assert len(set(texts)) > 1
    assert all(len(text) <= 12 and set(text) <= set("abcd") for text in texts)


def test_a_low_temperature_takes_the_best_token_each_time() -> None:
    network = make()
    model, tokens = model_of(network), [BOS, *TOKENIZER.encode("ca")]
    for _ in range(6):
        log_probs = to_log_probs(network(torch.tensor([tokens]), network.zero_state(1))[0])[0, -1]
        log_probs[UNK] = -math.inf
        tokens.append(int(log_probs.argmax()))
        if tokens[-1] == EOS:
            break
    expected = TOKENIZER.decode(tokens)
    for temperature in (0.0, 1e-4):
        texts = sample(model, "ca", num=2, temperature=temperature, max_tokens=6)
        assert texts == [expected, expected]


def test_tokens_are_drawn_as_often_as_their_probabilities_say() -> None:
    probs = torch.tensor([0.0, 0.0, 0.1, 0.2, 0.4, 0.2, 0.1, 0.0])
    generator = torch.Generator().manual_seed(1)
    for temperature in (1.0, 0.5):
        drawn = draw(probs.log().expand(20000, -1), temperature, generator)
        expected = probs ** (1 / temperature)
        expected[UNK] = 0  # nobody can read it
        frequencies = drawn.bincount(minlength=V) / 20000
        torch.testing.assert_close(frequencies, expected / expected.sum(), atol=0.015, rtol=0)


@pytest.mark.parametrize("temperature", [5e-324, 1e-308, 0.0, 1.0, 100.0])
def test_no_temperature_draws_what_nobody_can_read(temperature: float) -> None:
    probs = torch.tensor([0.3, 0.3, 0.01, 0.3, 0.04, 0.02, 0.02, 0.01])
    for scores in (probs.log(), probs.log().double()):
        before = scores.clone()
        generator = torch.Generator().manual_seed(1)
        drawn = draw(scores.expand(5000, -1), temperature, generator)
        assert not torch.isin(drawn, torch.tensor([PAD, BOS, UNK])).any()
        assert temperature >= 1 or set(drawn.tolist()) == {4}
        assert torch.equal(scores, before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": math.inf}, r"temperature = inf: must be 0\.0 to 100\.0"),
        ({"temperature": math.nan}, "temperature = nan: must be"),
        ({"temperature": -0.1}, r"temperature = -0\.1: must be"),
        ({"num": 10_001}, "num = 10001: must be 1 to 10000"),
        ({"num": 0}, "num = 0: must be"),
        ({"seed": 2**63}, "seed = 9223372036854775808: must be 0 to 9223372036854775807"),
        ({"seed": -1}, "seed = -1: must be"),
    ],
)
def test_sampling_out_of_range_is_refused(options: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        sample(uniform(), **options)
    assert len(sample(uniform(), seed=2**63 - 1, temperature=100.0, max_tokens=3)) == 1


@pytest.mark.parametrize(
    "option", [("--num", "10001"), ("--temperature", "inf"), ("--seed", str(2**63))]
)
def test_the_command_that_samples_refuses_what_is_out_of_range(
    folder: Path, option: tuple[str, str]
) -> None:
    app = typer.Typer()
    app.command()(sample_lm)
    result = CliRunner().invoke(app, ["--lm", str(folder), *option])
    assert result.exit_code == 2
    assert f"Invalid value for '{option[0]}'" in result.output


def test_a_sampled_text_ends_at_eos() -> None:
    model = uniform()
    with torch.no_grad():
        model.scorer.bias[EOS] = 50.0  # type: ignore[attr-defined]
    assert sample(model, "ab", num=2) == ["ab", "ab"]
    with torch.no_grad():
        model.scorer.bias[EOS] = -50.0  # type: ignore[attr-defined]
    assert [len(text) for text in sample(model, "ab", num=2, max_tokens=7)] == [9, 9]


def test_a_prompt_of_unknown_characters_is_refused() -> None:
    with pytest.raises(DataError, match='prompt "a!": holds a character that the tokenizer does'):
        sample(uniform(), "a!")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Returns the folder of a recurrent language model."""
    config = LMConfig.model_validate({"model": {"embedding_dim": 5, "hidden_dim": 7}})
    path = tmp_path / "lm"
    save_folder(path, config, TOKENIZER)
    save_weights(path / "model.safetensors", build_recurrent(config.model, V).state_dict())
    return path


def test_a_folder_is_loaded_as_it_was_saved(folder: Path) -> None:
    model = load_language_model(folder, TOKENIZER)
    assert model.kind == "rnn"
    assert not model.scorer.training  # type: ignore[attr-defined]
    again = find_language_model(folder, folder)
    scores = [score_text(one, text_of("abca")).log_prob for one in (model, again)]
    assert scores[0] == scores[1] < 0
    tokens: Tensor = model.memory(3).rows
    assert tokens.tolist() == [0, 1, 2]


OTHERS = {
    "char, not jamo": JamoTokenizer("abcd", normalizer="none"),
    "normalizer none, not english": CharacterTokenizer("abcd", normalizer="english"),
    "8 of them, not 9": CharacterTokenizer("abcde", normalizer="none"),
    "as many, but others": CharacterTokenizer("abce", normalizer="none"),
}


@pytest.mark.parametrize("difference", OTHERS)
def test_a_language_model_over_other_tokens_is_refused(folder: Path, difference: str) -> None:
    message = rf"tokens are not the recognizer's \({difference}\); train .* with --tokenizer"
    with pytest.raises(ModelError, match=message):
        load_language_model(folder, OTHERS[difference])


def test_a_path_that_is_no_language_model_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="none: no such language model; give the --out"):
        load_language_model(tmp_path / "none")
    with pytest.raises(ModelError, match="none: no such model folder"):
        find_language_model(folder, tmp_path / "none")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"has no model\.safetensors; give the --out folder"):
        load_language_model(folder)
    (folder / "config.yaml").write_text("type: ngram\n")
    with pytest.raises(ModelError, match=r"has no lm\.arpa"):
        load_language_model(folder)
    (folder / "config.yaml").write_text("features: {}\n")
    with pytest.raises(ModelError, match=r'unknown key "features".*of asr train-lm'):
        load_language_model(folder)
    (folder / "config.yaml").write_text("tokenizer: 3\n")
    with pytest.raises(ModelError, match=r"tokenizer = 3.*made by another version"):
        find_language_model(folder, folder)
    (folder / "config.yaml").unlink()
    with pytest.raises(ModelError, match=r"has no config\.yaml"):
        load_language_model(folder)


def test_a_recognizers_folder_is_called_one(tmp_path: Path) -> None:
    save_folder(tmp_path / "exp", Config(), TOKENIZER)
    message = r"exp: is a recognizer's folder, not a language model's; give the --out of an asr tr"
    with pytest.raises(ModelError, match=message) as caught:
        load_language_model(tmp_path / "exp")
    assert "unknown key" not in str(caught.value)


def test_weights_of_another_shape_are_refused(folder: Path) -> None:
    config = LMConfig.model_validate({"model": {"embedding_dim": 6, "hidden_dim": 7}})
    (folder / "config.yaml").write_text(dump_config(config))
    with pytest.raises(ModelError, match=r"does not fit its config\.yaml"):
        load_language_model(folder)


def test_an_arpa_file_needs_a_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "a.arpa").write_text("\\data\\\n")
    with pytest.raises(ModelError, match=r"a\.arpa: an ARPA file has no tokenizer; .*--tokenizer"):
        load_language_model(tmp_path / "a.arpa")


def test_text_is_read_by_the_models_own_normaliser(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("  ab \n\nd\n", "utf-8")
    model = load_language_model(folder)
    text = read_text([tmp_path / "text.txt"], model.tokenizer)
    assert list(text.lines()) == [TOKENIZER.encode("ab"), TOKENIZER.encode("d")]
