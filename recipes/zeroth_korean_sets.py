"""One set of Zeroth-Korean: transcripts paired with audio, and the sexes of its speakers."""

from collections.abc import Sequence
from pathlib import Path

from lhotse.cut import MonoCut

from asr.recipes.manifests import make_cut, read_header, try_headers
from asr.recipes.rows import too_fast
from asr.recipes.trans_txt import find_utterances, read_text

SPEAKERS_FILE = "AUDIO_INFO"


def read_genders(root: Path) -> dict[str, str]:
    """Returns speaker -> m or f, as far as the list of speakers says so; names are not kept."""
    path = root / SPEAKERS_FILE
    if not path.is_file():
        return {}
    rows = [line.split("|") for line in read_text(path).splitlines()]
    genders = {row[0].strip(): row[2].strip().lower() for row in rows if len(row) > 2}
    return {name: gender for name, gender in genders.items() if gender in ("m", "f")}


def read_set(folder: Path, genders: dict[str, str]) -> tuple[list[MonoCut], list[str]]:
    """Returns the utterances of a set in the order of their ids, and a line on each unusable one.

    Raises:
        DataError: a transcript is not UTF-8, or an utterance has two audio files.
    """
    texts, audio, bad_lines = find_utterances(folder, joint="_")
    problems = [line for _, line in bad_lines]
    named = {name for name, _ in bad_lines} | texts.keys()
    problems += [
        f'{found.where}: utterance "{name}" has no audio'
        for name, found in texts.items()
        if name not in audio
    ]
    problems += [
        f'{audio[name]}: utterance "{name}" has no transcript'
        for name in sorted(audio.keys() - named)
    ]
    paired = sorted(texts.keys() & audio.keys())
    headers = try_headers((audio[name] for name in paired), read_header)
    cuts = []
    for name, header in zip(paired, headers, strict=True):
        if isinstance(header, str):
            problems.append(header)
            continue
        speaker = name.split("_")[0]
        if problem := too_fast(texts[name].text, header.seconds):
            problems.append(f'{texts[name].where}: utterance "{name}": {problem}')
            continue
        cut = make_cut(name, header, text=texts[name].text, speaker=speaker, language="ko")
        cut.supervisions[0].gender = genders.get(speaker)
        cuts.append(cut)
    return cuts, problems


def keep_unshared(
    train: Sequence[MonoCut], test: Sequence[MonoCut]
) -> tuple[list[MonoCut], list[str]]:
    """Returns the cuts of test whose ids are none of train's, and a line on each other one."""
    source = {cut.id: cut.recording.sources[0].source for cut in train if cut.recording}
    problems = [
        f'{cut.recording.sources[0].source}: utterance "{cut.id}" is {source[cut.id]} too'
        for cut in test
        if cut.id in source and cut.recording
    ]
    return [cut for cut in test if cut.id not in source], problems
