#!/usr/bin/env bash
# YesNo: eight Hebrew words a recording, each yes or no. Two to four minutes on a processor: a first try.
set -euo pipefail
caller=$PWD
cd "$(dirname "$0")/../.."

stage=1
stop_stage=4
corpus=$(realpath -m "${ASR_TEST_CORPORA:-../shared/corpora}")/yesno  # the folder that holds waves_yesno/
conf=default     # a file in conf/
name=            # of the experiment; empty: conf
set=             # more --set options for training, separated by spaces
. egs/options.sh
from_caller corpus

here=egs/yesno
data=$here/data
exp=$here/exp/${name:-$conf}
settings=()
add_settings $set
need_asr

if run_stage 1 "prepare manifests from $corpus in $data"; then
  asr prepare yesno --corpus "$corpus" --out "$data"
fi

if run_stage 2 "train; the model goes to $exp"; then
  asr train "$here/conf/$conf.yaml" --out "$exp" \
    --set data.train="$data/train.jsonl.gz" --set data.dev="$data/dev.jsonl.gz" ${settings[@]+"${settings[@]}"}
fi

if run_stage 3 "recognize the test recordings"; then
  asr decode "$data/test.jsonl.gz" --model "$exp" --out "$exp/test"
fi

if run_stage 4 "score"; then
  asr score "$exp/test"
  echo "yesno: WER $(asr score "$exp/test" --only wer) report $exp/test/report.json"
fi
