"""Times the parts of the recognizer on this machine; prints medians, and the machine's own rate.

python tests/benchmarks/parts.py

Shapes: 16 utterances of 150 to 250 frames of 320, an encoder of 3 x BLSTM 512, a decoder of LSTM
512 with location-aware attention (512, 10 filters of 201), 1000 tokens, 40 tokens an utterance.
Nothing here is asserted: compare figures of one run with each other, never with another run's.
"""

import statistics
import time
from collections.abc import Callable

import torch

from asr.attention import build_attention
from asr.config import DecoderConfig, EncoderConfig, SearchConfig
from asr.decoder import AttentionDecoder
from asr.encoder import Encoder
from asr.scorers import DecoderScorer
from asr.search import WeightedScorer, search
from asr.tokenizer import EOS

NUM_UTTERANCES, NUM_FRAMES, FRAME_DIM, VOCAB, NUM_TOKENS = 16, 250, 320, 1000, 40


def median_seconds(function: Callable[[], object], runs: int = 5) -> float:
    """Returns the median time of a call, after one that is not counted."""
    function()
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def main() -> None:
    """Prints the table."""
    torch.manual_seed(0)
    encoder = Encoder(
        EncoderConfig(
            subsampling="none", hidden_dim=512, num_layers=3, dropout=0, layer_norm=False
        ),
        FRAME_DIM,
    )
    attention = build_attention(
        "location",
        {"dim": 512, "num_filters": 10, "filter_width": 201},
        query_dim=512,
        value_dim=encoder.output_dim,
    )
    config = DecoderConfig(embedding_dim=512, hidden_dim=512, dropout=0)
    decoder = AttentionDecoder(config, attention, vocab_size=VOCAB)
    with torch.no_grad():
        decoder.output.bias[EOS] = -1e4  # an untrained model must not stop early
    features = torch.randn(NUM_UTTERANCES, NUM_FRAMES, FRAME_DIM)
    lengths = torch.linspace(NUM_FRAMES, 150, NUM_UTTERANCES).long()
    tokens = torch.randint(4, VOCAB, (NUM_UTTERANCES, NUM_TOKENS + 1))
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(parameters, 1e-4)

    def encode() -> tuple[torch.Tensor, torch.Tensor]:
        return encoder(features, lengths)

    def train_step() -> None:
        logits, _ = decoder(tokens, attention.prepare(*encode()))
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens.flatten()).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 5.0)
        optimizer.step()
        optimizer.zero_grad()

    def decode(beam_size: int) -> None:
        options = SearchConfig(beam_size=beam_size, max_tokens=NUM_TOKENS, loop_repeats=NUM_TOKENS)
        search([WeightedScorer(DecoderScorer(decoder), memory)], lengths, options)

    figures = {"train step": median_seconds(train_step)}
    with torch.inference_mode():
        figures["encode"] = median_seconds(encode)
        memory = attention.prepare(*encode())
        figures["greedy"] = median_seconds(lambda: decode(1))
        figures["beam 10"] = median_seconds(lambda: decode(10), runs=3)
        square = torch.randn(2048, 2048)
        rate = 2 * 2048**3 / median_seconds(lambda: square @ square) / 1e9
    print(f"threads {torch.get_num_threads()}, float32 matrix product {rate:.0f} GFLOP/s")
    for name, seconds in figures.items():
        print(f"{name:12s} {seconds:7.3f} s")


if __name__ == "__main__":
    main()
