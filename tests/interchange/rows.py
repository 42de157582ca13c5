"""Every test of this folder is a row of RESULTS.md; --write-results writes the table anew."""

import platform
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from interchange.peer import Peer, Row

RESULTS = Path(__file__).with_name("RESULTS.md")
BEGIN, END = "<!-- rows: written by make interchange -->", "<!-- end of the rows -->"
_ROWS: dict[str, Row] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the option that writes the table."""
    parser.addoption("--write-results", action="store_true", help=f"write {RESULTS.name} anew")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests, and notes the row of each."""
    for item in items:
        if Path(item.path).parent != RESULTS.parent:
            continue
        item.add_marker(pytest.mark.interchange)
        row = item.get_closest_marker("row")
        assert row is not None, f"{item.nodeid}: needs @pytest.mark.row(PEER, DIRECTION, COMPARED)"
        name, direction, compared = row.args
        version = row.kwargs.get("version") or Peer(name).version
        _ROWS[item.nodeid] = Row(name, version, direction, compared)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Notes what came of a row, and of one that is not run, why."""
    report = yield
    row = _ROWS.get(item.nodeid)
    if row is not None and (report.when == "call" or report.outcome != "passed"):
        if report.outcome == "skipped":
            result = f"not run: {str(report.longrepr[2]).removeprefix('Skipped: ')}"
        else:
            result = "equal" if report.outcome == "passed" else "**differs**"
        _ROWS[item.nodeid] = row._replace(result=result)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Writes the rows between the marks of RESULTS.md."""
    if not session.config.getoption("--write-results", default=False) or not _ROWS:
        return
    cells = [" | ".join(row) for row in sorted(_ROWS.values())]
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    peers = len({row.peer for row in _ROWS.values()})
    head = f"{time.strftime('%Y-%m-%d')}, {machine}: {peers} peers."
    table = ["| peer | version | direction | what was compared | result |", "|---|---|---|---|---|"]
    table += [f"| {cell} |" for cell in cells]
    before, _, rest = RESULTS.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    RESULTS.write_text("\n".join([before + BEGIN, head, "", *table, END]) + after, "utf-8")
