"""The recipe scripts: their options, and that each names what exists."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from asr.build import build_model, resolve_config
from asr.config import load_config
from asr.lm.config import load_lm_config
from asr.lm.folder import build_recurrent
from asr.scoring.rates import RATES

ROOT = Path(__file__).parents[1]
LM_CONFIGS = sorted(ROOT.glob("egs/*/conf/lm*.yaml"))
CONFIGS = sorted({*ROOT.glob("egs/*/conf/*.yaml")} - {*LM_CONFIGS})
SCRIPTS = sorted(ROOT.glob("egs/*/run.sh"))


def run_script(script: Path, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    return subprocess.run(
        ["bash", str(script), *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={"PATH": path},
        timeout=60,
    )


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: "/".join(path.parts[-3:]))
def test_every_configuration_builds_its_model(path: Path) -> None:
    config = resolve_config(load_config(path))
    model = build_model(config, 40)
    assert sum(parameter.numel() for parameter in model.parameters()) > 100_000


@pytest.mark.parametrize("path", LM_CONFIGS, ids=lambda path: "/".join(path.parts[-3:]))
def test_every_configuration_of_a_language_model_builds_it(path: Path) -> None:
    model = build_recurrent(load_lm_config(path).model, 40)
    assert sum(parameter.numel() for parameter in model.parameters()) > 100_000


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.parent.name)
def test_a_script_with_no_stage_to_run_does_nothing_and_succeeds(script: Path) -> None:
    done = run_script(script, "--stop-stage", "0")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.parent.name)
def test_an_unknown_option_is_named(script: Path) -> None:
    for arguments in (["--colour", "red"], ["stage", "1"], ["--stage"]):
        done = run_script(script, *arguments)
        assert done.returncode == 2
        assert arguments[0] in done.stderr


def variables_at_the_top(script: Path) -> set[str]:
    top = script.read_text("utf-8").split("set -euo pipefail\n")[1].split('\n. "')[0]
    return {line.split("=")[0] for line in top.splitlines() if line}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.parent.name)
def test_the_options_of_a_script_are_the_settings_at_its_top(script: Path) -> None:
    found = re.search(r'^read_options "([a-z_ ]+)" "\$@"$', script.read_text("utf-8"), re.M)
    assert found is not None
    assert variables_at_the_top(script) == set(found[1].split())


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ([], "false|1"),
        (["--quick"], "true|1"),
        (["--quick", "--stage", "2"], "true|2"),
        (["--stage", "2", "--quick", "false"], "false|2"),
    ],
)
def test_a_switch_alone_is_on(arguments: list[str], shown: str) -> None:
    done = set_options(*arguments, shows="$quick|$stage")
    assert done.stdout.strip() == shown, done.stderr


NAMES = ("quick", "stage", "stop_stage", "num_utterances", "name", "processes", "set")
BEFORE = ("false", "1", "9", "1600", "", "", "")


def set_options(*arguments: str, shows: str = "") -> subprocess.CompletedProcess[str]:
    """Reads options as the scripts do, and prints what the settings are then."""
    settings = "; ".join(f"{name}={value}" for name, value in zip(NAMES, BEFORE, strict=True))
    shows = shows or "|".join(f"${name}" for name in NAMES)
    code = f"set -euo pipefail; {settings}; . egs/options.sh; "
    code += f'read_options "{" ".join(NAMES)}" "$@"; echo "{shows}"'
    return subprocess.run(
        ["bash", "-c", code, "script", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": "/here"},
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--stage", "x"],
            'option --stage "x": must be a number from 0 to 999999, as in --stage 2',
        ),
        (["--stage", ""], 'option --stage "": must be a number'),
        (["--stop-stage", "-1"], 'option --stop-stage "-1": must be a number'),
        (["--stage", "9" * 20], "must be a number from 0 to 999999"),
        (["--num-utterances", "0"], "must be a number from 1 to 999999, as in --num-utterances 2"),
        (["--processes", "two"], 'option --processes "two": must be a number from 1 to 999999'),
        (["--processes", ""], 'option --processes "": must be a number from 1 to 999999'),
        (["--quick", "yes"], 'unknown option "yes"'),
        (["--quick", ""], 'unknown option ""'),
        (["--name", "--quick"], "option --name needs a value"),
        (["--name"], "option --name needs a value"),
        *(
            ([name, "1"], f'unknown option "{name}"; known are --quick --stage --stop-stage --num')
            for name in (
                *("--quick=true", "--stage=2", "--", "--a.b", "--a[0]", "", "-stage", "stage"),
                *("--PWD", "--IFS", "--HOME", "--home", "--option-", "--option", "--known"),
            )
        ),
    ],
)
def test_a_wrong_name_or_value_is_one_sentence(arguments: list[str], message: str) -> None:
    done = set_options(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_values_that_are_right_are_taken() -> None:
    assert set_options().stdout == "false|1|9|1600|||\n"
    done = set_options("--stage", "0", "--processes", "2", "--num-utterances", "20", "--quick")
    assert done.stdout == "true|0|9|20||2|\n", done.stderr
    assert set_options("--stop_stage", "3").stdout == set_options("--stop-stage", "3").stdout
    done = set_options("--name", "5", "--name", "a b", "--quick", "false")
    assert done.stdout == "false|1|9|1600|a b||\n", done.stderr


def test_an_option_changes_its_own_variable_only() -> None:
    done = set_options("--stop-stage", "3", "--name", "stage", "--set", "a.b=1 c.d=2")
    assert done.stdout == "false|1|3|1600|stage|| a.b=1 c.d=2\n", done.stderr


def test_settings_for_training_may_come_one_by_one_or_together() -> None:
    shows = "$(each --set $set)"
    apart = set_options("--set", "a.b=1", "--set", "c.d=[2, 3]".replace(" ", ""), shows=shows)
    together = set_options("--set", "a.b=1 c.d=[2,3]", shows=shows)
    assert apart.stdout.split() == ["--set", "a.b=1", "--set", "c.d=[2,3]"], apart.stderr
    assert together.stdout == apart.stdout
    assert set_options(shows=shows).stdout.strip() == ""


@pytest.mark.parametrize(
    ("path", "found"), [("", ""), ("/a b/c", "/a b/c"), ("some where", "{here}/some where")]
)
def test_a_path_is_meant_from_where_the_user_is(tmp_path: Path, path: str, found: str) -> None:
    code = f'. "{ROOT}/egs/options.sh"; absolute "$1"'
    done = subprocess.run(
        ["bash", "-c", code, "script", path], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stdout == found.format(here=tmp_path) + "\n"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.parent.name)
def test_a_script_without_the_command_says_how_to_get_it(script: Path, tmp_path: Path) -> None:
    shutil.copytree(script.parent, tmp_path / "egs" / "x", ignore=shutil.ignore_patterns("exp"))
    shutil.copy(ROOT / "egs" / "options.sh", tmp_path / "egs")
    done = subprocess.run(
        ["bash", str(tmp_path / "egs" / "x" / "run.sh"), "--stop-stage", "1"],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 2
    assert done.stderr.endswith("no command asr; run make install and put .venv/bin on PATH\n")


LABELS = {name: rate.label for name, rate in RATES.items()}
# Tells its arguments; answers --only as `asr score` does, with a rate's name for its value.
FAKE_ASR = f"""#!{sys.executable}
import sys
if "--only" in sys.argv:
    names = sys.argv[sys.argv.index("--only") + 1].split(",")
    labels = {{labels!r}}
    rates = [f"{{{{labels[name]}}}} {{{{name}}}} %" for name in names]
    print(" ".join(rates) if len(names) > 1 else f"{{{{names[0]}}}} %")
