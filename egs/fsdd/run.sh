#!/usr/bin/env bash
# Free Spoken Digit Dataset: single digits of the official split, and connected strings of them.
set -euo pipefail

stage=1
stop_stage=4
corpus=          # the folder that holds recordings/; empty: fsdd in ASR_TEST_CORPORA
conf=default     # a file in conf/
name=            # of the experiment; empty: conf
set=             # more --set options for training, separated by spaces
. "$(dirname "$0")/../options.sh"
read_options "stage stop_stage corpus conf name set" "$@"
corpus=$(absolute "$corpus")
cd "$(dirname "$0")/../.."

corpus=${corpus:-$(absolute "${ASR_TEST_CORPORA:-../shared/corpora}/fsdd")}
data=egs/fsdd/data
exp=egs/fsdd/exp/${name:-$conf}

if run_stage 1 "prepare manifests from $corpus in $data"; then
  asr prepare fsdd --corpus "$corpus" --out "$data"
fi

if run_stage 2 "train on train recordings; the model goes to $exp"; then
  asr train "egs/fsdd/conf/$conf.yaml" --out "$exp" \
    --set data.train="$data/train.jsonl.gz" --set data.dev="$data/dev.jsonl.gz" $(each --set $set)
fi

if run_stage 3 "recognize the official test digits, and strings of test digits"; then
  for part in test test-strings; do
    asr decode "$data/$part.jsonl.gz" --model "$exp" --out "$exp/$part"
  done
fi

if run_stage 4 "score both"; then
  asr score "$exp/test"
  asr score "$exp/test-strings"
  digits=$(asr score "$exp/test" --only wer)  # by itself: a failure ends the script
  strings=$(asr score "$exp/test-strings" --only wer)
  echo "fsdd: WER $digits strings WER $strings report $exp/test-strings/report.json"
fi
