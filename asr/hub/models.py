"""Model folders on the Hugging Face hub: fetched at one revision, and published.

Only the files of a model folder travel: settings, weights without pickle, tokens, measurements and
the card, and those of a language model in its folder `lm`.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from asr.errors import AsrError, ConfigError, InstallError, ModelError, in_short
from asr.files import writing
from asr.store.weights import read_weights

FILES = (
    *("config.yaml", "model.safetensors", "tokenizer.model", "tokens.txt"),
    *("metrics.json", "README.md"),
)
TRAVELS = [*FILES, *(f"lm/{name}" for name in (*FILES, "lm.arpa"))]
NEEDED = FILES[:2]
_NAME = re.compile(r"(?P<name>[\w.-]{1,96}/[\w.-]{1,96})(@(?P<revision>[\w./-]{1,200}))?")


_COMMIT = re.compile(r"[0-9a-f]{40}")


class HubName(NamedTuple):
    """A model on the hub."""

    name: str  # of an organisation or a person, /, and of the model
    revision: str | None  # a commit, tag or branch; None: the newest

    def __str__(self) -> str:
        return self.name if self.revision is None else f"{self.name}@{self.revision}"


def parse_name(text: str) -> HubName | None:
    """Returns the model that `org/name` or `org/name@revision` names; None if it is no such text.

    A text that begins with a folder that is here is a path.
    """
    found = _NAME.fullmatch(text)
    if found is None or text.startswith(".") or Path(text).parts[0] == ".." or _is_here(text):
        return None
    return HubName(found["name"], found["revision"])


def _is_here(text: str) -> bool:
    return Path(text).exists() or Path(text).parent.is_dir()


def fetch(model: HubName, out: Path | None = None) -> tuple[Path, str]:
    """Returns the folder of a model and the commit that it is of, which was fetched.

    Args:
        model: on the hub.
        out: where it goes, a new folder; None: into the hub's cache, where it is found again.

    Raises:
        InstallError: the extra `hub` is missing.
        ModelError: there is no network, no such model or revision, it is no model folder of this
            toolkit, or `out` is there already.
    """
    hub = _library()
    with _saying(model):
        commit = model.revision or ""
        if not _COMMIT.fullmatch(commit):
            commit = str(_api(hub).model_info(model.name, revision=model.revision).sha)
        if out is None:
            folder = Path(_snapshot(hub, model, commit))
            _check(folder, str(model))
            return folder, commit
        check_free(out)
        with writing(out):
            out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".pull-") as place:
            folder = Path(place) / "model"
            _snapshot(hub, model, commit, local_dir=folder)
            shutil.rmtree(folder / ".cache", ignore_errors=True)
            _check(folder, str(model))
            with writing(out):
                if out.is_dir():
                    out.rmdir()
                folder.rename(out)
    return out, commit


def publish(folder: Path, model: HubName, *, private: bool) -> str:
    """Returns the commit under which a model folder is on the hub now.

    Args:
        folder: of a recognizer.
        model: its name there; made if there is none.
        private: whether one that is made is for its owners alone.

    Raises:
        InstallError: the extra `hub` is missing.
        ConfigError: a revision was named.
        ModelError: the folder is no model folder, or the hub cannot be reached or refuses.
    """
    if model.revision is not None:
        raise ConfigError(f"{model}: a revision is made by publishing; leave out @{model.revision}")
    _check(folder, str(folder))
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


def check_free(out: Path) -> None:
    """Refuses a folder that holds something.

    Raises:
        ModelError: it does.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ModelError(f"{out}: there is something already; use another --out")


def _snapshot(hub: Any, model: HubName, commit: str, **place: Any) -> Any:
    return hub.snapshot_download(
        model.name,
        revision=commit,
        allow_patterns=TRAVELS,
        endpoint=os.environ.get("HF_ENDPOINT"),
        max_workers=2,
        **place,
    )


def _check(folder: Path, name: str) -> None:
    missing = [file for file in NEEDED if not (folder / file).is_file()]
    if missing:
        raise ModelError(
            f"{name}: has no {missing[0]}, so it is no model folder of this toolkit; for others "
            "see asr import"
        )
    read_weights(folder / "model.safetensors")


def _library() -> Any:
    try:
        import huggingface_hub
    except ImportError:
        raise InstallError(
            "models on the hub need the package huggingface-hub; pip install 'asr-seq2seq[hub]'"
        ) from None
    return huggingface_hub


def _api(hub: Any) -> Any:
    return hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT"))


@contextmanager
def _saying(model: HubName) -> Iterator[None]:
    """Turns the library's errors into sentences."""
    errors: Any = import_module("huggingface_hub.errors")
    utils: Any = import_module("huggingface_hub.utils")
    utils.disable_progress_bars()
    try:
        yield
    except AsrError:
        raise
    except errors.RevisionNotFoundError:
        raise ModelError(
            f"{model}: the hub has no such revision; name a commit, tag or branch"
        ) from None
    except errors.GatedRepoError:
        raise ModelError(
            f"{model}: is open only to whom its owners admit; ask them, then hf auth login"
        ) from None
    except errors.RepositoryNotFoundError:
        raise ModelError(
            f"{model}: is no folder here, and the hub has no such model (or it is private: hf auth "
            "login)"
        ) from None
    except errors.HfHubHTTPError as error:
        raise ModelError(
            f"{model}: the hub refuses ({in_short(error)}); try again, or hf auth login"
        ) from None
    except Exception as error:
        if not _is_unreachable(error, errors):
            raise
        raise ModelError(
            f"{model}: the hub cannot be reached ({in_short(error)}); without network give the "
            "path of a model folder"
        ) from None


def _is_unreachable(error: Exception, errors: Any) -> bool:
    """Returns whether there is no way to the hub: its library has changed how it says so."""
    names = {kind.__name__ for kind in type(error).__mro__}  # of httpx, httpx2 or requests
    offline = (errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError)
    return isinstance(error, offline) or bool({"TransportError", "ConnectionError"} & names)
