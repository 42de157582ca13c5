#!/usr/bin/env bash
# Zeroth-Korean: read Korean sentences, the error rates of those that training has seen told apart.
set -euo pipefail
caller=$PWD
cd "$(dirname "$0")/../.."

stage=1
stop_stage=4
corpus=          # folder with train_data_01/ and test_data_01/; empty: download (10.3 GB, twice that on disk)
source=          # --set options for the download, separated by spaces: url=... size=... of a copy
conf=base        # a file in conf/
name=            # of the experiment; empty: conf
lm=              # language model of the corpus to search with: tgsmall or tgmed; empty: none
processes=       # that train together; empty: one
set=             # more --set options for training, separated by spaces
. egs/options.sh
from_caller corpus

here=egs/zeroth_korean
data=$here/data
exp=$here/exp/${name:-$conf}
processes=${processes:-1}
settings=()
add_settings $set
need_asr

if run_stage 1 "prepare manifests in $data"; then
  options=(--download)
  for setting in $source; do options+=(--set "$setting"); done
  [ -z "$corpus" ] || options=(--corpus "$corpus")
  asr prepare zeroth_korean --out "$data" "${options[@]}"
fi

if run_stage 2 "train; the model goes to $exp"; then
  train_model "$here/conf/$conf.yaml" --out "$exp" \
    --set data.train="$data/train.jsonl.gz" --set data.dev="$data/dev.jsonl.gz" ${settings[@]+"${settings[@]}"}
fi

decoded=$exp/test${lm:+-$lm}
if run_stage 3 "recognize the test set"; then
  options=()
  if [ -n "$lm" ]; then
    root=${corpus:-$data/corpus}
    [ ! -d "$root/zeroth_korean" ] || root=$root/zeroth_korean
    options=(--lm "$root/zeroth.lm.$lm.arpa.gz")
  fi
  asr decode "$data/test.jsonl.gz" --model "$exp" --out "$decoded" ${options[@]+"${options[@]}"}
fi

if run_stage 4 "score it: all, and sentences that training has seen or has not"; then
  asr score "$decoded"
  rates() {
    local cer wer bare
    cer=$(asr score "$decoded" "$@" --only cer) && wer=$(asr score "$decoded" "$@" --only wer) &&
      bare=$(asr score "$decoded" "$@" --only cer_no_spaces) &&
      echo "CER $cer WER $wer CER without spaces $bare"
  }
  line="zeroth: $(rates)"
  for part in seen unseen; do
    cuts=$data/test-$part.jsonl.gz
    if [ -f "$cuts" ]; then line+=" $part $(rates --cuts "$cuts")"; else line+=" $part none"; fi
  done
  echo "$line report $decoded/report.json"
fi
