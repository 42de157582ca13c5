"""Model folders on the Hugging Face hub: fetched at one revision, and published.

Only the files of a model folder travel: settings, weights without pickle, tokens, measurements and
the card, and those of a language model in its folder `lm`.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from asr.errors import AsrError, ConfigError, InstallError, ModelError, in_short
from asr.files import check_free, writing
from asr.store.weights import read_weights

FILES = (
    *("config.yaml", "model.safetensors", "tokenizer.model", "tokens.txt"),
    *("metrics.json", "README.md"),
)
TRAVELS = [*FILES, *(f"lm/{name}" for name in (*FILES, "lm.arpa"))]
NEEDED = FILES[:2]
PART = ".pull-"  # and a commit: what has come of it, in the folder that it goes to
_NAME = re.compile(r"(?P<name>[\w.-]{1,96}/[\w.-]{1,96})(@(?P<revision>[\w./-]{1,200}))?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")


class HubName(NamedTuple):
    """A model on the hub."""

    name: str  # of an organisation or a person, /, and of the model
    revision: str | None  # a commit, tag or branch; None: the newest

    def __str__(self) -> str:
        return self.name if self.revision is None else f"{self.name}@{self.revision}"


def parse_name(text: str, *, or_path: bool = True) -> HubName | None:
    """Returns the model that `org/name` or `org/name@revision` names; None if it is no such text.

    Args:
        text: what was given.
        or_path: whether it may be a path: then one that begins with a folder that is here is one.
    """
    found = _NAME.fullmatch(text)
    if found is None or text.startswith(".") or (or_path and _is_here(text)):
        return None
    return HubName(found["name"], found["revision"])


def _is_here(text: str) -> bool:
    return Path(text).exists() or Path(text).parent.is_dir()


def fetch(
    model: HubName, out: Path | None = None, *, check: Callable[[Path], object] | None = None
) -> tuple[Path, str]:
    """Returns the folder of a model and the commit that it is of, which was fetched.

    What has come by the time that it is stopped stays in a hidden folder in `out`, from where the
    next call for the same commit goes on.

    Args:
        model: on the hub.
        out: where it goes, a new or empty folder; None: into the hub's cache, where it is found
            again.
        check: called with the fetched folder before it goes there; raises what is wrong with it.
            None: its weights are read.

    Raises:
        InstallError: the extra `hub` is missing.
        ModelError: there is no network, no such model or revision, it is no model folder of this
            toolkit, or `out` cannot be written or holds something already.
    """
    hub = _library("" if out else f"{model}: is no folder here, and ")
    if out is not None and not any(out.glob(f"{PART}*")):
        check_free(out)
    with _saying(model, out or _cache()):
        commit = model.revision or ""
        if not _COMMIT.fullmatch(commit):
            commit = str(_api(hub).model_info(model.name, revision=model.revision).sha)
        if out is None:
            folder = Path(_snapshot(hub, model, commit))
            _check(folder, str(model))
            return folder, commit
        with _new_folder(out):
            part = out / f"{PART}{commit[:12]}"
            _snapshot(hub, model, commit, local_dir=part)
            _check(part, str(model), check)
            _move_out(part, out)
    return out, commit


@contextmanager
def _new_folder(out: Path) -> Iterator[None]:
    """Makes a folder, which is removed where nothing came into it."""
    was_there = out.is_dir()
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except Exception as error:
        if not isinstance(error, OSError) and not _is_unreachable(error):
            _remove_parts(out)  # what came is of no use
        raise
    finally:
        if not was_there and not any(out.iterdir()):
            out.rmdir()


def _move_out(part: Path, out: Path) -> None:
    """Moves the files into place, the one without which it is no model folder last."""
    shutil.rmtree(part / ".cache", ignore_errors=True)
    with writing(out):
        for path in sorted(part.iterdir(), key=lambda path: path.name == NEEDED[0]):
            if path.is_dir():
                shutil.rmtree(out / path.name, ignore_errors=True)
            path.replace(out / path.name)
    _remove_parts(out)


def _remove_parts(out: Path) -> None:
    for part in out.glob(f"{PART}*"):
        shutil.rmtree(part, ignore_errors=True)


def publish(
    folder: Path,
    model: HubName,
    *,
    private: bool,
    check: Callable[[Path], object] | None = None,
) -> str:
    """Returns the commit under which a model folder is on the hub now.

    Args:
        folder: of a recognizer.
        model: its name there; made if there is none.
        private: whether one that is made is for its owners alone.
        check: called with the folder first; raises what is wrong with it. None: as in `fetch`.

    Raises:
        InstallError: the extra `hub` is missing.
        ConfigError: a revision was named.
        ModelError: the folder is no model folder, or the hub cannot be reached or refuses.
    """
    if model.revision is not None:
        raise ConfigError(f"{model}: a revision is made by publishing; leave out @{model.revision}")
    _check(folder, str(folder), check)
    hub = _library()
    with _saying(model):
        api = _api(hub)
        api.create_repo(model.name, private=private, exist_ok=True)
        done = api.upload_folder(
            repo_id=model.name,
            folder_path=folder,
            allow_patterns=TRAVELS,
            delete_patterns=TRAVELS,  # an earlier model's tokens or language model do not stay
            commit_message=f"Publish {folder.resolve().name}",
        )
    return str(done.oid)


def _snapshot(hub: Any, model: HubName, commit: str, **place: Any) -> Any:
    return hub.snapshot_download(
        model.name,
        revision=commit,
        allow_patterns=TRAVELS,
        endpoint=os.environ.get("HF_ENDPOINT"),
        max_workers=2,
        **place,
    )


def _check(folder: Path, name: str, load: Callable[[Path], object] | None = None) -> None:
    missing = [file for file in NEEDED if not (folder / file).is_file()]
    if missing:
        raise ModelError(
            f"{name}: has no {missing[0]}, so it is no model folder of this toolkit; for others "
            "see asr import"
        )
    if load is None:
        read_weights(folder / "model.safetensors")
    else:
        load(folder)


def _library(before: str = "") -> Any:
    """Returns huggingface-hub; without it an error begins with the words before."""
    try:
        import huggingface_hub
    except ImportError:
        raise InstallError(
            f"{before}models on the hub need the package huggingface-hub; pip install "
            "'asr-seq2seq[hub]'"
        ) from None
    return huggingface_hub


def _cache() -> Path:
    constants: Any = import_module("huggingface_hub.constants")  # no attribute until it is imported
    return Path(constants.HF_HUB_CACHE)


def _api(hub: Any) -> Any:
    return hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT"))


@contextmanager
def _saying(model: HubName, place: Path | None = None) -> Iterator[None]:
    """Turns the library's errors into sentences.

    Args:
        model: that is asked for.
        place: where it is written; None: it is published.
    """
    utils: Any = import_module("huggingface_hub.utils")
    utils.disable_progress_bars()
    try:
        yield
    except AsrError:
        raise
    except Exception as error:
        said = _refusal(error) or _failure(error, model, place)
        if said is None:
            raise
        raise ModelError(f"{model}: {said}") from None


def _refusal(error: Exception) -> str | None:
    """Returns the sentence for an answer of the hub."""
    errors: Any = import_module("huggingface_hub.errors")
    sentences = {
        errors.HFValidationError: f"is no name that the hub allows ({in_short(error)})",
        errors.RevisionNotFoundError: (
            "the hub has no such revision; name a commit, tag or branch"
        ),
        errors.GatedRepoError: (
            "is open only to whom its owners admit; ask them, then hf auth login"
        ),
        errors.RepositoryNotFoundError: (
            "is no folder here, and the hub has no such model (or it is private: hf auth login)"
        ),
        errors.HfHubHTTPError: (
            f"the hub refuses ({in_short(error)}); try again, or hf auth login"
        ),
    }
    return next((said for kind, said in sentences.items() if isinstance(error, kind)), None)


def _failure(error: Exception, model: HubName, place: Path | None) -> str | None:
    """Returns the sentence for what went wrong on the way to the hub, or here."""
    again = "the same command goes on"
    if _is_unreachable(error):
        if place is not None:
            again += _way_without_network(model)
        nor_here = "is no folder here, and " if place == _cache() else ""
        return f"{nor_here}the hub cannot be reached ({in_short(error)}); {again}"
    if isinstance(error, OSError):
        where = place or "a temporary folder"
        return (
            f"{where}: cannot be written ({error.strerror or in_short(error)}); free space, or "
            "choose another --out or, for the hub's cache, another HF_HOME"
        )
    if isinstance(error, (ValueError, KeyError, TypeError)):
        return (
            f"what answers is no hub, or it cannot be asked ({in_short(error)}); check the "
            "network's log-in page, HF_ENDPOINT and HF_TOKEN"
        )
    return None


def _way_without_network(model: HubName) -> str:
    """Returns what can be loaded all the same: a commit in the cache, or a folder."""
    cached = _cache() / f"models--{model.name.replace('/', '--')}" / "snapshots"
    found = sorted(path.name for path in cached.glob("*") if (path / NEEDED[1]).exists())
    if found and model.revision is None:
        return f"; without network {model.name}@{found[0]} is here, as is any model folder"
    return "; without network give the path of a model folder"


def _is_unreachable(error: Exception) -> bool:
    """Returns whether there is no way to the hub: its library has changed how it says so."""
    errors: Any = import_module("huggingface_hub.errors")
    names = {kind.__name__ for kind in type(error).__mro__}  # of httpx, httpx2 or requests
    offline = (errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError)
    return isinstance(error, offline) or bool({"TransportError", "ConnectionError"} & names)
