"""Whether a corpus is far too small for its settings, said before training and not after it.

The bounds lie between the smallest trainings that learnt and the largest that did not, as in
`egs/*/RESULTS.md`:

| | updates | hearings of a token | learnt |
|---|---|---|---|
| yesno, 2.5 minutes of two words | 900 | 6,000 | yes |
| quickstart, 1.3 h, letters; jamo | 1,100 | 20,000; 7,500 | yes |
| quickstart, 1.5 h, 396 syllables | 1,200 | 600 | no |
| quickstart's epoch by epoch, dev CER 51 % and then 27 % | 240, 360 | | half |

Whether speech is as varied as a language is cannot be known here: 2.7 h of LibriSpeech do not
suffice for attention (CER 54 %), however often they are heard.
"""

from typing import NamedTuple

FEW_UPDATES = 400
FEW_HEARINGS = 1500


class CorpusSize(NamedTuple):
    """What there is to learn from, and how often."""

    seconds: float
    num_tokens: int  # in all transcripts
    vocab_size: int  # different tokens
    epochs: int
    updates_an_epoch: float
    warmup_steps: int


def find_shortages(size: CorpusSize) -> list[str]:
    """Returns a sentence for each way in which the corpus is far too small for its settings."""
    hours = f"{size.seconds / 3600:.2f} h"
    updates = round(size.epochs * size.updates_an_epoch)
    shortages = []
    if updates < max(FEW_UPDATES, size.warmup_steps):
        shortages.append(
            f"{hours} of speech make about {updates} updates in {size.epochs} epochs, of which "
            f"{min(updates, size.warmup_steps)} warm up: expect nothing below {FEW_UPDATES} (the "
            "smallest training in egs/ that learnt has 900); lower data.batch_seconds and "
            "train.warmup_steps, or raise train.epochs"
        )
    hearings = size.epochs * size.num_tokens / size.vocab_size
    if hearings < FEW_HEARINGS:
        shortages.append(
            f"{hours} of speech hold each of {size.vocab_size} tokens {hearings:.0f} times in "
            f"{size.epochs} epochs, on average: expect nothing below {FEW_HEARINGS}; fewer "
            "different tokens (tokenizer.type char, for Korean jamo, or a smaller vocab_size) are "
            "heard more often, and so are those of more speech or more epochs"
        )
    return shortages
