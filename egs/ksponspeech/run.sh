#!/usr/bin/env bash
# KsponSpeech: 969 hours of spontaneous Korean, fetched by hand from AI Hub (data set 123).
set -euo pipefail

stage=1
stop_stage=4
corpus=          # folder with KsponSpeech_01 to _05, KsponSpeech_eval and KsponSpeech_scripts
rules=           # --set options for the text, separated by spaces, as in "side=pronunciation"
name=base        # of the experiment
processes=1      # that train together, one for each GPU
set=             # more --set options for training, separated by spaces
. "$(dirname "$0")/../options.sh"
read_options "stage stop_stage corpus rules name processes set" "$@"
corpus=$(absolute "$corpus")
cd "$(dirname "$0")/../.."

data=egs/ksponspeech/data/$name  # holds the audio again, as FLAC: about 60 GB
exp=egs/ksponspeech/exp/$name
tests="eval_clean eval_other"

if run_stage 1 "prepare manifests in $data"; then
  asr prepare ksponspeech ${corpus:+--corpus "$corpus"} --out "$data" \
    $(each --part train dev $tests) $(each --set $rules)
fi

if run_stage 2 "train; the model goes to $exp"; then
  train_model egs/ksponspeech/conf/base.yaml --out "$exp" \
    --set data.train="$data/train.jsonl.gz" --set data.dev="$data/dev.jsonl.gz" $(each --set $set)
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
    line=$(asr score "$exp/$part" --only cer,wer,cer_no_spaces,wer_respaced)  # a failure ends the script
    echo "ksponspeech: $part $line report $exp/$part/report.json"
  done
fi
