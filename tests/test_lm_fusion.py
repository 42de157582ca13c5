"""Language models in search and over its results, the length bonus, and their settings."""

import itertools
import math
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from conftest import tiny_config
from torch import Tensor

from asr import search as search_module
from asr.build import build_model
from asr.checkpoint import save_folder, save_weights
from asr.config import SearchConfig, load_config, parse_config, read_search_settings
from asr.encoder import Encoded
from asr.errors import ConfigError, ModelError
from asr.hypotheses import Hypothesis, rank_of
from asr.lm.config import LMConfig
from asr.lm.fusion import DEFAULT_WEIGHT, WeightedModel, fuse, rescore, score_hypotheses, weigh
from asr.lm.language_model import LanguageModel, RecurrentLM, to_log_probs
from asr.lm.ngram import NgramModel, arpa_symbols, estimate, write_arpa
from asr.model import Seq2Seq
from asr.scorers import LOG_ZERO, DecoderScorer, WeightedScorer, map_tensors
from asr.search import search
from asr.text.tokenizer import BLANK, BOS, EOS, PAD, UNK, CharacterTokenizer
from asr.use.recognizer import Recognizer, load_recognizer, search_encoded

TOKENIZER = CharacterTokenizer("ab", normalizer="none")
V = TOKENIZER.vocab_size
LETTERS = (UNK, 4, 5)
CAP = 4  # steps: three tokens and EOS


@pytest.fixture(scope="module")
def model() -> Seq2Seq:
    """Returns a model that has learnt nothing, but whose log probabilities are not flat."""
    torch.manual_seed(5)
    network = build_model(tiny_config(), V).eval()
    with torch.no_grad():
        network.decoder.output.weight.mul_(8)
        network.ctc.weight.mul_(8)
        network.decoder.output.bias[EOS] += 2
    return network


@pytest.fixture(scope="module")
def encoded(model: Seq2Seq) -> Encoded:
    """Returns the memory values of three utterances of different lengths."""
    torch.manual_seed(6)
    with torch.no_grad():
        return model.encode(0.1 * torch.randn(3, 8000), torch.tensor([8000, 5000, 6500]))


@pytest.fixture(scope="module")
def ngram() -> LanguageModel:
    texts = [[4, 5, 4], [5, 4], [4, 4, 5, 5], [5], [4, UNK]]
    return LanguageModel(estimate(texts, order=3, vocab_size=V), TOKENIZER, "ngram")


@pytest.fixture(scope="module")
def recurrent() -> LanguageModel:
    torch.manual_seed(7)
    network = RecurrentLM(V, embedding_dim=5, hidden_dim=6).eval()
    return LanguageModel(network, TOKENIZER, "rnn")


def row_of(encoded: Encoded, row: int) -> Encoded:
    return map_tensors(lambda tensor: tensor[row : row + 1], encoded)


def every_sequence(cap: int = CAP) -> list[tuple[int, ...]]:
    return [x for length in range(cap) for x in itertools.product(LETTERS, repeat=length)]


@torch.no_grad()
def forced_scores(model: Seq2Seq, encoded: Encoded, tokens: Sequence[int]) -> tuple[float, float]:
    """Returns what decoder and CTC give a whole sequence, without their scorers."""
    inputs = torch.tensor([[BOS, *tokens]])
    log_probs = model.decoder(inputs, model.prepare(encoded))[0].double().log_softmax(dim=-1)[0]
    by_decoder = sum(float(log_probs[i, token]) for i, token in enumerate((*tokens, EOS)))
    by_frame = model.ctc(encoded.values).double().log_softmax(dim=-1)  # (1,T,V)
    loss = torch.nn.functional.ctc_loss(
        by_frame.transpose(0, 1),
        torch.tensor([tokens], dtype=torch.long),
        encoded.lengths,
        torch.tensor([len(tokens)]),
        blank=BLANK,
        reduction="sum",
    )
    return by_decoder, -float(loss)


