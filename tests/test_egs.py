"""The recipe scripts: their options, and that each names what exists."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from asr.build import build_model, resolve_config
from asr.config import load_config
from asr.lm.config import load_lm_config
from asr.lm.folder import build_recurrent

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
    code = 'set -euo pipefail; quick=false stage=1; . egs/options.sh; echo "$quick|$stage"'
    done = subprocess.run(
        ["bash", "-c", code, "script", *arguments], capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout.strip() == shown, done.stderr


VARIABLES = (
    "quick=false stage=1 stop_stage=9 num_utterances=1600 name= processes= set= caller=/here"
)


def set_options(*arguments: str, **exported: str) -> subprocess.CompletedProcess[str]:
    code = f"set -euo pipefail; {VARIABLES}; . egs/options.sh; "
    code += 'echo "$quick|$stage|$stop_stage|$num_utterances|$name|$processes|$set"'
    return subprocess.run(
        ["bash", "-c", code, "script", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **exported},
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--stage", "x"],
            'option --stage "x": must be a number from 0 to 999999, as in --stage 1',
        ),
        (["--stage", ""], 'option --stage "": must be a number'),
        (["--stop-stage", "-1"], 'option --stop-stage "-1": must be a number'),
        (["--stage", "9" * 20], "must be a number from 0 to 999999"),
        (["--num-utterances", "0"], "must be a number from 1 to 999999, as in --num-utterances 16"),
        (["--processes", "two"], 'option --processes "two": must be a number from 1 to 999999, or'),
        (["--quick", "yes"], 'option --quick "yes": must be true or false, as in --quick false'),
        (["--quick", ""], 'option --quick "": must be true or false'),
        (["--name", "--quick"], "option --name needs a value"),
        *(
            ([name, "1"], f'unknown option "{name}"; known are the variables at its top')
            for name in (
                *("--quick=true", "--stage=2", "--", "--a.b", "--a[0]", "", "-stage"),
                *("--PWD", "--IFS", "--option-", "--option_", "--option", "--caller"),
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
    done = set_options("--name", "5", "--name", "a b", "--processes", "", "--quick", "false")
    assert done.stdout == "false|1|9|1600|a b||\n", done.stderr


def test_a_variable_of_the_environment_is_no_option() -> None:
    done = set_options("--http-proxy", "x", http_proxy="y")
    assert done.returncode == 2
    assert "the environment exports a variable http_proxy; unset http_proxy first" in done.stderr


def test_an_option_changes_its_own_variable_only(tmp_path: Path) -> None:
    code = """
    set -euo pipefail
    caller=/from/here
    stage=1 stop_stage=9 name= corpus= set=
    . egs/options.sh
    from_caller corpus
    echo "$stage|$stop_stage|$name|$corpus|$set"
    """
    arguments = ["--stop-stage", "3", "--corpus", "some where", "--set", "a.b=1 c.d=2"]
    done = subprocess.run(
        ["bash", "-c", code, "script", *arguments], capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout == "1|3||/from/here/some where|a.b=1 c.d=2\n", done.stderr


def run_with_rates(home: Path, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a script beside no data, with a command asr that answers --only with its name."""
    (home / "bin").mkdir()
    asr = home / "bin" / "asr"
    asr.write_text("#!/bin/bash\necho ${@: -1} %\n")
    asr.chmod(0o755)
    folder = home / "egs" / name
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "egs" / "options.sh", home / "egs")
    shutil.copy(ROOT / "egs" / name / "run.sh", folder)
    for path in (
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
