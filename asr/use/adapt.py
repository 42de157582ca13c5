"""A model adapted to recordings, and measured before and after on some that it never heard.

    recordings (adapt_data.py) -> train, dev, held out (held_out.py)
    -> settings (adapt_settings.py) -> training
    held out -> hypotheses of the model before and after -> comparison -> Outcome

Everything lies in the new model's folder: `data/`, the training, and `held_out/` with both
decodings. The same command goes on where it stopped.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from asr.build import build_model
from asr.checkpoint import CONFIG_FILE
from asr.config import Config, load_config
from asr.data.manifest import Cut
from asr.errors import ConfigError, DataError
from asr.machine.ranks import own_rank
from asr.scoring.compare import Comparison, compare, read_systems
from asr.scoring.compare_report import write_comparison
from asr.train import train
from asr.training.experiment import check_same_config
from asr.training.freezing import check_learning
from asr.training.initial import find_ancestor
from asr.training.precision import settle_config
from asr.training.session import state_path
from asr.use.adapt_data import check_apart, data_paths, leave_out, write_data
from asr.use.adapt_settings import (
    NO_OLD_DATA,
    Amount,
    Asked,
    adapted_config,
    find_old_data,
    lines_about_settings,
    longest_seconds,
)
from asr.use.adapt_texts import fit_texts
from asr.use.decode import decode_manifest
from asr.use.decoding_record import model_sha256, write_decoding_record
from asr.use.held_out import Division, divide
from asr.use.recognizer import Recognizer, load_recognizer

BEFORE, AFTER = "before", "after"


@dataclass(frozen=True)
class AdaptOptions:
    """What the user asked for.

    Attributes:
        model: folder of the model to start from.
        out: folder of the new one.
        replay: manifest of old data; None: that of the model's own training, if it is known.
        settings: `key=value`, over those that are chosen.
        extend: whether a training that is there may go on for more epochs.
        seed: of the division of the recordings.
        device: that decodes.
        say: called with each line for a person.
        live: called with each line that replaces the one before.
    """

    model: Path
    out: Path
    replay: Path | None = None
    settings: tuple[str, ...] = ()
    extend: bool = False
    seed: int = 0
    device: str = "auto"
    say: Callable[[str], None] = lambda _: None
    live: Callable[[str], None] = lambda _: None


@dataclass(frozen=True)
class Outcome:
    """The model before and after compared on what it never heard.

    Attributes:
        comparison: of the word error rates.
        by_character: the same of characters.
    """

    comparison: Comparison
    by_character: Comparison

    @property
    def better(self) -> str | None:
        """`before`, `after`, or None where the recordings cannot tell."""
        return self.comparison.pairs[0].better


def adapt(given: Mapping[str, Sequence[Cut]], options: AdaptOptions) -> Outcome:
    """Returns how an adapted model does, which is in its folder by then.

    Args:
        given: recordings, of the splits that they have (`divide`).
        options: what the user asked for.

    Raises:
        AsrError: the model, the recordings, the settings or the folder cannot be used.
        TrainingStoppedError: Ctrl-C or SIGTERM; the same command goes on.
    """
    if own_rank()[1] > 1:
        raise ConfigError("asr adapt: works in one process; leave torchrun out")
    if options.out.resolve() == options.model.resolve():
        raise ConfigError(f"--out {options.out}: is the model itself; give another folder")
    recognizer = load_recognizer(options.model, options.device)
    division = divide(_usable(given, recognizer, options), seed=options.seed)
    config = settle_config(_configure(recognizer, division, options), options.out)
    check_same_config(config, options.out, extend=options.extend)
    shape = build_model(config, 8, empty=True)
    check_learning(config, shape)
    find_ancestor(config, options.out, shape)  # what does not fit is said before any decoding
    write_data(division, options.out)
    for line in division.lines:
        options.say(line)
    search = [setting for setting in options.settings if setting.startswith("search.")]
    recognizer.options = recognizer.choose(search)  # as the new model searches, or it is unfair
    _decode(recognizer, options.model, options, name=BEFORE)
    train(config, options.out, extend=options.extend)
    _decode(load_recognizer(options.out, options.device), options.out, options, name=AFTER)
    return compare_both(options.out)


def _usable(
    given: Mapping[str, Sequence[Cut]], recognizer: Recognizer, options: AdaptOptions
) -> dict[str, list[Cut]]:
    """Returns the recordings that can be learnt from and measured on; says what is left out."""
    kept, lines = leave_out(
        given,
        recognizer.tokenizer.normalize,
        longest=longest_seconds(recognizer.config, options.settings),
    )
    fitted, more = fit_texts(kept, recognizer.tokenizer)
    for line in [*lines, *more]:
        options.say(line)
    return fitted


def _configure(recognizer: Recognizer, division: Division, options: AdaptOptions) -> Config:
    lengths = [cut.duration for cut in division.train]
    amount = Amount(len(lengths), sum(lengths), max(lengths))
    ancestor, tokenizer = recognizer.config, recognizer.tokenizer
    replay, line = find_old_data(options.model, ancestor, tokenizer, given=options.replay)
    places = data_paths(options.out)
    asked = Asked(
        init=str(options.model),
        replay=replay,
        data=(places["train"], places["dev"]),
        settings=options.settings,
        begun=_begun(options.out),
    )
    config = adapted_config(ancestor, tokenizer, amount, asked=asked)
    options.say(NO_OLD_DATA if replay and config.replay.manifest is None else line)
    if config.replay.manifest is not None:
        check_apart(division.held_out, Path(config.replay.manifest))
    for line in lines_about_settings(config, amount):
        options.say(line)
    return config


def _begun(out: Path) -> Config | None:
    """Returns the configuration of a training that goes on; None where nothing has been saved."""
    if not state_path(out).is_file():
        return None
    try:
        return load_config(out / CONFIG_FILE)
    except ConfigError:  # of another kind, which check_same_config refuses
        return None


def _decode(recognizer: Recognizer, folder: Path, options: AdaptOptions, *, name: str) -> None:
    """Decodes what is held out into `held_out/NAME`.

    Raises:
        DataError: a recording cannot be read.
    """
    for notice in recognizer.notices:
        options.say(notice)
    manifest, out = data_paths(options.out)["held_out"], options.out / "held_out" / name
    summary = decode_manifest(recognizer, manifest, folder=out, say=options.live)
    if summary.unreadable:
        raise DataError(next(iter(summary.unreadable.values())))
    models = [(folder, model_sha256(folder))]
    write_decoding_record(summary, recognizer, recognizer.options, manifest=manifest, models=models)


def compare_both(out: Path) -> Outcome:
    """Returns the comparison of what `held_out/` holds, which it also writes there.

    Raises:
        DataError: a decoding is missing or of other recordings.
    """
    folder = out / "held_out"
    reports = read_systems([folder / BEFORE, folder / AFTER], "none")
    comparison, by_character = (compare(reports, rate) for rate in ("wer", "cer"))
    write_comparison(comparison, folder)
    return Outcome(comparison, by_character)


def conclusion(outcome: Outcome, out: Path) -> str:
    """Returns in a sentence whether the new model is better, and that it is kept."""
    pair = outcome.comparison.pairs[0]
    if outcome.better == AFTER:
        return f"the new model is better on what it never heard; it is in {out}"
    if outcome.better == BEFORE:
        return (
            f"the new model is WORSE on what it never heard; it is kept in {out}; more old data "
            "(--replay), a lower train.learning_rate or fewer train.epochs may help"
        )
    num = pair.test.num_different
    places = "no place has" if num == 0 else "one place has" if num == 1 else f"{num} places have"
    seen = f"{places} more or fewer word errors"
    more = "" if pair.num_needed is None else f"; about {pair.num_needed:,} held out would tell"
    return (
        f"these recordings cannot tell whether the new model is better ({seen}{more}); it is "
        f"kept in {out} all the same"
    )