else:
    print("asr", *sys.argv[1:])
"""


def run_with_rates(home: Path, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a script beside no data, with a command asr that answers --only with its name."""
    (home / "bin").mkdir()
    asr = home / "bin" / "asr"
    asr.write_text(FAKE_ASR.format(labels=LABELS))
    asr.chmod(0o755)
    folder = home / "egs" / name
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "egs" / "options.sh", home / "egs")
    shutil.copy(ROOT / "egs" / name / "run.sh", folder)
    for path in (
        *("librispeech/corpus/LibriSpeech/test-clean/x", "librispeech/mini/LibriSpeech/x"),
        "quickstart/data/ko/wav/test/a.wav",
        *(f"ksponspeech/data/base/{part}.text_rules.yaml" for part in ("eval_clean", "eval_other")),
        "zeroth_korean/data/test-seen.jsonl.gz",
    ):
        (home / "egs" / path).parent.mkdir(parents=True, exist_ok=True)
        (home / "egs" / path).write_text(f"{path}\n")
    return subprocess.run(
        ["bash", str(folder / "run.sh"), *arguments],
        capture_output=True,
        text=True,
        env={"PATH": f"{home / 'bin'}:/usr/bin:/bin"},
        timeout=60,
    )


def test_the_demo_in_korean_tells_its_rates_of_korean_before_its_last_line(tmp_path: Path) -> None:
    done = run_with_rates(tmp_path, "quickstart", "--language", "ko", "--stage", "5")
    assert done.stdout.splitlines()[-2:] == [
        "demo: CER without spaces cer_no_spaces % sWER wer_respaced % jamo jer %",
        "demo: CER cer % WER wer % report egs/quickstart/exp/ko-korean/test/report.json",
    ], done.stderr


