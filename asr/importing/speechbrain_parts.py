"""The parts of a SpeechBrain recognizer, as its hyperparams.yaml names them, and their files.

The searcher says which embedding, decoder, output layer and language model it uses; the pretrainer
which file each is in. Sources: `speechbrain/inference/ASR.py` and `utils/parameter_transfer.py` of
SpeechBrain 1.1.2, and the searchers of versions before 1.0, whose files are still about.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from asr.errors import ModelError
from asr.importing.hyper import Call, HyperFile
from asr.importing.tensors import Tensors, read_checkpoint

HYPER_FILE = "hyperparams.yaml"
FBANK = "speechbrain.lobes.features.Fbank"
NORMALIZER = "speechbrain.processing.features.InputNormalization"
CRDNN = "speechbrain.lobes.models.CRDNN.CRDNN"
EMBEDDING = "speechbrain.nnet.embedding.Embedding"
DECODER = "speechbrain.nnet.RNN.AttentionalRNNDecoder"
LINEAR = "speechbrain.nnet.linear.Linear"
RNN_LM = "speechbrain.lobes.models.RNNLM.RNNLM"
PIECES = "sentencepiece.SentencePieceProcessor"
PIPELINE = "speechbrain.nnet.containers.LengthsCapableSequential"
LIST = ("torch.nn.ModuleList", "speechbrain.nnet.containers.ModuleList")
SEARCHERS = ("S2SRNNBeamSearchLM", "S2SRNNBeamSearcher", "S2SRNNGreedySearcher")
LM_SCORER, CTC_SCORER = "RNNLMScorer", "CTCScorer"


@dataclass(frozen=True)
class Part:
    """An object of the file: the key under which it stands, and how it is made."""

    key: str
    call: Call


@dataclass(frozen=True)
class Parts:
    """The parts of a recognizer; a language model and a CTC head only where it has them."""

    file: HyperFile
    features: Part
    normalizer: Part | None
    encoder: Part
    embedding: Part
    decoder: Part
    output: Part
    ctc: Part | None
    tokenizer: Part
    searcher: Part
    lm: Part | None


def find_parts(file: HyperFile) -> Parts:
    """Returns the parts of a recognizer.

    Raises:
        ModelError: one is missing, is of a kind that is not known, or there are several.
    """
    encoder, searcher = _only(file, CRDNN), _searcher(file)
    output = _named(file, searcher, "linear", kind=LINEAR)
    _check_pipeline(file)
    return Parts(
        file=file,
        features=_only(file, FBANK),
        normalizer=_maybe(file, NORMALIZER),
        encoder=encoder,
        embedding=_named(file, searcher, "embedding", kind=EMBEDDING),
        decoder=_named(file, searcher, "decoder", kind=DECODER),
        output=output,
        ctc=_ctc_head(file, output),
        tokenizer=_only(file, PIECES),
        searcher=searcher,
        lm=_language_model(file),
    )


def _calls(file: HyperFile) -> Iterator[Part]:
    for key, value in file.tree.items():
        if isinstance(value, Call) and value.kind == "new":
            yield Part(key, value)


def _maybe(file: HyperFile, name: str) -> Part | None:
    found = [part for part in _calls(file) if part.call.name == name]
    if len(found) > 1:
        keys = ", ".join(part.key for part in found)
        raise ModelError(f"{file.path}: {keys} are each a {name}; leave only the one in use")
    return found[0] if found else None


def _only(file: HyperFile, name: str) -> Part:
    part = _maybe(file, name)
    if part is None:
        others = ", ".join(sorted({other.call.name for other in _calls(file)})) or "nothing"
        raise ModelError(
            f"{file.path}: makes no {name}, which attention recognizers with recurrent layers have "
            f"(it makes {others}); only these can be imported"
        )
    return part


def _searcher(file: HyperFile) -> Part:
    found = {
        part.key: part for part in _calls(file) if part.call.name.rpartition(".")[2] in SEARCHERS
    }
    for key in ("decoder", "test_search", *found):
        if key in found:
            return found[key]
    raise ModelError(
        f"{file.path}: makes no searcher ({', '.join(SEARCHERS)}), which says what the decoder and "
        "its output layer are; give the file of a recognizer"
    )


def _named(file: HyperFile, owner: Part, name: str, *, kind: str) -> Part:
    options = owner.call.options if isinstance(owner.call.options, dict) else {}
    value = file.follow(options.get(name))
    if not isinstance(value, Call) or value.name != kind:
        found = value.name if isinstance(value, Call) else repr(value)
        raise ModelError(
            f'{file.path}: the {name} of "{owner.key}" is {found:.80}; only {kind} is known'
        )
    return Part(file.key_of(options[name]), value)


def _ctc_head(file: HyperFile, output: Part) -> Part | None:
    heads = [part for part in _calls(file) if part.call.name == LINEAR and part.key != output.key]
    if len(heads) > 1:
        named = [part for part in heads if "ctc" in part.key.lower()]
        if len(named) != 1:
            keys = ", ".join(part.key for part in heads)
            raise ModelError(f"{file.path}: which of {keys} is the CTC head? name it ctc_lin")
        heads = named
    return heads[0] if heads else None


def _language_model(file: HyperFile) -> Part | None:
    part = _maybe(file, RNN_LM)
    if part is not None:
        return part
    for owner in _calls(file):
        options = owner.call.options
        if isinstance(options, dict) and "language_model" in options:
            value = file.follow(options["language_model"])
            if isinstance(value, Call):
                return Part(file.key_of(options["language_model"]), value)
    return None


def _check_pipeline(file: HyperFile) -> None:
    """Refuses steps between the waveform and the decoder that are not known."""
    for part in _calls(file):
        if part.call.name != PIPELINE or not isinstance(part.call.options, dict):
            continue
        for name, value in part.call.options.items():
            step = file.follow(value)
            if isinstance(step, Call) and step.name not in (FBANK, NORMALIZER, CRDNN):
                raise ModelError(
                    f'{file.path}: "{part.key}" has the step {name} ({step.name}), which is not '
                    "known here"
                )


class Files:
    """The files of a folder and what of them belongs to which part.

    Args:
        folder: with hyperparams.yaml.
        file: that one, read.

    Raises:
        ModelError: it does not say what is in which file.
    """

    def __init__(self, folder: Path, file: HyperFile) -> None:
        self.folder, self.file = folder, file
        found = [part for part in _calls(file) if part.call.name.rpartition(".")[2] == "Pretrainer"]
        options = found[0].call.options if found else None
        loadables = file.follow(options.get("loadables")) if isinstance(options, dict) else None
        if not isinstance(loadables, dict):
            raise ModelError(
                f"{file.path}: has no pretrainer with loadables, which say what is in which file"
            )
        assert isinstance(options, dict)
        paths = file.follow(options.get("paths")) or {}
        self._places: dict[str, tuple[Path, str]] = {}  # of each key: file, and prefix in it
        for name, value in loadables.items():
            path = self._path(name, paths.get(name) if isinstance(paths, dict) else None)
            self._places[file.key_of(value)] = (path, "")
            for number, key in enumerate(self._members(value)):
                self._places[key] = (path, f"{number}.")
        self._read: dict[Path, Tensors] = {}

    def path(self, part: Part) -> Path:
        """Returns the file that a part is in, which exists.

        Raises:
            ModelError: it is missing, or no file is named for the part.
        """
        if part.key not in self._places:
            raise ModelError(
                f'{self.file.path}: no file is named for "{part.key}"; name it among the '
                "loadables of the pretrainer"
            )
        path = self._places[part.key][0]
        if not path.is_file():
            raise ModelError(f"{path}: is missing; put the file of that name into the folder")
        return path

    def tensors(self, part: Part) -> tuple[Tensors, str]:
        """Returns the tensors of the file that a part is in, and how their names begin.

        Raises:
            ModelError: as `path` and `read_checkpoint`.
        """
        path = self.path(part)
        if path not in self._read:
            self._read[path] = Tensors(path, read_checkpoint(path), HYPER_FILE)
        return self._read[path], self._places[part.key][1]

    def finish(self) -> None:
        """Refuses tensors that no part took.

        Raises:
            ModelError: naming them.
        """
        for tensors in self._read.values():
            tensors.finish()

    def _path(self, name: str, given: Any) -> Path:
        names = [f"{name}.ckpt"]
        if given is not None:
            names.insert(0, PurePosixPath(str(self.file.resolve(given))).name)
        if "tokenizer" in name.lower():
            names += sorted(path.name for path in self.folder.glob("*.model"))
        paths = [self.folder / one for one in names]
        return next((path for path in paths if path.is_file()), paths[0])

    def _members(self, value: Any) -> list[str]:
        call = self.file.follow(value)
        if not isinstance(call, Call) or call.name not in LIST:
            return []
        members = call.options
        while isinstance(members, list) and len(members) == 1 and isinstance(members[0], list):
            members = members[0]
        return [self.file.key_of(member) for member in members or []]
