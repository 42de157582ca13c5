"""A manifest's audio and cuts as shards, with their index, counted again as they are read back."""

from collections.abc import Callable
from pathlib import Path

from asr.data.export import export
from asr.data.shard_index import open_index
from asr.errors import DataError


def check_new(folder: Path) -> None:
    """Returns None if a folder may be made; see `write_shards`.

    Raises:
        DataError: there is something in it.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(
            f"{folder}: is there and not empty; must be new (move it away, or give another --out)"
        )


def write_shards(
    manifest: Path, folder: Path, *, live: Callable[[str], None] = lambda _: None
) -> str:
    """Returns a line for a person about the shards that were made of a manifest, FLAC inside.

    Args:
        manifest: lhotse cuts.
        folder: to make.
        live: shows how far it is.

    Raises:
        DataError: as `export` and `open_index`; or other utterances or seconds are read back than
            were put in.
    """
    report = export(manifest, folder, to="shar", live=live)
    index = open_index(folder)
    found = index.num_utterances, float(index.seconds.sum())
    if found[0] != report.num_utterances or abs(found[1] - report.seconds) > 0.001:
        raise DataError(
            f"{folder}: holds {found[0]:,} utterances and {found[1]:.3f} s, {manifest} "
            f"{report.num_utterances:,} and {report.seconds:.3f} s; remove the folder and write it "
            "again"
        )
    sizes = [path.stat().st_size for path in folder.iterdir()]
    return (
        f"{folder}: {found[0]:,} utterances, {found[1] / 3600:.2f} h, as in {manifest.name}; "
        f"{len(index.shards)} shards, {sum(sizes) / 2**20:,.0f} MiB; {report.describe_audio()}"
    )