def test_ksponspeech_tells_the_rules_and_rates_of_each_test_set(tmp_path: Path) -> None:
    done = run_with_rates(tmp_path, "ksponspeech", "--stage", "4")
    lines = [line for line in done.stdout.splitlines() if line.startswith("ksponspeech: ")]
    assert lines == [
        f"ksponspeech: {part} CER cer % WER wer % CER without spaces cer_no_spaces % "
        f"sWER wer_respaced % report egs/ksponspeech/exp/base/{part}/report.json"
        for part in ("eval_clean", "eval_other")
    ], done.stderr
    assert "data/base/eval_clean.text_rules.yaml" in done.stderr
    assert "data/base/eval_other.text_rules.yaml" in done.stderr


def test_zeroth_tells_rates_of_what_there_is(tmp_path: Path) -> None:
    done = run_with_rates(tmp_path, "zeroth_korean", "--stage", "4")
    rates = "CER cer % WER wer % CER without spaces cer_no_spaces %"
    assert done.stdout.splitlines()[-1] == (
        f"zeroth: {rates} seen {rates} unseen none "
        "report egs/zeroth_korean/exp/base/test/report.json"
    ), done.stderr


def librispeech_lines(home: Path, *arguments: str) -> list[str]:
    done = run_with_rates(home, "librispeech", "--stage", "4", *arguments)
    assert done.returncode == 0, done.stderr
    return [line.replace(" %", "") for line in done.stdout.splitlines()]


CHOSEN = "the weights were chosen on this set, so its error rates flatter"


@pytest.mark.parametrize("arguments", [(), ("--corpus", "egs/librispeech/corpus")])
def test_mini_librispeech_tests_on_a_set_that_chose_nothing(
    tmp_path: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exp = "egs/librispeech/exp/mini"
    assert librispeech_lines(tmp_path, *arguments) == [
        f"asr score {exp}/dev-clean-2 --note {CHOSEN}",
        f"librispeech: dev-clean-2 ({CHOSEN}) WER wer CER cer report {exp}/dev-clean-2/report.json",
        f"asr score {exp}/test-clean --note ",
        f"librispeech: test-clean WER wer CER cer report {exp}/test-clean/report.json",
    ]


def test_mini_librispeech_alone_says_that_its_set_chose_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = librispeech_lines(tmp_path, "--corpus", "egs/librispeech/mini")
    assert len(lines) == 2
    assert CHOSEN in lines[0]
    assert lines[1].startswith(f"librispeech: dev-clean-2 ({CHOSEN}) WER")


def test_a_training_from_nothing_lasts_as_long_as_the_adaptation_beside_it(tmp_path: Path) -> None:
    for name, share, epochs, rate in (("new", 0.4, 30, 0.001), ("old", 0.25, 9, 0.003)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text(
            f"replay: {{manifest: {name}, share: {share}}}\n"
            f"train: {{epochs: {epochs}, learning_rate: {rate}}}\n"
        )
    done = subprocess.run(
        [sys.executable, "egs/adapt/table.py", "options", tmp_path / "new", tmp_path / "old"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        check=True,
    )
    assert done.stdout.split()[:5] == [
        *("init={}", "freeze={}", "replay={}", "train.epochs=50", "train.learning_rate=0.003"),
    ]
