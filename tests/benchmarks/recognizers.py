"""The same recognizer in each toolkit, of its own parts: what the workers time.

Each has a `model`, its `optimizer`, a `loss` of a batch, an `encode`, and a `decode` of what was
encoded for exactly `num_tokens` steps, which a very low bias of the end token makes sure of: an
untrained model may otherwise end at once. No dropout, no helper losses, no language model. All
train with Adam: the peers with torch's by default, this project with what `asr train` makes of it.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from workload import Shapes

NEVER = -1e4  # logit of a token that must not be chosen


class Ours:
    """This project's encoder, decoder and search."""

    def __init__(self, shapes: Shapes, device: torch.device) -> None:
        from asr.attention import build_attention
        from asr.config import DecoderConfig, EncoderConfig, SearchConfig, TrainConfig
        from asr.decoder import AttentionDecoder
        from asr.encoder import Encoder
        from asr.fast.shared import shared_products
        from asr.scorers import DecoderScorer, WeightedScorer
        from asr.search import search
        from asr.text.tokenizer import BOS, EOS
        from asr.training.experiment import build_optimizer

        self.bos, self.eos = BOS, EOS
        self.encoder = Encoder(
            EncoderConfig(
                subsampling="none",
                hidden_dim=shapes.hidden_dim,
                num_layers=shapes.num_layers,
                dropout=0.0,
                layer_norm=False,
            ),
            shapes.frame_dim,
        )
        attention = build_attention(
            "location",
            {
                "dim": shapes.hidden_dim,
                "num_filters": shapes.num_filters,
                "filter_width": shapes.filter_width,
            },
            query_dim=shapes.hidden_dim,
            value_dim=self.encoder.output_dim,
        )
        self.decoder = AttentionDecoder(
            DecoderConfig(
                embedding_dim=shapes.hidden_dim, hidden_dim=shapes.hidden_dim, dropout=0.0
            ),
            attention,
            vocab_size=shapes.vocab_size,
            message_dim=self.encoder.message_dim,
        )
        with torch.no_grad():
            self.decoder.output.bias[EOS] = NEVER
        self.model = nn.ModuleList([self.encoder, self.decoder]).to(device)

        def decode(encoded: Any, beam_size: int, precision: Any = "float32") -> Any:
            options = SearchConfig(
                beam_size=beam_size,
                decoder_precision=precision,
                max_tokens=shapes.num_tokens,
                loop_repeats=shapes.num_tokens,
            )
            with shared_products(precision):
                memory = self.decoder.prepare(*encoded)
            scorer = WeightedScorer(DecoderScorer(self.decoder), memory)
            return search([scorer], encoded.lengths, options)

        self.decode = decode
        self.decode_rounded = partial(decode, precision="bfloat16")
        self.optimizer = build_optimizer(
            self.model, TrainConfig(optimizer="adam", learning_rate=1e-4)
        )

    def loss(self, frames: Tensor, lengths: Tensor, tokens: Tensor) -> Tensor:
        """Returns the cross entropy under teacher forcing."""
        inputs = nn.functional.pad(tokens, (1, 0), value=self.bos)
        targets = nn.functional.pad(tokens, (0, 1), value=self.eos)
        memory = self.decoder.prepare(*self.encoder(frames, lengths))
        logits, _ = self.decoder(inputs, memory)
        return nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())

    def encode(self, frames: Tensor, lengths: Tensor) -> Any:
        """Returns the encoder's values, lengths and message."""
        return self.encoder(frames, lengths)


