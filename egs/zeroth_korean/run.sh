#!/usr/bin/env bash
# Zeroth-Korean: read Korean sentences, the error rates of those that training has seen told apart.
set -euo pipefail

stage=1
stop_stage=4
corpus=          # folder with train_data_01/ and test_data_01/; empty: download (10.3 GB, twice that on disk)
source=          # --set options for the download, separated by spaces: url=... size=... of a copy
conf=base        # a file in conf/
name=            # of the experiment; empty: conf
lm=              # language model of the corpus to search with: tgsmall or tgmed; empty: none
processes=1      # that train together, one for each GPU
set=             # more --set options for training, separated by spaces
. "$(dirname "$0")/../options.sh"
read_options "stage stop_stage corpus source conf name lm processes set" "$@"
corpus=$(absolute "$corpus")
cd "$(dirname "$0")/../.."

data=egs/zeroth_korean/data
exp=egs/zeroth_korean/exp/${name:-$conf}
decoded=$exp/test${lm:+-$lm}

if run_stage 1 "prepare manifests in $data"; then
  if [ -n "$corpus" ]; then
    asr prepare zeroth_korean --out "$data" --corpus "$corpus"
  else
    asr prepare zeroth_korean --out "$data" --download $(each --set $source)
  fi
fi

if run_stage 2 "train; the model goes to $exp"; then
  train_model "egs/zeroth_korean/conf/$conf.yaml" --out "$exp" \
    --set data.train="$data/train.jsonl.gz" --set data.dev="$data/dev.jsonl.gz" $(each --set $set)
fi

if run_stage 3 "recognize the test set"; then
  root=${corpus:-$data/corpus}
  [ ! -d "$root/zeroth_korean" ] || root=$root/zeroth_korean
  asr decode "$data/test.jsonl.gz" --model "$exp" --out "$decoded" ${lm:+--lm "$root/zeroth.lm.$lm.arpa.gz"}
fi

if run_stage 4 "score it: all, and sentences that training has seen or has not"; then
  asr score "$decoded"
  line="zeroth: $(asr score "$decoded" --only cer,wer,cer_no_spaces)"
  for part in seen unseen; do
    rates=none
    cuts=$data/test-$part.jsonl.gz
    if [ -f "$cuts" ]; then
      asr score "$decoded" --cuts "$cuts"
      rates=$(asr score "$decoded" --cuts "$cuts" --only cer,wer,cer_no_spaces)
    fi
    line+=" $part $rates"
  done
  echo "$line report $decoded/report.json"
fi
