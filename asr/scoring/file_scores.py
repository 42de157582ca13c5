"""The scores of a pair of files of transcripts.

files -> texts by id (pairs.py) -> the nearest of their spellings -> error counts (rates.py)
"""

from collections.abc import Mapping
from pathlib import Path

from asr.errors import DataError
from asr.scoring.alternatives import ONE_EACH, Costs, nearest_spelling
from asr.scoring.analysis import Details
from asr.scoring.pairs import read_text_pair
from asr.scoring.rates import Report, score_normalised
from asr.scoring.transcripts import TextFile
from asr.tables.speakers import known_of_all
from asr.text.normalizers import Normalizer, get_normalizer


def score_files(
    references_path: Path,
    hypotheses_path: Path,
    normalizer: str,
    *,
    formats: tuple[str | None, str | None] = (None, None),
    costs: Costs = ONE_EACH,
    readings: bool = True,
) -> Report:
    """Returns the report of two files in any format of `read_text_pair`, both sides normalised.

    Args:
        references_path: what was said.
        hypotheses_path: what was recognised.
        normalizer: name of what both sides go through.
        formats: of the two files, each one of `FORMATS`; None: found out.
        costs: of errors, where a reference allows several texts.
        readings: whether a number that is said in two ways is right in either.

    Raises:
        ConfigError: the normaliser or the format is unknown.
        DataError: a file is missing or breaks its format, or no id is in both.
    """
    paths = Path(references_path), Path(hypotheses_path)
    rule, (said, heard) = get_normalizer(normalizer), _read_checked(*paths, formats)
    hypotheses, extra = _with_reference(heard, said, path=paths[1])
    texts = _nearest_spellings(said, hypotheses, rule, costs=costs)
    scores, num_others = score_normalised(texts, hypotheses, rule, readings=readings)
    return Report(
        *(paths[1], paths[0]),
        normalizer=rule,
        scores=scores,
        earlier_normalizer=heard.normalizer,
        num_other_readings=num_others,
        sources=(*said.said, *_alternatives_said(said), *heard.said),
        extra=extra,
        places=said.places,
        open_references=frozenset(said.spellings),
        details=Details(speakers=_speakers(said)),
    )


def _speakers(said: TextFile) -> dict[str, str]:
    return known_of_all({name: where.speaker for name, where in said.places.items()})


def _read_checked(
    path: Path, hypotheses: Path, formats: tuple[str | None, str | None]
) -> tuple[TextFile, TextFile]:
    """Returns both files; the references are not without any."""
    said, heard = read_text_pair(path, hypotheses, ref_format=formats[0], hyp_format=formats[1])
    if not said.texts:
        raise DataError(f"{path}: holds no utterance; must hold at least one reference")
    return said, heard


def _alternatives_said(said: TextFile) -> tuple[str, ...]:
    if not said.spellings:
        return ()
    return (
        "references that allow several texts, and count as the one that is nearest to the "
        f"hypothesis: {len(said.spellings)}",
    )


def _with_reference(
    heard: TextFile, said: TextFile, *, path: Path
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Returns the hypotheses that have a reference, and the ids of the others.

    Raises:
        DataError: none has.
    """
    extra = tuple(name for name in heard.texts if name not in said.texts)
    if extra and len(extra) == len(heard.texts):
        raise DataError(
            f'{path}: no id of the hypotheses is one of the references: "{extra[0]}", ... against '
            f'"{next(iter(said.texts))}", ... ({len(extra)} of {len(heard.texts)} hypotheses have '
            "no reference); give files of the same utterances, with the same ids"
        )
    return {name: text for name, text in heard.texts.items() if name in said.texts}, extra


def _nearest_spellings(
    said: TextFile, hypotheses: Mapping[str, str], rule: Normalizer, *, costs: Costs
) -> dict[str, str]:
    """Returns the references, of those with alternatives the ones that are the cheapest."""
    texts = dict(said.texts)
    for name, spellings in said.spellings.items():
        heard = rule.apply(hypotheses.get(name, ""))
        try:
            texts[name] = nearest_spelling(spellings, heard, normalize=rule.apply, costs=costs)
        except DataError as error:
            raise DataError(f'utterance "{name}": {error}') from None
    return texts
