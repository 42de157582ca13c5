"""A model adapted to recordings, and measured before and after on some that it never heard.

    recordings -> train, dev, held out (held_out.py) -> settings (adapt_settings.py) -> training
    held out -> hypotheses of the model before and after -> comparison -> Outcome

Everything lies in the new model's folder: `data/`, the training, and `held_out/` with both
decodings. The same command goes on where it stopped.
"""

import gzip
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from asr.build import build_model
from asr.checkpoint import WEIGHTS_FILE
from asr.config import Config, override_config
from asr.data.manifest import Cut, audio_names, cut_text, read_cuts
from asr.errors import ConfigError, DataError
from asr.files import write_file
from asr.machine.ranks import own_rank
from asr.scoring.compare import Comparison, compare, read_systems
from asr.scoring.compare_report import write_comparison
from asr.scoring.mapsswe import find_segments
from asr.train import train
from asr.training.experiment import check_same_config
from asr.training.freezing import check_learning
from asr.training.initial import find_ancestor
from asr.training.precision import settle_config
from asr.training.session import state_path
from asr.use.adapt_settings import Amount, adapted_config, find_old_data, lines_about_settings
from asr.use.adapt_texts import fit_texts
from asr.use.decode import decode_manifest
from asr.use.decoding_record import model_sha256, write_decoding_record
from asr.use.held_out import Division, divide
from asr.use.recognizer import Recognizer, load_recognizer

BEFORE, AFTER = "before", "after"
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class AdaptOptions:
    """What the user asked for.

    Attributes:
        model: folder of the model to start from.
        out: folder of the new one.
        replay: manifest of old data; None: that of the model's own training, if it is known.
        settings: `key=value`, over those that are chosen.
        seed: of the division of the recordings.
        device: that decodes.
        say: called with each line for a person.
        live: called with each line that replaces the one before.
    """

    model: Path
    out: Path
    replay: Path | None = None
    settings: tuple[str, ...] = ()
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
        better: `before`, `after`, or None where the recordings cannot tell.
        chance: p of the sign test of the places that changed; None: none did.
    """

    comparison: Comparison
    by_character: Comparison
    better: str | None
    chance: float | None


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
    division = divide(_with_words(given, recognizer, options), seed=options.seed)
    config = settle_config(_configure(recognizer, division, options), options.out)
    check_same_config(config, options.out)
    shape = build_model(config, 8, empty=True)
    check_learning(config, shape)
    find_ancestor(config, options.out, shape)  # what does not fit is said before any decoding
    _write_data(division, options.out)
    for line in division.lines:
        options.say(line)
    _decode(recognizer, options.model, options, name=BEFORE)
    train(config, options.out)
    _decode(load_recognizer(options.out, options.device), options.out, options, name=AFTER)
    return compare_both(options.out)


def _with_words(
    given: Mapping[str, Sequence[Cut]], recognizer: Recognizer, options: AdaptOptions
) -> dict[str, list[Cut]]:
    """Returns the recordings whose transcripts hold a word; says how many others there are."""
    normalize, kept = recognizer.tokenizer.normalize, {}
    for name, cuts in given.items():
        kept[name] = [cut for cut in cuts if cut_text(cut, normalize)]
        if num_empty := len(cuts) - len(kept[name]):
            options.say(f"notice: {num_empty} of {len(cuts)} recordings have no words: left out")
    fitted, lines = fit_texts(kept, recognizer.tokenizer)
    for line in lines:
        options.say(line)
    return fitted


def _configure(recognizer: Recognizer, division: Division, options: AdaptOptions) -> Config:
    lengths = [cut.duration for cut in division.train]
    amount = Amount(len(lengths), sum(lengths), max(lengths))
    ancestor, tokenizer = recognizer.config, recognizer.tokenizer
    replay, line = find_old_data(options.model, ancestor, tokenizer, given=options.replay)
    options.say(line)
    if replay is not None:
        check_apart(division.held_out, replay)
    config = adapted_config(ancestor, tokenizer, amount, init=str(options.model), replay=replay)
    folder = options.out / "data"
    data = {name: json.dumps(str(folder / f"{name}.jsonl.gz")) for name in ("train", "dev")}
    config = override_config(config, [f"data.{name}={path}" for name, path in data.items()])
    config = override_config(config, options.settings)
    for line in lines_about_settings(config, amount):
        options.say(line)
    return config


def check_apart(held_out: Sequence[Cut], replay: Path) -> None:
    """Refuses old data among which is what is held out: the figures would flatter.

    Args:
        held_out: cuts.
        replay: manifest or shards of old data; the place of their audio is compared.

    Raises:
        DataError: naming a recording that is in both.
    """

    def places(cut: Cut) -> tuple[str, ...]:
        return (str(cut.start if hasattr(cut, "start") else 0), *audio_names(cut))

    own = {places(cut): cut.id for cut in held_out}
    both = sorted({own[places(cut)] for cut in read_cuts(replay) if places(cut) in own})
    if both:
        raise DataError(
            f'{replay}: holds {len(both)} recordings that are held out to measure on, as "{both[0]}'
            '"; the model knows them, and figures would flatter (leave them out of --replay, or '
            "adapt to others)"
        )


def held_out_path(out: Path) -> Path:
    """Returns the manifest of what is held out."""
    return out / "data" / "held_out.jsonl.gz"


def _write_data(division: Division, out: Path) -> None:
    """Writes the three manifests; refuses to put others in the place of those of a training.

    Raises:
        DataError: a training is under way, or done, with other recordings.
    """
    parts = {"train": division.train, "dev": division.dev, "held_out": division.held_out}
    contents = {out / "data" / f"{name}.jsonl.gz": _packed(cuts) for name, cuts in parts.items()}
    begun = state_path(out).is_file() or (out / WEIGHTS_FILE).is_file()
    for path, content in contents.items():
        if begun and (not path.is_file() or path.read_bytes() != content):
            raise DataError(
                f"{path}: {out} was adapted to other recordings, or divided otherwise; put back "
                "what was there, or use another --out"
            )
    for path, content in contents.items():
        write_file(path, content)


def _packed(cuts: Sequence[Cut]) -> bytes:
    """Returns a manifest's bytes: the same cuts, the same bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile("", "wb", fileobj=buffer, mtime=0) as file:
        for cut in cuts:
            file.write(json.dumps(cut.to_dict(), ensure_ascii=False).encode() + b"\n")
    return buffer.getvalue()