@torch.no_grad()
def lm_score(model: LanguageModel, tokens: Sequence[int], *, ends: bool = True) -> float:
    """Returns the log probability of a text by the model's own reading of all of it at once."""
    wanted = [*tokens, EOS] if ends else list(tokens)
    if isinstance(model.scorer, NgramModel):
        return sum(model.scorer.score(tokens)[: len(wanted)])
    network = model.scorer
    assert isinstance(network, RecurrentLM)
    logits, _ = network(torch.tensor([[BOS, *tokens]]), network.zero_state(1))
    log_probs = to_log_probs(logits)[0]
    return sum(float(log_probs[i, token]) for i, token in enumerate(wanted))


@pytest.mark.parametrize(
    ("ctc_weight", "lm_weights", "length_bonus", "length_power"),
    [
        (0.0, (0.0, 0.0), 0.0, 1.0),
        (0.4, (0.5, 0.0), 0.0, 1.0),
        (0.3, (0.0, 0.7), 0.6, 0.0),
        (0.3, (0.4, 0.3), 0.9, 0.5),
        (1.0, (0.3, 0.2), -0.4, 0.0),
        (0.2, (0.2, 0.2), 3.0, 1.3),
    ],
)
def test_decoder_ctc_and_two_language_models_find_what_brute_force_finds(
    model: Seq2Seq,
    encoded: Encoded,
    ngram: LanguageModel,
    recurrent: LanguageModel,
    *,
    ctc_weight: float,
    lm_weights: tuple[float, float],
    length_bonus: float,
    length_power: float,
) -> None:
    options = SearchConfig(
        beam_size=150,
        num_best=5,
        ctc_weight=ctc_weight,
        lm_weights=lm_weights,
        length_bonus=length_bonus,
        length_power=length_power,
        max_tokens=CAP,
        loop_repeats=CAP,
    )
    results = search_encoded(model, encoded, options, lms=weigh([ngram, recurrent], options))
    for row, hypotheses in enumerate(results):
        expected = []
        for tokens in every_sequence():
            by_decoder, by_ctc = forced_scores(model, row_of(encoded, row), tokens)
            total = (1 - ctc_weight) * by_decoder + length_bonus * len(tokens)
            total += ctc_weight * by_ctc if ctc_weight else 0.0
            total += lm_weights[0] * lm_score(ngram, tokens)
            total += lm_weights[1] * lm_score(recurrent, tokens)
            expected.append((total / (len(tokens) + 1) ** length_power, total, tokens))
        expected.sort(reverse=True)
        assert [h.tokens for h in hypotheses] == [tokens for *_, tokens in expected[:5]]
        for hypothesis, (rank, total, _) in zip(hypotheses, expected, strict=False):
            assert hypothesis.ended == "eos"
            assert hypothesis.score == pytest.approx(total, abs=1e-3)
            assert rank_of(hypothesis, options) == pytest.approx(rank, abs=1e-3)


@pytest.mark.parametrize(("beam_size", "bonus"), [(1, -2.5), (3, 0.7)])
def test_every_fused_hypothesis_scores_what_forced_decoding_gives_it(
    model: Seq2Seq,
    encoded: Encoded,
    ngram: LanguageModel,
    recurrent: LanguageModel,
    *,
    beam_size: int,
    bonus: float,
) -> None:
    options = SearchConfig(
        beam_size=beam_size, num_best=beam_size, lm_weights=(0.4, 0.3), length_bonus=bonus
    )
    lms = weigh([ngram, recurrent], options)
    num_ended = 0
    for row, hypotheses in enumerate(search_encoded(model, encoded, options, lms=lms)):
        for hypothesis in hypotheses:
            tokens, ends = hypothesis.tokens, hypothesis.ended == "eos"
            num_ended += ends
            total = 0.4 * lm_score(ngram, tokens, ends=ends)
            total += 0.3 * lm_score(recurrent, tokens, ends=ends) + bonus * len(tokens)
            inputs = torch.tensor([[BOS, *tokens]])
            with torch.no_grad():
                logits, _ = model.decoder(inputs, model.prepare(row_of(encoded, row)))
            log_probs = logits.double().log_softmax(dim=-1)[0]
            for place, token in enumerate((*tokens, EOS) if ends else tokens):
                total += float(log_probs[place, token])
            assert hypothesis.score == pytest.approx(total, abs=1e-3)
    assert num_ended > 0


