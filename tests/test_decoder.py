import pytest
import torch
from torch import Tensor

from asr.attention import ATTENTIONS, build_attention
from asr.build import build_model
from asr.cells import CELLS, HiddenState
from asr.config import Config, DecoderConfig, override_config
from asr.decoder import AttentionDecoder, DecoderMemory
from asr.decoder_start import STARTS
from asr.errors import ConfigError
from asr.scorers import map_tensors

LENGTHS = torch.tensor([9, 4])
PEEKY = [True, False]
FEEDING = [True, False]
OUTPUT = [True, False]
ATTENDS = ["after", "before"]


def build(attention: str = "location", **changes: object) -> AttentionDecoder:
    config = DecoderConfig(embedding_dim=5, hidden_dim=8, **changes)
    small = {"filter_width": 5} if attention == "location" else {}
    mechanism = build_attention(attention, small, query_dim=8, value_dim=8)
    return AttentionDecoder(config, mechanism, vocab_size=11, message_dim=8).eval()


def prepare(decoder: AttentionDecoder, batch_size: int = 2) -> DecoderMemory:
    """Returns the memory of random values and a random message, all parts of it."""
    values, lengths = torch.randn(batch_size, 9, 8), LENGTHS.repeat(batch_size // 2)
    message = tuple(torch.randn(batch_size, 8) for _ in decoder.state_type._fields)
    return decoder.prepare(values, lengths, message)


def some_tokens(batch_size: int = 2, num_tokens: int = 7) -> Tensor:
    return torch.randint(4, 11, (batch_size, num_tokens))


def step_through(
    decoder: AttentionDecoder, memory: DecoderMemory, tokens: Tensor
) -> tuple[Tensor, Tensor]:
    """Returns logits (B,U,V) and alignments (B,U,T), one `step` a token."""
    state, rows = decoder.initial_state(memory, 1), []
    for token in tokens.split(1, dim=1):
        logits, alignment, state = decoder.step(token, memory, state)
        rows.append((logits, alignment))
    logits, alignments = (torch.cat(parts, dim=1) for parts in zip(*rows, strict=True))
    return logits, alignments


def assert_stepping_is_teacher_forcing(decoder: AttentionDecoder) -> None:
    memory, tokens = prepare(decoder), some_tokens()
    together, one_by_one = decoder(tokens, memory), step_through(decoder, memory, tokens)
    assert together[0].shape == (2, 7, 11)
    assert together[1].shape == (2, 7, 9)
    for whole, stepped in zip(together, one_by_one, strict=True):
        torch.testing.assert_close(whole, stepped, atol=1e-5, rtol=0)


@pytest.mark.parametrize("attention", sorted(ATTENTIONS))
@pytest.mark.parametrize("cell", sorted(CELLS))
@pytest.mark.parametrize("num_layers", [1, 2])
def test_stepping_equals_teacher_forcing(attention: str, cell: str, num_layers: int) -> None:
    assert_stepping_is_teacher_forcing(build(attention, cell=cell, num_layers=num_layers))


@pytest.mark.parametrize("attention", ["location", "none"])
@pytest.mark.parametrize("start", sorted(STARTS))
@pytest.mark.parametrize("peeky", PEEKY)
@pytest.mark.parametrize("input_feeding", FEEDING)
@pytest.mark.parametrize("attends", ATTENDS)
@pytest.mark.parametrize("context_output", OUTPUT)
def test_stepping_equals_teacher_forcing_with_every_switch(
    attention: str,
    start: str,
    peeky: bool,
    input_feeding: bool,
    context_output: bool,
    attends: str,
) -> None:
    switches = {"input_feeding": input_feeding, "context_output": context_output}
    switches["attends"] = attends
    assert_stepping_is_teacher_forcing(
        build(attention, start=start, peeky=peeky, num_layers=2, **switches)
    )


@pytest.mark.parametrize("cell", sorted(set(CELLS) - {"lstm"}))
@pytest.mark.parametrize("start", sorted(STARTS))
def test_stepping_equals_teacher_forcing_from_every_start_of_every_cell(
    cell: str, start: str
) -> None:
    assert_stepping_is_teacher_forcing(build(cell=cell, start=start, peeky=True, num_layers=2))


def test_a_step_follows_its_equations() -> None:
    """Checked for a plain cell: all inputs add up before the tanh, all outputs after it."""
    decoder = build(cell="rnn_tanh", start="copy", peeky=True)
    memory, token = prepare(decoder), torch.tensor([[4], [9]])
    state = decoder.initial_state(memory, 1)._replace(context=torch.randn(2, 1, 8))
    logits, _, after = decoder.step(token, memory, state)
    [message], cell = memory.message, decoder.cells[0]
    gates = decoder.inputs[0](decoder.embedding(token[:, 0]))
    gates = gates + state.context[:, 0] @ decoder.context_input.weight.T
    gates = gates + message @ decoder.peek_input.weight.T
    hidden = torch.tanh(gates + message @ cell.recurrent.weight.T)  # a copy starts from the message
    torch.testing.assert_close(after.cells[0].hidden[:, 0], hidden)
    features = torch.cat([hidden, after.context[:, 0], message], dim=-1)
    expected = decoder.output(decoder.readout(features).tanh())
    torch.testing.assert_close(logits[:, 0], expected, atol=1e-6, rtol=1e-5)


def test_a_gru_with_a_recurrent_bias_is_torchs_cell() -> None:
    decoder = build(cell="gru", recurrent_bias=True, input_feeding=False)
    cell, project = decoder.cells[0], decoder.inputs[0]
    torch.nn.init.normal_(cell.recurrent.bias)
    other = torch.nn.GRUCell(5, 8)
    other.load_state_dict(
        {
            "weight_ih": project.weight,
            "bias_ih": project.bias,
            "weight_hh": cell.recurrent.weight,
            "bias_hh": cell.recurrent.bias,
        }
    )
    inputs, hidden = torch.randn(2, 3, 5), torch.randn(2, 3, 8)
    found = cell(project(inputs), HiddenState(hidden)).hidden
    expected = other(inputs.flatten(0, 1), hidden.flatten(0, 1))
    torch.testing.assert_close(found.flatten(0, 1), expected)


@pytest.mark.parametrize("attention", sorted(ATTENTIONS))
@pytest.mark.parametrize("cell", sorted(CELLS))
def test_stepping_equals_teacher_forcing_where_attention_comes_first(
    attention: str, cell: str
) -> None:
    assert_stepping_is_teacher_forcing(
        build(attention, cell=cell, attends="before", readout="none", num_layers=2)
    )


def test_attention_before_the_cells_has_the_last_state_for_query() -> None:
    decoder = build(start="bridge", attends="before", readout="none", num_layers=2)
    memory, token = prepare(decoder), torch.tensor([[4], [9]])
    state = decoder.initial_state(memory, 1)
    logits, alignment, after = decoder.step(token, memory, state)
    query = state.cells[0].hidden
    context, expected, _ = decoder.attention(query, memory.attention, state.attention)
    torch.testing.assert_close(alignment, expected)
    first, second = decoder.cells
    gates = decoder.inputs[0](decoder.embedding(token)) + decoder.context_input(context)
    hidden = first(gates, state.cells[0]).hidden
    hidden = second(decoder.inputs[1](hidden), state.cells[1]).hidden
    torch.testing.assert_close(logits, decoder.output(torch.cat([hidden, context], dim=-1)))
    torch.testing.assert_close(after.context, context)


def test_a_linear_readout_is_a_tanh_less() -> None:
    decoder = build(readout="linear")
    features = torch.randn(2, 3, 16)
    expected = decoder.output(decoder.readout(features))
    torch.testing.assert_close(decoder.logits(features, prepare(decoder)), expected)


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_stepping_equals_teacher_forcing_with_a_bias_and_a_linear_readout(cell: str) -> None:
    assert_stepping_is_teacher_forcing(
        build(cell=cell, recurrent_bias=True, readout="linear", num_layers=2)
    )


def test_a_token_changes_nothing_before_it() -> None:
    decoder = build()
    memory, tokens = prepare(decoder), some_tokens()
    changed = tokens.clone()
    changed[:, 4] = (tokens[:, 4] - 3) % 7 + 4
    before, after = decoder(tokens, memory)[0], decoder(changed, memory)[0]
    torch.testing.assert_close(before[:, :4], after[:, :4])
    assert (before[:, 4:] - after[:, 4:]).abs().amax(dim=(0, 2)).min() > 0


def test_without_input_feeding_the_cell_does_not_see_the_context() -> None:
    for input_feeding in FEEDING:
        decoder = build(input_feeding=input_feeding)
        memory = prepare(decoder)
        state = decoder.initial_state(memory, 1)
        other = state._replace(context=torch.randn_like(state.context))
        tokens = torch.tensor([[4], [5]])
        same = torch.equal(
            decoder.step(tokens, memory, state)[0], decoder.step(tokens, memory, other)[0]
        )
        assert same != input_feeding


@pytest.mark.parametrize("input_feeding", FEEDING)
@pytest.mark.parametrize("context_output", OUTPUT)
def test_the_context_reaches_the_output_by_the_ways_that_are_open(
    input_feeding: bool, context_output: bool
) -> None:
    decoder = build(input_feeding=input_feeding, context_output=context_output)
    memory, tokens = prepare(decoder), some_tokens()
    values, message = torch.randn(2, 9, 8), memory.message
    other = decoder.prepare(values, LENGTHS, message)
    moved = (decoder(tokens, memory)[0] - decoder(tokens, other)[0]).abs().amax(dim=(0, 2))
    assert bool(moved[0] > 0) == context_output  # before it was fed back, only by the output layer
    assert (moved[1:] > 0).tolist() == [context_output or input_feeding] * 6


@pytest.mark.parametrize("attention", ["location", "none"])
@pytest.mark.parametrize("cell", sorted(CELLS))
def test_a_peeky_decoder_sees_the_message_in_its_gates_and_its_output_at_every_step(
    attention: str, cell: str
) -> None:
    decoder = build(attention, cell=cell, peeky=True, start="zeros")
    memory, tokens = prepare(decoder), some_tokens()
    other = memory._replace(message=tuple(torch.randn(2, 8) for _ in memory.message))
    gates = decoder.embed(tokens, memory) - decoder.embed(tokens, other)
    by_hand = (memory.message[0] - other.message[0]) @ decoder.peek_input.weight.T
    assert gates.shape == (2, 7, CELLS[cell].num_gates * 8)
    torch.testing.assert_close(gates, by_hand[:, None].expand_as(gates), atol=1e-5, rtol=0)
    assert by_hand.abs().min() > 0

    def moved() -> Tensor:
        """Returns the largest change of any logit at each step."""
        change = decoder(tokens, memory)[0] - decoder(tokens, other)[0]
        return change.detach().abs().amax(dim=(0, 2))

    assert moved().min() > 1e-4
    with torch.no_grad():
        kept = decoder.peek_input.weight.clone()
        decoder.peek_input.weight.zero_()
        assert moved().min() > 1e-4  # by the output layer alone
        decoder.peek_input.weight.copy_(kept)
        decoder.readout.weight[:, -8:] = 0
        assert moved().min() > 1e-4  # by the gates alone
        decoder.peek_input.weight.zero_()
        assert moved().max() == 0


@pytest.mark.parametrize("start", sorted(STARTS))
def test_a_decoder_that_does_not_peek_knows_the_message_from_its_start_alone(start: str) -> None:
    decoder = build("none", start=start)
    memory, tokens = prepare(decoder), some_tokens()
    other = memory._replace(message=tuple(torch.randn(2, 8) for _ in memory.message))
    same = torch.equal(decoder(tokens, memory)[0], decoder(tokens, other)[0])
    assert same == (start in ("zeros", "random"))


@pytest.mark.parametrize("start", sorted(STARTS))
@pytest.mark.parametrize("peeky", PEEKY)
def test_without_attention_the_decoder_ignores_the_values(start: str, peeky: bool) -> None:
    decoder = build("none", start=start, peeky=peeky)
    memory, tokens = prepare(decoder), some_tokens()
    other = decoder.prepare(torch.randn(2, 9, 8), LENGTHS, memory.message)
    logits, alignments = decoder(tokens, other)
    assert torch.equal(decoder(tokens, memory)[0], logits)
    assert alignments.abs().sum() == 0


@pytest.mark.parametrize("attention", sorted(ATTENTIONS))
@pytest.mark.parametrize("start", sorted(STARTS))
def test_hypotheses_do_not_touch_each_other_and_states_may_be_reordered(
    attention: str, start: str
) -> None:
    decoder = build(attention, start=start, peeky=True)
    memory, tokens = prepare(decoder), torch.randint(4, 11, (2, 3, 4))  # (B,K,U)
    order = torch.tensor([2, 0, 1])
    state, rows = decoder.initial_state(memory, 3), []
    for place in range(4):
        before = state
        logits, _, state = decoder.step(tokens[..., place], memory, state)
        rows.append(logits)
        moved = map_tensors(lambda part: part[:, order], before)
        permuted, _, _ = decoder.step(tokens[:, order, place], memory, moved)
        torch.testing.assert_close(permuted, logits[:, order], atol=1e-6, rtol=0)
    together = torch.stack(rows, dim=2)  # (B,K,U,V)
    for place in range(3):
        alone, _ = decoder(tokens[:, place], memory)
        torch.testing.assert_close(together[:, place], alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("training", [True, False])
def test_a_teacher_ratio_of_one_is_teacher_forcing_and_draws_nothing(training: bool) -> None:
    decoder = build(dropout=0.5).train(training)
    memory, tokens = prepare(decoder), some_tokens()
    before = torch.get_rng_state()
    plain = decoder(tokens, memory)
    after = torch.get_rng_state()
    torch.set_rng_state(before)
    told = decoder(tokens, memory, teacher_ratio=1.0)
    assert torch.equal(torch.get_rng_state(), after)
    assert torch.equal(after, before) == (not training)  # dropout alone draws
    assert torch.equal(plain[0], told[0])
    assert torch.equal(plain[1], told[1])


@pytest.mark.parametrize("attention", ["location", "coverage", "multi_head", "none"])
@pytest.mark.parametrize("cell", sorted(CELLS))
def test_a_teacher_ratio_of_zero_feeds_back_the_best_tokens(attention: str, cell: str) -> None:
    decoder = build(attention, cell=cell, start="bridge", peeky=True)
    with torch.no_grad():
        decoder.output.weight.mul_(5)  # an untrained decoder would say one token only
    memory, tokens = prepare(decoder, 6), some_tokens(6)
    logits, alignments = decoder(tokens, memory, teacher_ratio=0.0)
    best = logits.argmax(dim=-1)
    assert best.unique().numel() > 2
    own = torch.cat([tokens[:, :1], best[:, :-1]], dim=1)
    expected, expected_alignments = step_through(decoder, memory, own)
    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(alignments, expected_alignments)
    forced = decoder(own, memory)[0]
    torch.testing.assert_close(logits, forced, atol=1e-5, rtol=0)


@pytest.mark.parametrize("ratio", [0.2, 0.5, 0.8])
def test_a_teacher_ratio_is_the_share_of_tokens_that_are_the_references(
    ratio: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder = build("dot")
    with torch.no_grad():
        decoder.output.bias[3] = 100.0  # its own best token is always 3, which no reference holds
    memory, tokens, fed = prepare(decoder, 50), some_tokens(50, 41), []
    embed = decoder.embed
    monkeypatch.setattr(decoder, "embed", lambda part, told: fed.append(part) or embed(part, told))
    with torch.no_grad():
        decoder(tokens, memory, teacher_ratio=ratio)
    inputs = torch.cat(fed, dim=1)
    from_teacher = inputs == tokens
    assert from_teacher[:, 0].all()  # BOS is nobody's guess
    assert (inputs[~from_teacher] == 3).all()
    drawn = from_teacher[:, 1:].double()
    assert float(drawn.mean()) == pytest.approx(ratio, abs=0.03)  # 2,000 draws: three deviations
    for axis in (0, 1):  # decided for each token, not for each step or utterance
        assert (drawn.amin(dim=axis) != drawn.amax(dim=axis)).double().mean() > 0.9


def test_what_a_sampling_decoder_feeds_back_is_its_own_best_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decoder = build()
    with torch.no_grad():
        decoder.output.weight.mul_(5)
    memory, tokens, fed = prepare(decoder, 6), some_tokens(6, 20), []
    embed = decoder.embed
    monkeypatch.setattr(decoder, "embed", lambda part, told: fed.append(part) or embed(part, told))
    best = decoder(tokens, memory, teacher_ratio=0.5)[0].argmax(dim=-1)
    inputs = torch.cat(fed, dim=1)
    from_teacher, from_itself = inputs[:, 1:] == tokens[:, 1:], inputs[:, 1:] == best[:, :-1]
    assert (from_teacher | from_itself).all()
    assert (~from_teacher).any()
    assert (~from_itself).any()


def test_sampling_is_repeated_by_the_same_seed_and_trains_every_weight() -> None:
    decoder = build(start="bridge", peeky=True, num_layers=2)
    memory, tokens = prepare(decoder, 6), some_tokens(6, 20)
    with torch.no_grad():
        decoder.output.weight.mul_(5)
    rows = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        rows.append(decoder(tokens, memory, teacher_ratio=0.5)[0])
    assert torch.equal(rows[0], rows[1])
    assert not torch.equal(rows[0], rows[2])
    rows[0].logsumexp(dim=-1).sum().backward()
    for name, parameter in decoder.named_parameters():
        assert parameter.grad.isfinite().all(), name


def test_dropout_acts_in_training_only() -> None:
    decoder = build(dropout=0.5)
    memory, tokens = prepare(decoder), some_tokens()
    assert torch.equal(decoder(tokens, memory)[0], decoder(tokens, memory)[0])
    decoder.train()
    assert not torch.equal(decoder(tokens, memory)[0], decoder(tokens, memory)[0])


@pytest.mark.usefixtures("nothing_is_small")
@pytest.mark.parametrize("cell", sorted(CELLS))
@pytest.mark.parametrize("start", sorted(STARTS))
def test_a_decoder_trains_in_half_precision(cell: str, start: str) -> None:
    decoder = build(cell=cell, start=start, peeky=True)
    memory, tokens = prepare(decoder), some_tokens()
    exact = decoder(tokens, memory)[0]
    for ratio in (1.0, 0.99):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits, _ = decoder(tokens, memory, teacher_ratio=ratio)
        if ratio == 1.0:
            torch.testing.assert_close(logits.float(), exact, atol=0.05, rtol=0)
        logits.float().square().sum().backward()
        memory = prepare(decoder)
    gradients = [part.grad for part in decoder.parameters() if part.grad is not None]
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_an_unknown_cell_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(
        ConfigError,
        match=r'decoder\.cell = "elman": unknown; known: lstm, gru, rnn_tanh, rnn_relu',
    ):
        build(cell="elman")


def test_a_start_that_does_not_fit_is_an_error() -> None:
    attention = build_attention("dot", {}, query_dim=8, value_dim=8)
    config = DecoderConfig(embedding_dim=5, hidden_dim=8, start="copy")
    with pytest.raises(ConfigError, match=r"last state has 6 values.*decoder\.hidden_dim = 8"):
        AttentionDecoder(config, attention, vocab_size=11, message_dim=6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["attention={type: none}"], r"decoder\.start = zeros: nothing tells the decoder"),
        (
            ["attention={type: none}", "decoder.peeky=true", "search.attention_window=[3, 9]"],
            r"there is no attention to restrict",
        ),
        (
            ["decoder.input_feeding=false", "decoder.context_output=false"],
            r"nothing reads the attention's context",
        ),
    ],
)
def test_parts_that_nobody_reads_are_refused(settings: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_model(override_config(Config(), settings), 11)
