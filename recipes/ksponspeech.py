"""KsponSpeech: spontaneous Korean, as AI Hub gives it out, to cuts with text by rules that are set.

The corpus is fetched by hand (AI Hub, data set 123; an account in Korea is needed). Its PCM has no
header, so copies in FLAC are made in OUT/audio. The transcripts hold choices, noises and fillers:
recipes/ksponspeech_text.py says what --set makes of each. The rules go into
OUT/PART.text_rules.yaml and into every supervision (custom["text_rules"]), since error rates
compare under equal rules only.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lhotse.cut import MonoCut

from asr.errors import ConfigError, DataError
from asr.files import write_file
from asr.recipes.base import PrepareOptions, PrepareReport, read_own_settings, refuse_unused
from asr.recipes.ksponspeech_audio import SAMPLE_RATE, Audio, Recording, make_readable
from asr.recipes.ksponspeech_rows import PARTS, AudioFiles, Found, Row, read_parts
from asr.recipes.ksponspeech_text import TextRules, read_transcript
from asr.recipes.manifests import AudioHeader, make_cut, write_manifest
from asr.recipes.problems import judge, shown
from asr.recipes.row_checks import too_fast
from asr.settings import dump_config
from asr.tables.speakers import UNKNOWN

RULES_FILE = "text_rules.yaml"  # of each part, after its name and a dot, as the next
LEFT_OUT_FILE = "left_out.txt"


class _Utterance(NamedTuple):
    """A transcript by the rules, and its audio."""

    part: str
    row: Row
    text: str
    recording: Recording


class _Texts(NamedTuple):
    """What the rules make of the transcripts of all parts."""

    utterances: list[_Utterance]
    left_out: dict[str, list[tuple[Row, str]]]  # part -> transcripts that the rules leave out, why
    num_unintelligible: Counter[str]  # part -> utterances that hold u/
    unnamed: list[str]  # audio without a transcript


def prepare(options: PrepareOptions) -> PrepareReport:
    """Returns the report on PART.jsonl.gz of each part; what the rules leave out is in OUT too.

    Raises:
        ConfigError: an option or a rule means nothing here, no folder is given, or a part is
            unknown.
        DataError: a part is missing; an utterance cannot be used and is not to be skipped (all
            such are in OUT/problems.txt); or a file cannot be read or written.
    """
    refuse_unused("ksponspeech", options, takes=("corpus", "parts", "bad", "settings"))
    rules = read_own_settings(TextRules, options)
    parts = read_parts(_root(options), _wanted(options))
    for name, found in parts.items():
        options.say(f"{name}: {len(found.rows):,} transcripts from {found.source}")
    total = sum(len(found.rows) + len(found.problems) for found in parts.values())
    problems = [problem for found in parts.values() for problem in found.problems]
    texts = _read_texts(parts, rules, options=options, problems=problems)
    if options.bad == "refuse":
        judge(problems, total, options)  # before the hours that copies take
    recordings = [utterance.recording for utterance in texts.utterances]
    made_audio = make_readable(recordings, _audio_folder(options), options.say)
    audio = list(map(_fitting, texts.utterances, made_audio))
    for utterance, made in zip(texts.utterances, audio, strict=True):
        if isinstance(made, str):
            problems.append(f"{utterance.row.where}: {made}")
    notices = judge(problems, total, options)
    notices += _compare(parts) + _tell(texts, audio, rules, out=options.out)
    manifests, described = [], rules.describe()
    for name in parts:
        cuts = [
            _cut(utterance, made, described)
            for utterance, made in zip(texts.utterances, audio, strict=True)
            if utterance.part == name and isinstance(made, Audio)
        ]
        manifests.append(write_manifest(options.out / f"{name}.jsonl.gz", cuts))
    return PrepareReport(manifests, notices)


def _root(options: PrepareOptions) -> Path:
    if options.corpus is None:
        raise ConfigError(
            "ksponspeech: corpus is not set; give --corpus DIR, the folder that holds "
            "KsponSpeech_01 and KsponSpeech_scripts (fetched by hand from AI Hub, data set 123)"
        )
    if not options.corpus.is_dir():
        raise DataError(f"{options.corpus}: no such folder (give --corpus the unpacked corpus)")
    return options.corpus


def _wanted(options: PrepareOptions) -> tuple[str, ...]:
    for name in options.parts:
        if name not in PARTS:
            raise ConfigError(f"ksponspeech: no part {name}; known: {', '.join(PARTS)}")
    return tuple(dict.fromkeys(options.parts))


def _audio_folder(options: PrepareOptions) -> Path:
    return options.out.absolute() / "audio"


def _read_texts(
    parts: dict[str, Found], rules: TextRules, *, options: PrepareOptions, problems: list[str]
) -> _Texts:
    """Returns the texts of all parts with their audio; adds to `problems` what has none."""
    texts = _Texts([], {part: [] for part in parts}, Counter(), [])
    files = AudioFiles(_root(options))
    first: dict[str, Row] = {}
    for part, row in ((part, row) for part, found in parts.items() for row in found.rows):
        try:
            if row.name in first:
                raise DataError(f'id "{row.name}" was used in {first[row.name].where}')
            first[row.name] = row
            if not row.text.strip():
                raise DataError("the transcript is empty")
            transcript = read_transcript(row.text, rules, name=row.name)
            recording = _recording(row, files, _audio_folder(options) / part)
        except DataError as error:
            problems.append(f"{row.where}: {error}")
            continue
        texts.num_unintelligible[part] += transcript.num_unintelligible > 0
        if transcript.num_unintelligible and rules.unintelligible == "leave_out":
            texts.left_out[part].append((row, "it holds u/"))
        elif not transcript.text:
            texts.left_out[part].append((row, "no text is left by the rules"))
        else:
            texts.utterances.append(_Utterance(part, row, transcript.text, recording))
    if not options.parts:  # of some parts only, the audio of the others has no transcript here
        texts.unnamed.extend(files.unnamed(first))
    return texts


def _recording(row: Row, files: AudioFiles, folder: Path) -> Recording:
    """Returns the audio of a row, and where its copy goes; raises DataError if there is none."""
    entry = files.find(row)
    if entry is None:
        raise DataError(f"no audio {row.folder}/{row.name}.pcm (unpack its archive)")
    path = Path(entry.path).absolute()
    copy = folder / path.parent.name / f"{row.name}.flac"
    return Recording(
        str(path), entry.stat().st_size, str(copy) if path.suffix.lower() == ".pcm" else ""
    )


def _fitting(utterance: _Utterance, made: Audio | str) -> Audio | str:
    """Returns the audio, or what is wrong if it is too short for its text."""
    if isinstance(made, str):
        return made
    return too_fast(utterance.text, made.num_samples / SAMPLE_RATE) or made


def _compare(parts: dict[str, Found]) -> list[str]:
    """Returns notices on numbers of transcripts that are not as published."""
    counts = {name: len(found.rows) + len(found.problems) for name, found in parts.items()}
    return [
        f"{name}: {count:,} transcripts where {PARTS[name]:,} are published"
        for name, count in counts.items()
        if count != PARTS[name]
    ]


def _tell(texts: _Texts, audio: Sequence[Audio | str], rules: TextRules, *, out: Path) -> list[str]:
    """Returns notices on what the rules and the copies did, which are written down too."""
    notices = [
        f"text: {rules.describe()}; in PART.{RULES_FILE} and in every supervision",
        f"no speakers are published; each utterance has the speaker {UNKNOWN}",
    ]
    for part, left_out in texts.left_out.items():
        if texts.num_unintelligible[part]:
            notices.append(
                f"{part}: utterances with words that could not be understood (u/): "
                f"{texts.num_unintelligible[part]:,} (unintelligible={rules.unintelligible})"
            )
        if left_out:
            names = [row.name for row, _ in left_out]
            notices.append(
                f"{part}: left out by the rules: {_listed(names)}; see {part}.{LEFT_OUT_FILE}"
            )
    halves = [
        utterance.row.name
        for utterance, made in zip(texts.utterances, audio, strict=True)
        if isinstance(made, Audio) and made.has_half_sample
    ]
    if halves:
        notices.append(f"ending in half a sample, which is left off: {_listed(halves)}")
    if texts.unnamed:
        notices.append(f"audio without a transcript, left out: {_listed(texts.unnamed)}")
    for part, left_out in texts.left_out.items():
        lines = "".join(f"{row.where}: {why}\n" for row, why in left_out)
        write_file(out / f"{part}.{LEFT_OUT_FILE}", lines, DataError)
        about = f"# {rules.describe()}\n{dump_config(rules)}"
        write_file(out / f"{part}.{RULES_FILE}", about, DataError)
    return notices


def _listed(names: Sequence[str]) -> str:
    return f"{len(names):,} {'utterance' if len(names) == 1 else 'utterances'} ({shown(names)})"


def _cut(utterance: _Utterance, audio: Audio, described: str) -> MonoCut:
    header = AudioHeader(Path(audio.path), SAMPLE_RATE, audio.num_samples)
    cut = make_cut(utterance.row.name, header, text=utterance.text, speaker=UNKNOWN, language="ko")
    cut.supervisions[0].custom = {"text_rules": described}
    return cut