def _decode(recognizer: Recognizer, folder: Path, options: AdaptOptions, *, name: str) -> None:
    """Decodes what is held out into `held_out/NAME`.

    Raises:
        DataError: a recording cannot be read.
    """
    for notice in recognizer.notices:
        options.say(notice)
    manifest, out = held_out_path(options.out), options.out / "held_out" / name
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
    chance = sign_test(comparison)
    better = comparison.pairs[0].better
    if chance is None or chance >= SIGNIFICANT:
        better = None
    return Outcome(comparison, by_character, better, chance)


def sign_test(comparison: Comparison) -> float | None:
    """Returns p of the two-sided sign test of the places that changed; None: none did.

    Of a few recordings that all change alike, an interval of their mean has no width at all; this
    still asks for six of them.
    """
    from scipy.stats import binomtest  # half a second

    first, second = (report.scores.utterances for report in comparison.reports.values())
    after = {utterance.utterance_id: utterance for utterance in second}
    changes = [
        old - new
        for utterance in first
        for old, new in find_segments(utterance.words, after[utterance.utterance_id].words)
        if old != new
    ]
    if not changes:
        return None
    gained = sum(change > 0 for change in changes)
    return float(binomtest(gained, len(changes)).pvalue)


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
    if pair.better is not None:
        return (
            f"{pair.better} seems better, but so few places changed that these recordings cannot "
            f"tell (sign test p = {outcome.chance:.2g}); the new model is kept in {out} all the "
            "same"
        )
    seen = "nothing changed" if outcome.chance is None else f"sign test p = {outcome.chance:.2g}"
    more = "" if pair.num_needed is None else f"; about {pair.num_needed:,} held out would tell"
    return (
        f"these recordings cannot tell whether the new model is better ({seen}{more}); it is "
        f"kept in {out} all the same"
    )
