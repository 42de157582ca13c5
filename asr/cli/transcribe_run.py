"""One call of `asr transcribe`: what is given becomes jobs, and each job files or lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from asr.cli.options import say, say_all, search_settings
from asr.cli.progress import RunProgress, clock
from asr.cli.transcribe_checks import check_together, read_channels, standard_input
from asr.cli.transcribe_options import Wanted
from asr.errors import ConfigError, DataError
from asr.machine.cores import use_threads
from asr.machine.loading import without_collecting

if TYPE_CHECKING:
    from asr.audio.raw_file import RawFormat
    from asr.use.many import Done, Job
    from asr.use.transcript import TranscribedSegment
    from asr.use.unfinished import Journal

FOLLOW_EACH_OTHER = ("txt", "json", "ctm")  # formats whose transcripts can be printed in a row


class Run:
    """One call of the command; options that cannot be are refused before anything slow begins."""

    def __init__(self, wanted: Wanted) -> None:
        use_threads(wanted.threads)
        from asr.audio.raw_file import RawFormat
        from asr.audio.speech import check_vad
        from asr.use.clips import read_clips
        from asr.use.cues import WriteOptions
        from asr.use.writers import check_formats

        self.wanted = wanted
        self.tell: Callable[[str], None] = (lambda _: None) if wanted.quiet else say
        self.formats = check_formats(wanted.output_formats or ["txt"])
        names = WriteOptions.__dataclass_fields__
        self.write_options = WriteOptions(**{name: getattr(wanted, name) for name in names})
        self.clips = read_clips(
            wanted.clip_timestamps, offset=wanted.offset, duration=wanted.duration
        )
        self.channels = read_channels(wanted.channels)
        self.raw: RawFormat | None = None
        if wanted.raw is not None:
            self.raw = RawFormat(wanted.raw, wanted.raw_format, wanted.raw_channels)
        self.journal: Journal | None = None
        self.is_partly_printed = False
        self.said_once: set[str] = set()
        check_vad(wanted.vad)
        check_together(wanted, self.formats)

    @property
    def prints_text(self) -> bool:
        """Whether text goes to standard output, segment by segment."""
        return self.wanted.output_dir is None and self.formats == ("txt",)

    def transcribe(self) -> None:
        """Does all that is asked for.

        Raises:
            AsrError: an option, a model or the only recording cannot be used; or some recordings
                cannot, after the others are done.
        """
        from asr.use.each_file import EachFile

        with standard_input(self.wanted.files, self.raw) as stdin:
            inputs, errors = self._find(stdin)
            each = EachFile(len(inputs) + len(errors), say=say)
            for name, error in errors:
                with each.attempt(name):
                    raise error
            jobs = self._left_to_do(self._jobs(inputs, each), each)
            try:
                if jobs:
                    self._work(jobs, each)
            except KeyboardInterrupt:
                if self.wanted.output_dir is not None:
                    self.tell("what is written is whole; the same command goes on with the rest")
                raise
        if self.journal is not None and not each.failed:
            self.journal.finish()
        each.conclude()

    def _find(self, stdin: Path | None) -> tuple[list[Any], list[tuple[str, DataError]]]:
        """Returns the inputs, and the arguments that stand for none and why."""
        from asr.use.inputs import find_inputs, without_doubles

        inputs, errors = [], []
        for argument in self.wanted.files:
            try:
                inputs += find_inputs(argument, raw=self.raw, say=self.tell, stdin=stdin)
            except DataError as error:
                errors.append((argument, error))
        return without_doubles(inputs, self.tell), errors

    def _jobs(self, inputs: Sequence[Any], each: Any) -> list[Job]:
        from asr.use.many import jobs_of

        jobs = []
        for one in inputs:
            with each.attempt(one.name):
                jobs += jobs_of(one, self.channels)
        each.num_files = len(each.failed) + len(jobs)
        if self.wanted.output_dir is None and len(jobs) > 1:
            alone = [name for name in self.formats if name not in FOLLOW_EACH_OTHER]
            if alone:
                raise ConfigError(
                    f"--output-format {alone[0]}: {len(jobs)} transcripts cannot be printed in a "
                    "row; needs --output-dir for the files"
                )
        return jobs

    def _left_to_do(self, jobs: list[Job], each: Any) -> list[Job]:
        """Returns the jobs, each with its place, that are not done already."""
        from asr.use.places import check_folder, distinct_places
        from asr.use.unfinished import Journal, stamp_of_recording
        from asr.use.writers import file_name

        folder = self.wanted.output_dir
        if folder is None:
            return jobs
        names = [str(job.recording.path or job.name) for job in jobs]
        ending = max((file_name("", name) for name in self.formats), key=len)
        asked = [job.place for job in jobs]
        places = distinct_places(asked, names, ending=ending, say=self.tell)
        check_folder(folder)
        jobs = [replace(job, place=place) for job, place in zip(jobs, places, strict=True)]
        self.journal = Journal(folder, self._command(), afresh=self.wanted.overwrite)
        left, num_stopped = [], 0
        for job in jobs:
            files = [folder / file_name(str(job.place), name) for name in self.formats]
            if self.journal.is_done(job.name, stamp_of_recording(job.recording), files):
                num_stopped += 1
            elif not (self.wanted.skip_existing and all(file.is_file() for file in files)):
                left.append(job)
        if num_stopped:
            self.tell(f"{num_stopped} of {len(jobs)} were done before (--overwrite begins anew)")
        if num_skipped := len(jobs) - len(left) - num_stopped:
            self.tell(f"{num_skipped} of {len(jobs)} have their files and are left out")
        return left

    def _command(self) -> dict[str, object]:
        """Returns all that decides what transcripts will be."""
        from asr.use.unfinished import stamp_of
        from asr.version import __version__

        no_matter = ("files", "skip_existing", "overwrite", "threads", "quiet", "verbose", "device")
        options = {name: v for name, v in asdict(self.wanted).items() if name not in no_matter}
        model = self.wanted.model
        used = [model / "model.safetensors", model / "config.yaml", self.wanted.search]
        stamps = [stamp_of(path) for path in [*used, *(self.wanted.lms or ())]]
        return {"version": __version__, "model": model.resolve(), "stamps": stamps} | options

    def _load(self) -> tuple[Any, Any]:
        """Returns the recognizer, and how it is to transcribe."""
        with without_collecting():
            from asr.use.recognizer import load_recognizer
            from asr.use.transcribe import TranscribeOptions

        wanted = self.wanted
        recognizer = load_recognizer(wanted.model, wanted.device, lms=wanted.lms or ())
        chosen = recognizer.choose(self._search_settings())
        if chosen.beam_size < wanted.nbest:
            raise ConfigError(
                f"--nbest {wanted.nbest}: must be at most the beam's {chosen.beam_size} "
                f"(--beam-size {wanted.nbest})"
            )
        say_all(recognizer.notices if not wanted.quiet else ())
        if recognizer.confidence_notice and self._shows_confidence:
            self._once(recognizer.confidence_notice)
        options = TranscribeOptions(
            chosen,
            batch_seconds=wanted.batch_seconds,
            word_times=self._needs_words,
            vad=wanted.vad,
        )
        return recognizer, options

    def _work(self, jobs: list[Job], each: Any) -> None:
        recognizer, options = self._load()
        from asr.use.many import transcribe_jobs
        from asr.use.transcriber import language_of
        from asr.use.workers import side_by_side

        seconds = [job.seconds for job in jobs]
        total = None if None in seconds else sum(filter(None, seconds))
        language = self.wanted.language or language_of(recognizer)
        batches = 0 if total is None else total / options.batch_seconds
        with (
            side_by_side(recognizer, batches=batches, say=self.tell) as recognizes,
            RunProgress(len(jobs), total, say=say, quiet=self.wanted.quiet) as progress,
        ):

            def on_segment(job: Job, segment: TranscribedSegment) -> None:
                progress.heard(segment.end_seconds)
                self._tell_segment(job, segment, has_others=len(jobs) > 1)

            done = transcribe_jobs(
                self._remembering(recognizes), jobs, self.clips,
                options=options, on_segment=on_segment, on_warning=self.tell,
            )  # fmt: skip
            for one in done:
                with each.attempt(one.job.name):
                    self._finish(one, language)
                progress.done(one.job.seconds or 0.0)

    def _remembering(self, recognizer: Any) -> Any:
        """Returns a recognizer that goes on where the command was stopped."""
        from asr.use.remembering import Remembering

        if self.journal is None:
            return recognizer
        return Remembering(recognizer, known=self.journal.heard, keep=self.journal.keep)

    @property
    def _needs_words(self) -> bool:
        options = self.write_options
        asked = options.word_timestamps or options.splits_segments or options.confidence
        return asked or not {"ctm", "textgrid"}.isdisjoint(self.formats)

    @property
    def _shows_confidence(self) -> bool:
        of_words = self.wanted.word_timestamps and "json" in self.formats
        return self.wanted.confidence or of_words

    def _search_settings(self) -> list[str]:
        wanted = self.wanted
        chosen = search_settings(
            wanted.search, wanted.beam_size, wanted.settings, hotwords=wanted.hotwords
        )
        if wanted.nbest > 1:
            chosen.append(f"search.num_best={wanted.nbest}")
        if wanted.compute_type != "default":
            chosen.append(f"search.encoder_precision={wanted.compute_type}")
            if wanted.compute_type != "int8":
                chosen.append(f"search.decoder_precision={wanted.compute_type}")
        return chosen

    def _tell_segment(self, job: Job, segment: TranscribedSegment, *, has_others: bool) -> None:
        if segment.warning:
            self.tell(f"{job.name} at {segment.start_seconds:.1f} s: {segment.warning}")
        if self.wanted.verbose:
            times = f"[{clock(segment.start_seconds)} --> {clock(segment.end_seconds)}]"
            self.tell(f"{job.name} {times} {segment.line}")
        if self.prints_text and segment.line:
            if has_others and not self.is_partly_printed:
                self.tell(f"{job.name}:")
            typer.echo(segment.line)
            self.is_partly_printed = True

    def _finish(self, done: Done, language: str | None) -> None:
        """Writes or prints a transcript; what is said of a text that broke off is said here."""
        from asr.use.textgrid import praat_notice
        from asr.use.unfinished import stamp_of_recording
        from asr.use.writers import WRITERS, write_transcript

        was_printed, self.is_partly_printed = self.is_partly_printed, False
        if done.transcript is None:
            part = "; what was printed of it is only its beginning" if was_printed else ""
            raise DataError(f"{done.error}{part}")
        transcript = replace(done.transcript, language=language)
        if not transcript.spoken:
            self.tell(f"{done.job.name}: no speech was heard in it, its transcript is empty")
        self._tell_missing(transcript.spoken)
        if "textgrid" in self.formats and (notice := praat_notice(transcript.path)):
            self._once(notice)
        folder, place = self.wanted.output_dir, done.job.place
        if folder is not None:
            first, *others = write_transcript(
                transcript, folder / place.parent, self.formats,
                stem=place.name, options=self.write_options,
            )  # fmt: skip
            self.tell(", ".join([f"written: {first}", *(path.suffix for path in others)]))
            if self.journal is not None:
                self.journal.add(done.job.name, stamp_of_recording(done.job.recording))
        elif not self.prints_text:
            typer.echo(WRITERS[self.formats[0]](transcript, self.write_options), nl=False)

    def _tell_missing(self, segments: Sequence[TranscribedSegment]) -> None:
        """Says once what was asked for and is not known."""
        from asr.use.cues import has_word_times

        if self._needs_words and not all(map(has_word_times, segments)):
            self._once(
                "words have no times of their own here: in ctm, textgrid and where lines are cues "
                "they share those of their segment, in json there are none"
            )
        if self.wanted.confidence and any(one.confidence is None for one in segments):
            self._once("how sure the words are is not known here: confidence stays empty")

    def _once(self, line: str) -> None:
        if line not in self.said_once:
            self.said_once.add(line)
            self.tell(line)
