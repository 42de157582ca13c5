"""How well a language model foretells a text: counts, and perplexities from counts."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from asr.lm.language_model import LanguageModel, RecurrentLM, to_log_probs
from asr.lm.text import TokenText
from asr.text.tokenizer import PAD

STEPS = 64  # tokens a line that a recurrent model reads at once
MOST_ROWS = 256  # lines side by side
MOST_VALUES = 2**24  # log probabilities held at once
MOST_LOG = 700.0  # of a float64, rounded down


@dataclass(frozen=True)
class TextScore:
    """What a language model gives a text, each line read by itself from BOS to EOS."""

    num_lines: int
    num_tokens: int  # the EOS of each line counted
    num_characters: int  # of normalised text, one more a line for its end
    num_unknown: int  # tokens that are UNK, scored as such
    log_prob: float  # natural logarithm, of all tokens together

    @property
    def token_perplexity(self) -> float:
        """Perplexity per token."""
        return to_perplexity(self.log_prob, self.num_tokens)

    @property
    def character_perplexity(self) -> float:
        """Perplexity per character: comparable between tokenizers where nothing is UNK.

        UNK is scored as one token whatever it stands for, which flatters.
        """
        return to_perplexity(self.log_prob, self.num_characters)

    def to_dict(self) -> dict[str, float]:
        """Returns counts and perplexities by name, as metrics hold them."""
        return {
            "lines": self.num_lines,
            "tokens": self.num_tokens,
            "characters": self.num_characters,
            "unknown_tokens": self.num_unknown,
            "log_prob": self.log_prob,
            "token_perplexity": self.token_perplexity,
            "character_perplexity": self.character_perplexity,
        }

    def describe(self) -> str:
        """Returns the perplexities in a few words."""
        return (
            f"perplexity {self.token_perplexity:.3f} per token, {self.character_perplexity:.3f} "
            "per character"
        )

    def to_table(self) -> str:
        """Returns counts and perplexities, one a line, for a person."""
        rows = {
            "lines": f"{self.num_lines:,}",
            "tokens, EOS counted": f"{self.num_tokens:,}",
            "of them unknown (UNK)": f"{self.num_unknown:,}",
            "characters, line ends counted": f"{self.num_characters:,}",
            "log probability": f"{self.log_prob:.4f}",
            "perplexity per token": f"{self.token_perplexity:.4f}",
            "perplexity per character": f"{self.character_perplexity:.4f}",
        }
        lines = [f"{name:<30}{value:>16}" for name, value in rows.items()]
        if self.num_unknown:
            lines.append(
                "UNK stands for characters that were not foretold: the perplexity per character "
                "cannot be compared between tokenizers"
            )
        return "\n".join(lines)


def to_perplexity(log_prob: float, count: int) -> float:
    """Returns exp(-log_prob / count), infinite where that is too large or not a number."""
    if math.isnan(log_prob) or -log_prob / count > MOST_LOG:
        return math.inf
    return math.exp(-log_prob / count)


@torch.inference_mode()
def score_text(model: LanguageModel, text: TokenText) -> TextScore:
    """Returns the score of a text; a recurrent model is in evaluation mode.

    Args:
        model: recurrent or n-gram; every line begins with its initial state.
        text: encoded by the model's tokenizer.
    """
    lengths = text.line_lengths()
    inputs = text.stream.split(lengths.tolist())
    targets = text.targets.split(lengths.tolist())
    steps = STEPS if isinstance(model.scorer, RecurrentLM) else 1
    values = steps * model.tokenizer.vocab_size
    num_rows = max(1, min(MOST_ROWS, MOST_VALUES // values))
    total = torch.zeros((), dtype=torch.double)
    for rows in lengths.argsort(stable=True).split(num_rows):  # alike in length, little padding
        total += _score_lines(
            model,
            pad_sequence([inputs[row] for row in rows], batch_first=True, padding_value=PAD),
            pad_sequence([targets[row] for row in rows], batch_first=True, padding_value=PAD),
            steps=steps,
        )
    return TextScore(
        num_lines=text.num_lines,
        num_tokens=text.num_tokens,
        num_characters=text.num_characters,
        num_unknown=text.num_unknown,
        log_prob=float(total),
    )


def _score_lines(model: LanguageModel, inputs: Tensor, targets: Tensor, *, steps: int) -> Tensor:
    """Returns the log probability (scalar, float64) of lines (B,T), padded by PAD."""
    read, state = _reader(model, inputs.size(0))
    total = torch.zeros((), dtype=torch.double)
    for start in range(0, inputs.size(1), steps):
        tokens = inputs[:, start : start + steps].long().to(model.device)
        wanted = targets[:, start : start + steps].long().to(model.device)
        log_probs, state = read(tokens, state)  # (B,steps,V)
        found = log_probs.gather(-1, wanted[..., None])[..., 0].double()
        total += found.masked_fill(wanted == PAD, 0.0).sum().cpu()
    return total


def _reader(
    model: LanguageModel, num_rows: int
) -> tuple[Callable[[Tensor, Any], tuple[Tensor, Any]], Any]:
    """Returns what reads a stretch of tokens (B,steps) from a state, and the first state."""
    scorer = model.scorer
    if isinstance(scorer, RecurrentLM):

        def read(tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
            logits, state = scorer(tokens, state)
            return to_log_probs(logits), state

        return read, scorer.zero_state(num_rows)
    memory = model.memory(num_rows)

    def step(tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        return scorer.step(tokens, memory, state)  # one token, for one hypothesis a line

    return step, scorer.initial_state(memory, 1)