class Espnet:
    """ESPnet's RNN encoder and decoder, and its beam search, one utterance at a time as it works.

    Its batched search does not take the RNN decoder.
    """

    def __init__(self, shapes: Shapes, device: torch.device) -> None:
        from espnet.nets.beam_search import BeamSearch
        from espnet.nets.pytorch_backend.rnn.encoders import RNN
        from espnet2.asr.decoder.rnn_decoder import RNNDecoder

        hidden, last = shapes.hidden_dim, shapes.vocab_size - 1
        self.last = last
        self.encoder = RNN(shapes.frame_dim, shapes.num_layers, hidden, 2 * hidden, 0.0, "blstm")
        self.decoder = RNNDecoder(
            shapes.vocab_size,
            2 * hidden,
            num_layers=1,
            hidden_size=hidden,
            att_conf={
                "atype": "location",
                "adim": hidden,
                "aconv_chans": shapes.num_filters,
                "aconv_filts": shapes.filter_width // 2,  # of each side
            },
        )
        self.model = nn.ModuleList([self.encoder, self.decoder]).to(device)

        def decode(encoded: Any, beam_size: int) -> None:
            values, lengths = encoded
            searcher = BeamSearch(
                beam_size=beam_size,
                weights={"decoder": 1.0},
                scorers={"decoder": self.decoder},
                sos=last,
                eos=last,
                vocab_size=shapes.vocab_size,
                token_list=None,
                pre_beam_score_key=None,
            ).to(device)
            for row, length in zip(values, lengths, strict=True):
                steps = -shapes.num_tokens  # below 0: a number, not a share of the frames
                searcher(row[: int(length)], maxlenratio=steps, minlenratio=steps)

        self.decode = decode
        self.optimizer = torch.optim.Adam(self.model.parameters(), 1e-4)

    def loss(self, frames: Tensor, lengths: Tensor, tokens: Tensor) -> Tensor:
        """Returns the cross entropy under teacher forcing."""
        values, lengths = self.encode(frames, lengths)
        inputs = nn.functional.pad(tokens, (1, 0), value=self.last)
        targets = nn.functional.pad(tokens, (0, 1), value=self.last)
        num_tokens = torch.full((len(tokens),), inputs.size(1), device=tokens.device)
        logits, _ = self.decoder(values, lengths, inputs, num_tokens)
        return nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())

    def encode(self, frames: Tensor, lengths: Tensor) -> Any:
        """Returns the encoder's values and lengths."""
        values, lengths, _ = self.encoder(frames, lengths)
        return values, torch.as_tensor(lengths, device=values.device)


class SpeechBrain:
    """SpeechBrain's LSTM encoder, attentional decoder, and batched greedy and beam searchers."""

    def __init__(self, shapes: Shapes, device: torch.device) -> None:
        from speechbrain.decoders import S2SRNNBeamSearcher, S2SRNNGreedySearcher
        from speechbrain.nnet.linear import Linear
        from speechbrain.nnet.RNN import LSTM, AttentionalRNNDecoder

        hidden, last = shapes.hidden_dim, shapes.vocab_size - 1
        self.last = last
        self.encoder = LSTM(
            hidden_size=hidden,
            input_size=shapes.frame_dim,
            num_layers=shapes.num_layers,
            bidirectional=True,
        )
        self.embedding = nn.Embedding(shapes.vocab_size, hidden)
        self.decoder = AttentionalRNNDecoder(
            "lstm",
            "location",
            hidden,
            hidden,
            1,
            2 * hidden,
            hidden,
            channels=shapes.num_filters,
            kernel_size=shapes.filter_width,
        )
        self.output = Linear(n_neurons=shapes.vocab_size, input_size=hidden)
        with torch.no_grad():
            self.output.w.bias[last] = NEVER
        self.model = nn.ModuleList([self.encoder, self.embedding, self.decoder, self.output]).to(
            device
        )
        options = {
            "embedding": self.embedding,
            "decoder": self.decoder,
            "linear": self.output,
            "bos_index": last,
            "eos_index": last,
            "min_decode_ratio": 0.0,
            "max_decode_ratio": shapes.num_tokens / shapes.num_frames,
        }
        greedy = S2SRNNGreedySearcher(**options)

        def decode(encoded: Any, beam_size: int) -> Any:
            if beam_size == 1:
                return greedy(*encoded)
            searcher = S2SRNNBeamSearcher(**options, beam_size=beam_size, using_eos_threshold=False)
            return searcher(*encoded)

        self.decode = decode
        self.optimizer = torch.optim.Adam(self.model.parameters(), 1e-4)

    def loss(self, frames: Tensor, lengths: Tensor, tokens: Tensor) -> Tensor:
        """Returns the cross entropy under teacher forcing."""
        inputs = nn.functional.pad(tokens, (1, 0), value=self.last)
        targets = nn.functional.pad(tokens, (0, 1), value=self.last)
        states, _ = self.decoder(self.embedding(inputs), *self.encode(frames, lengths))
        logits = self.output(states)
        return nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())

    def encode(self, frames: Tensor, lengths: Tensor) -> Any:
        """Returns the encoder's values, and lengths as shares of the longest."""
        shares = lengths / frames.size(1)
        return self.encoder(frames, lengths=shares)[0], shares


RECOGNIZERS: dict[str, Any] = {"ours": Ours, "espnet": Espnet, "speechbrain": SpeechBrain}
