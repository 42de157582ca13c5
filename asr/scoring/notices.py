"""What a reader must know beside the error rates, in sentences."""

from asr.scoring.breakdown import worst_utterances
from asr.scoring.counts import KOREAN_UNITS
from asr.scoring.like import lines_like
from asr.scoring.rates import Report, listed
from asr.scoring.report_parts import sentences

_KOREAN_NOTICE = (
    "Korean: characters without spaces are the CER of most Korean papers, with spaces that of "
    "ESPnet and jiwer; words are eojeol, as in ESPnet's WER; words spaced as the reference are the "
    "sWER of KsponSpeech; jamo are for diagnosis; Kaldi's Zeroth WER counts morphemes, which is "
    "none of these"
)


def _belief(report: Report) -> str:
    """Returns which interval is to be believed."""
    if not report.speakers:
        return (
            "95 % intervals by utterance are of other utterances of these speakers; who speaks is "
            "not known, and other speakers would differ more"
        )
    num_speakers = len(set(report.speakers.values()))
    if num_speakers < 2:
        return "95 % intervals are of other utterances of this one speaker, not of other speakers"
    few = "; of so few it is wide, and covers 92 to 97 %" if num_speakers < 20 else ""
    return (
        f"95 % intervals by speaker, of {num_speakers}, are to be believed of other speakers{few}; "
        "those by utterance are of other utterances of these speakers"
    )


def notices(report: Report) -> list[str]:
    """Returns what a reader must know beside the table, one sentence a line."""
    rule, scores = report.normalizer, report.scores
    lines = [
        f"normalizer {rule.name}, version {rule.version}; rates in per cent of N",
        *_raw(report),
        _earlier(report),
        _belief(report),
    ]
    lines[:0] = report.sources
    if report.num_other_readings:
        lines.append(
            "references with a number that is said in two ways, read in the one that is nearer to "
            f"the hypothesis: {report.num_other_readings}"
        )
    if report.note:
        lines.append(report.note)
    if report.cuts_path is not None:
        lines.append(f"only the utterances of {report.cuts_path}")
    if not set(KOREAN_UNITS).isdisjoint(scores.units):
        lines.append(_KOREAN_NOTICE)
    lines += [*unmatched(report), *lines_like(report.like)]
    if report.ended:
        ends = ", ".join(f"{reason} {count}" for reason, count in sorted(report.ended.items()))
        lines.append(f"search ended by: {ends}")
    lines += sentences(report) if worst_utterances(scores) else []
    if report.audio_seconds is not None:
        lines.append(f"audio: {report.audio_seconds:.1f} s")
    return lines


def _raw(report: Report) -> list[str]:
    """Returns what the raw texts went through."""
    if report.raw is None:
        return []
    rule = report.raw.normalizer
    return [f"raw: normalizer {rule.name}, version {rule.version}, which composes and trims alone"]


def unmatched(report: Report) -> list[str]:
    """Returns which utterances lack a side."""
    scores, lines = report.scores, []
    if report.extra:
        lines.append(f"no reference, left out: {listed(report.extra)}")
    if scores.missing:
        lines.append(f"no hypothesis, counted as deletions: {listed(scores.missing)}")
    if report.unreadable:
        lines.append(f"of these, audio that could not be read: {listed(report.unreadable)}")
    if scores.empty_references:
        lines.append(
            f"empty reference, insertions counted as errors: {listed(scores.empty_references)}"
        )
    return lines


def _earlier(report: Report) -> str:
    """Returns what the hypotheses went through before they came to be scored."""
    if report.earlier_normalizer is None:
        return f"{report.hypotheses_path.name} does not say which normalizer it went through before"
    return f"the hypotheses had already been through normalizer {report.earlier_normalizer}"
