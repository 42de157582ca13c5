"""Whether a corpus is far too small for its settings, said before training and not after it.

The bounds lie between the smallest trainings that learnt and the largest that did not, as in
`egs/*/RESULTS.md`:

| | updates | hearings of a unit of CTC | learnt |
|---|---|---|---|
| yesno, 2.5 minutes of two words | 900 | 6,000 | yes |
| quickstart, 1.3 h, letters; jamo | 1,100 | 20,000; 7,500 | yes |
| quickstart, 1.5 h, 396 syllables, CTC of them too | 1,200 | 600 | no |
| the same, CTC of their 60 jamo | 1,200 | 7,500 of a jamo | yes |
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
    num_units: int  # of CTC, in all transcripts
    different_units: int
    units: str  # what they are: tokens, or letters
    can_be_spelt: bool  # whether they are tokens and might be letters
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
    hearings = size.epochs * size.num_units / size.different_units
    if hearings < FEW_HEARINGS:
        way = "those of more speech or more epochs are heard more often"
        if size.can_be_spelt:
            way = (
                "set tokenizer.ctc_units=letters, so that CTC learns the letters of tokens (in "
                "Korean jamo), or take fewer different tokens (tokenizer.type char, for Korean "
                "jamo, or a smaller vocab_size), more speech or more epochs"
            )
        shortages.append(
            f"{hours} of speech hold each of {size.different_units} {size.units} {hearings:.0f} "
            f"times in {size.epochs} epochs, on average: expect nothing below {FEW_HEARINGS}; {way}"
        )
    return shortages
