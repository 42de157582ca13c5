#!/usr/bin/env bash
# KsponSpeech: 969 hours of spontaneous Korean, fetched by hand from AI Hub (data set 123).
set -euo pipefail
caller=$PWD
cd "$(dirname "$0")/../.."

stage=1
stop_stage=4
corpus=          # folder with KsponSpeech_01 to _05, KsponSpeech_eval and KsponSpeech_scripts
rules=           # --set options for the text, separated by spaces, as in "side=pronunciation"
name=base        # of the experiment
processes=1      # that train together, one for each GPU
set=             # more --set options for training, separated by spaces
. egs/options.sh
from_caller corpus

here=egs/ksponspeech
exp=$here/exp/$name
data=$here/data/$name  # holds the audio again, as FLAC: about 60 GB
tests="eval_clean eval_other"
settings=()
add_settings $set
need_asr

if run_stage 1 "prepare manifests in $data"; then
  options=()
  if [ -n "$corpus" ]; then options+=(--corpus "$corpus"); fi
  for part in train dev $tests; do options+=(--part "$part"); done
  for rule in $rules; do options+=(--set "$rule"); done
  asr prepare ksponspeech --out "$data" "${options[@]}"
fi

if run_stage 2 "train; the model goes to $exp"; then
  train_model "$here/conf/base.yaml" --out "$exp" \
    --set data.train="$data/train.jsonl.gz" --set data.dev="$data/dev.jsonl.gz" ${settings[@]+"${settings[@]}"}
fi

if run_stage 3 "recognize $tests"; then
  for part in $tests; do
    asr decode "$data/$part.jsonl.gz" --model "$exp" --out "$exp/$part"
  done
fi

if run_stage 4 "score"; then
  for part in $tests; do
    cat "$data/$part.text_rules.yaml" >&2
    asr score "$exp/$part"
    echo "ksponspeech: $part CER $(asr score "$exp/$part" --only cer)" \
      "WER $(asr score "$exp/$part" --only wer)" \
      "CER without spaces $(asr score "$exp/$part" --only cer_no_spaces)" \
      "sWER $(asr score "$exp/$part" --only wer_respaced)" \
      "report $exp/$part/report.json"
  done
fi
