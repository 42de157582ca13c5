#!/usr/bin/env bash
# YesNo: eight Hebrew words a recording, each yes or no. Two to four minutes on a processor: a first try.
set -euo pipefail

stage=1
stop_stage=4
corpus=          # the folder that holds waves_yesno/; empty: yesno in ASR_TEST_CORPORA
conf=default     # a file in conf/
name=            # of the experiment; empty: conf
set=             # more --set options for training, separated by spaces
. "$(dirname "$0")/../options.sh"
read_options "stage stop_stage corpus conf name set" "$@"
corpus=$(absolute "$corpus")
cd "$(dirname "$0")/../.."

corpus=${corpus:-$(absolute "${ASR_TEST_CORPORA:-../shared/corpora}/yesno")}
data=egs/yesno/data
exp=egs/yesno/exp/${name:-$conf}

if run_stage 1 "prepare manifests from $corpus in $data"; then
  asr prepare yesno --corpus "$corpus" --out "$data"
fi

if run_stage 2 "train; the model goes to $exp"; then
  asr train "egs/yesno/conf/$conf.yaml" --out "$exp" \
    --set data.train="$data/train.jsonl.gz" --set data.dev="$data/dev.jsonl.gz" $(each --set $set)
fi

if run_stage 3 "recognize the test recordings"; then
  asr decode "$data/test.jsonl.gz" --model "$exp" --out "$exp/test"
fi

if run_stage 4 "score"; then
  asr score "$exp/test"
  wer=$(asr score "$exp/test" --only wer)  # by itself: a failure ends the script
  echo "yesno: WER $wer report $exp/test/report.json"
fi