@pytest.mark.parametrize("beam_size", [1, 4])
def test_a_weight_of_zero_is_no_language_model_to_the_last_bit(
    model: Seq2Seq,
    encoded: Encoded,
    ngram: LanguageModel,
    recurrent: LanguageModel,
    beam_size: int,
) -> None:
    options = SearchConfig(beam_size=beam_size, ctc_weight=0.3, lm_weights=(0.0, 0.0))
    alone = search_encoded(model, encoded, options)
    assert search_encoded(model, encoded, options, lms=weigh([ngram, recurrent], options)) == alone
    # the scorers themselves, too, which `fuse` leaves out
    memory = model.prepare(encoded)
    scorers = [WeightedScorer(DecoderScorer(model.decoder), memory)]
    zero = [WeightedScorer(lm.scorer, lm.memory(3), 0.0) for lm in (ngram, recurrent)]
    assert search([*scorers, *zero], encoded.lengths, options) == search(
        scorers, encoded.lengths, options
    )
    assert fuse([WeightedModel(ngram, 0.0), WeightedModel(recurrent, 0.1)], 3)[0].weight == 0.1


def test_language_models_change_what_is_found(
    model: Seq2Seq, encoded: Encoded, ngram: LanguageModel
) -> None:
    options = SearchConfig(beam_size=4, lm_weights=(2.0,))
    alone = search_encoded(model, encoded, options)
    fused = search_encoded(model, encoded, options, lms=weigh([ngram], options))
    rescored = rescore(alone, [WeightedModel(ngram, 2.0)], options)
    before = [rank_of(row[0], options) for row in rescored]
    after = [rank_of(row[0], options) for row in fused]
    assert [row[0].tokens for row in fused] != [row[0].tokens for row in alone]
    assert sum(after) > sum(before)


@pytest.mark.parametrize("rescore_only", [False, True])
@pytest.mark.parametrize("beam_size", [1, 4])
def test_batch_mates_change_no_fused_result(
    model: Seq2Seq,
    encoded: Encoded,
    ngram: LanguageModel,
    recurrent: LanguageModel,
    *,
    beam_size: int,
    rescore_only: bool,
) -> None:
    options = SearchConfig(
        beam_size=beam_size,
        num_best=2,
        ctc_weight=0.3,
        lm_weights=(0.3, 0.4),
        length_bonus=0.5,
        length_power=0.3,
        rescore=rescore_only,
    )
    lms = (WeightedModel(ngram, 0.3), WeightedModel(recurrent, 0.4))
    together = search_encoded(model, encoded, options, lms=lms)
    for row, hypotheses in enumerate(together):
        [alone] = search_encoded(model, row_of(encoded, row), options, lms=lms)
        assert [(h.tokens, h.ended) for h in alone] == [(h.tokens, h.ended) for h in hypotheses]
        for one, other in zip(alone, hypotheses, strict=True):
            assert one.score == pytest.approx(other.score, abs=1e-4)


class StepTable:
    """A language whose next token depends on the step and the last token."""

    def __init__(self, seed: int) -> None:
        logits = 1.5 * torch.randn(9, V, V, generator=torch.Generator().manual_seed(seed))
        logits[..., [PAD, BOS]] = -math.inf
        self.log_probs = logits.log_softmax(dim=-1)

    def initial_state(self, memory: Sequence[Tensor], num_hypotheses: int) -> tuple[Tensor]:
        return (torch.zeros(memory[0].size(0), num_hypotheses, dtype=torch.long),)

    def step(
        self, tokens: Tensor, memory: Sequence[Tensor], state: tuple[Tensor]
    ) -> tuple[Tensor, tuple[Tensor]]:
        return self.log_probs[state[0], tokens], (state[0] + 1,)


def table_search(seed: int, options: SearchConfig) -> list[Hypothesis]:
    scorer = WeightedScorer(StepTable(seed), (torch.zeros(1),))
    return search([scorer], torch.tensor([options.max_tokens]), options)[0]


POWERS = [0.0, 0.5, 1.0, 1.5]
BONUSES = [-0.7, 0.0, 0.4, 1.0, 2.5]


