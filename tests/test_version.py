import re
import subprocess
import sys
import tomllib
from pathlib import Path

import asr
from asr.version import __version__

ROOT = Path(__file__).parents[1]


def test_the_version_stands_in_one_place_and_packaging_reads_it_there() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert settings["project"]["dynamic"] == ["version"]
    assert settings["tool"]["setuptools"]["dynamic"] == {
        "version": {"attr": "asr.version.__version__"}
    }
    assert asr.__version__ == __version__
    stated = re.compile(rf'version\w* *= *"{re.escape(__version__)}"')
    files = [*(ROOT / "asr").rglob("*.py"), ROOT / "pyproject.toml"]
    found = [path.name for path in files if stated.search(path.read_text("utf-8"))]
    assert found == ["version.py"]


def test_the_version_is_known_without_an_installed_package(tmp_path: Path) -> None:
    code = "import sys, asr; print(asr.__version__, 'torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{__version__} False\n"