@pytest.mark.parametrize("length_power", POWERS)
@pytest.mark.parametrize("length_bonus", BONUSES)
def test_with_a_length_bonus_a_wide_beam_finds_what_brute_force_finds(
    length_bonus: float, length_power: float
) -> None:
    options = SearchConfig(
        beam_size=500,
        num_best=2,
        length_bonus=length_bonus,
        length_power=length_power,
        max_tokens=6,
        loop_repeats=6,
    )
    for seed in range(4):
        log_probs, expected = StepTable(seed).log_probs.double(), []
        for tokens in every_sequence(cap=6):
            score, last = length_bonus * len(tokens), BOS
            for step, token in enumerate((*tokens, EOS)):
                score += float(log_probs[step, last, token])
                last = token
            expected.append((score / (len(tokens) + 1) ** length_power, score, tokens))
        expected.sort(reverse=True)
        found = table_search(seed, options)
        assert [h.tokens for h in found] == [tokens for *_, tokens in expected[:2]]
        assert found[0].score == pytest.approx(expected[0][1], abs=1e-5)


@pytest.mark.parametrize("length_power", POWERS)
@pytest.mark.parametrize("length_bonus", BONUSES)
def test_a_search_that_stops_early_misses_nothing_that_one_to_the_cap_finds(
    length_bonus: float, length_power: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = SearchConfig(
        beam_size=6,
        length_bonus=length_bonus,
        length_power=length_power,
        max_tokens=9,
        loop_repeats=9,
    )
    early = [table_search(seed, options) for seed in range(20)]

    def no_bound(scores: Tensor, *_: object, **__: object) -> Tensor:
        return torch.full_like(scores, math.inf)

    monkeypatch.setattr(search_module, "highest_rank", no_bound)
    assert [table_search(seed, options) for seed in range(20)] == early


def test_the_bound_is_the_best_rank_of_any_allowed_length() -> None:
    caps = torch.tensor([4, 9, 9])
    scores = torch.tensor([-2.0, -2.0, 3.0], dtype=torch.double)
    for bonus, power in itertools.product(BONUSES, POWERS):
        options = SearchConfig(length_bonus=bonus, length_power=power, max_tokens=20)
        bound = search_module.highest_rank(scores, 3, caps, options=options)
        for row in range(3):
            ranks = [
                (float(scores[row]) + bonus * (length - 4)) / length**power
                for length in range(4, int(caps[row]) + 1)
            ]
            assert float(bound[row]) == pytest.approx(max(ranks), abs=1e-12)


@pytest.mark.parametrize("beam_size", [1, 6])
def test_a_length_bonus_prefers_longer_hypotheses(beam_size: int) -> None:
    lengths = []
    for bonus in (-3.0, 0.0, 0.5, 1.0):
        options = SearchConfig(
            beam_size=beam_size, length_bonus=bonus, length_power=0.0, max_tokens=9, loop_repeats=9
        )
        lengths.append(sum(len(table_search(seed, options)[0].tokens) for seed in range(10)))
    assert lengths == sorted(lengths)
    assert lengths[0] < lengths[-1]


def test_the_bonus_leaves_an_eos_threshold_as_it_was() -> None:
    for bonus in (-5.0, 5.0):
        options = SearchConfig(
            beam_size=3, eos_threshold=1.0, length_bonus=bonus, max_tokens=8, loop_repeats=8
        )
        for seed in range(10):
            log_probs, [best] = StepTable(seed).log_probs, table_search(seed, options)
            if best.ended == "eos":
                last = best.tokens[-1] if best.tokens else BOS
                row = log_probs[len(best.tokens), last]
                assert int(row.argmax()) == EOS


def test_rescoring_is_what_a_hand_computes(ngram: LanguageModel, recurrent: LanguageModel) -> None:
    found = [
        [
            Hypothesis((4, 5), -3.0, "eos"),
            Hypothesis((5,), -3.1, "eos"),
            Hypothesis((4, 4, 4, 4), -0.5, "length"),
        ],
        [Hypothesis((), -1.0, "eos")],
    ]
    lms = [WeightedModel(ngram, 0.5), WeightedModel(recurrent, 0.25)]
    options = SearchConfig(
        beam_size=4, num_best=2, length_power=0.5, lm_weights=(0.5, 0.25), rescore=True
    )
    expected = []
    for hypothesis in found[0][:2]:
        total = hypothesis.score + 0.5 * lm_score(ngram, hypothesis.tokens)
        total += 0.25 * lm_score(recurrent, hypothesis.tokens)
        expected.append((total / (len(hypothesis.tokens) + 1) ** 0.5, total, hypothesis.tokens))
    expected.sort(reverse=True)
    first, second = rescore(found, lms, options)
    assert [h.tokens for h in first] == [tokens for *_, tokens in expected]
    assert [h.score for h in first] == pytest.approx([total for _, total, _ in expected], abs=1e-5)
    assert [h.tokens for h in second] == [()]
    # a hypothesis that was stopped has no EOS, in the language model's score as in search's
    [[*_, stopped]] = score_hypotheses(ngram, found[:1])
    assert stopped == pytest.approx(lm_score(ngram, (4, 4, 4, 4), ends=False), abs=1e-5)
    all_three, _ = rescore(found, lms, options.model_copy(update={"num_best": 3}))
    assert all_three[-1].ended == "length"  # behind every one that has ended


def test_a_language_model_turns_the_order_of_hypotheses(ngram: LanguageModel) -> None:
    better, worse = ((4, 5, 4), (UNK, UNK, UNK))
    assert lm_score(ngram, better) > lm_score(ngram, worse) + 1
    found = [[Hypothesis(worse, -1.0, "eos"), Hypothesis(better, -1.1, "eos")]]
    options = SearchConfig(beam_size=2, num_best=2, rescore=True, lm_weights=(0.2,))
    [[first, second]] = rescore(found, [WeightedModel(ngram, 0.2)], options)
    assert (first.tokens, second.tokens) == (better, worse)


def test_rescoring_reorders_what_the_search_without_them_found(
    model: Seq2Seq, encoded: Encoded, ngram: LanguageModel, recurrent: LanguageModel
) -> None:
    options = SearchConfig(beam_size=5, num_best=2, lm_weights=(0.5, 0.5), rescore=True)
    lms = weigh([ngram, recurrent], options)
    wide = options.model_copy(update={"num_best": 5})
    plain = search_encoded(model, encoded, wide)
    expected = rescore(plain, lms, options)
    assert search_encoded(model, encoded, options, lms=lms) == expected
    assert {len(row) for row in expected} == {2}


def test_there_is_one_weight_for_each_language_model(
    ngram: LanguageModel, recurrent: LanguageModel
) -> None:
    both = [ngram, recurrent]
    assert [part.weight for part in weigh(both, SearchConfig())] == [DEFAULT_WEIGHT] * 2
    assert [part.weight for part in weigh(both, SearchConfig(lm_weights=(0.1, 0)))] == [0.1, 0]
    assert weigh([], SearchConfig()) == ()
    one = parse_config({"search": {"lm_weights": 0.4}}, "test").search
    assert [part.weight for part in weigh([ngram], one)] == [0.4]
    with pytest.raises(
        ConfigError,
        match=r"search.lm_weights = \[0.4\]: 1 for 2 language models; must be one for each --lm, "
        r"in their order \(--set search.lm_weights=\[0.3,0.3\]\)",
    ):
        weigh(both, one)
    with pytest.raises(
        ConfigError,
        match=r"search.lm_weights = \[0.4\]: there is no language model to weigh; name one for "
        r"each weight by --lm, or leave search.lm_weights unset",
    ):
        weigh([], one)
    with pytest.raises(ConfigError, match=r"lm_weights.1 = -1.*greater than or equal to 0"):
        parse_config({"search": {"lm_weights": [0.1, -1]}}, "test")
    with pytest.raises(ConfigError, match=r"lm_weights = 'much'"):
        parse_config({"search": {"lm_weights": "much"}}, "test")


def test_rescoring_without_a_choice_or_a_model_is_refused(ngram: LanguageModel) -> None:
    with pytest.raises(ConfigError, match="no language model to rescore with"):
        weigh([], SearchConfig(rescore=True, beam_size=4))
    with pytest.raises(ConfigError, match=r"must have a search.beam_size > 1"):
        weigh([ngram], SearchConfig(rescore=True))


def test_a_recognizer_checks_its_settings_and_fuses(
    model: Seq2Seq, ngram: LanguageModel, recurrent: LanguageModel
) -> None:
    waveforms, lengths = 0.1 * torch.randn(2, 6000), torch.tensor([6000, 4000])
    alone = Recognizer(model, TOKENIZER, tiny_config())
    recognizer = Recognizer(model, TOKENIZER, tiny_config(), lms=[ngram, recurrent])
    settings = ["search.beam_size=3", "search.num_best=2", "search.length_bonus=0.3"]
    options = recognizer.choose([*settings, "search.lm_weights=[0.8,0.6]"])
    assert options.lm_weights == (0.8, 0.6)
    fused = recognizer.recognize_batch(waveforms, lengths, options)
    plain = alone.recognize_batch(waveforms, lengths, alone.choose(settings))
    assert [result.nbest[0] for result in fused] == [(r.text, r.score) for r in fused]
    assert {len(result.nbest) for result in fused} == {2}
    assert [result.score for result in fused] != [result.score for result in plain]
    with pytest.raises(ConfigError, match="1 for 2 language models"):
        recognizer.choose(["search.lm_weights=[0.8]"])
    with pytest.raises(ConfigError, match="1 for 2 language models"):
        recognizer.recognize_batch(waveforms, lengths, SearchConfig(lm_weights=(0.1,)))
    with pytest.raises(ConfigError, match="unknown key"):
        recognizer.choose(["search.lm_weight=[0.8]"])


def test_a_language_model_of_other_tokens_or_none_at_all_is_refused(tmp_path: Path) -> None:
    save_folder(tmp_path / "exp", tiny_config(), TOKENIZER)
    weights = build_model(tiny_config(), V).state_dict()
    save_weights(tmp_path / "exp/model.safetensors", weights)
    with pytest.raises(ModelError, match="no such language model"):
        load_recognizer(tmp_path / "exp", "cpu", lms=[tmp_path / "none"])
    other = CharacterTokenizer("xyz", normalizer="none")
    save_folder(tmp_path / "lm", LMConfig(type="ngram"), other)
    with pytest.raises(ModelError, match=r"tokens are not the recognizer's \(7 of them, not 6\)"):
        load_recognizer(tmp_path / "exp", "cpu", lms=[tmp_path / "lm"])
    good = estimate([[4, 5]], order=2, vocab_size=V)
    write_arpa(tmp_path / "lm.arpa", good, arpa_symbols(TOKENIZER))
    recognizer = load_recognizer(tmp_path / "exp", "cpu", lms=[tmp_path / "lm.arpa"])
    assert [lm.kind for lm in recognizer.lms] == ["ngram"]


def test_a_token_that_a_language_model_never_gives_is_still_a_number(ngram: LanguageModel) -> None:
    log_probs, _ = ngram.scorer.step(
        torch.full((1, 1), BOS), ngram.memory(1), ngram.scorer.initial_state(ngram.memory(1), 1)
    )
    assert float(log_probs[0, 0, PAD]) == LOG_ZERO
    assert torch.isfinite(log_probs).all()


def test_a_file_of_search_settings_lies_between_configuration_and_set(tmp_path: Path) -> None:
    path = tmp_path / "search.yaml"
    path.write_text("search: {beam_size: 5, lm_weights: [0.1, 0.25], attention_window: null}\n")
    settings = read_search_settings(path)
    assert settings == [
        "search.beam_size=5",
        "search.attention_window=null",
        "search.lm_weights=[0.1, 0.25]",
    ]
    (tmp_path / "config.yaml").write_text("search: {length_power: 0.5, beam_size: 2}\n")
    chosen = load_config(tmp_path / "config.yaml", [*settings, "search.beam_size=7"]).search
    assert (chosen.beam_size, chosen.length_power, chosen.lm_weights) == (7, 0.5, (0.1, 0.25))
    path.write_text("search: {beam: 5}\n")
    with pytest.raises(ConfigError, match=r'search.yaml: unknown key "search.beam"'):
        read_search_settings(path)
    path.write_text("train: {epochs: 5}\n")
    with pytest.raises(ConfigError, match='unknown key "train"'):
        read_search_settings(path)
    with pytest.raises(ConfigError, match="no such configuration file"):
        read_search_settings(tmp_path / "none.yaml")
