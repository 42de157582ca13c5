#!/usr/bin/env bash
# CMU AN4: letters, numbers and commands of 84 speakers, less than an hour; then a language model of its text.
set -euo pipefail

stage=1
stop_stage=6
corpus=          # the folder that holds an4/etc and an4/wav; empty: an4 in ASR_TEST_CORPORA
conf=default     # a file in conf/
name=            # of the experiment; empty: conf
processes=1      # that train together
set=             # more --set options for training, separated by spaces
. "$(dirname "$0")/../options.sh"
read_options "stage stop_stage corpus conf name processes set" "$@"
corpus=$(absolute "$corpus")
cd "$(dirname "$0")/../.."

corpus=${corpus:-$(absolute "${ASR_TEST_CORPORA:-../shared/corpora}/an4")}
data=egs/an4/data
exp=egs/an4/exp/${name:-$conf}

if run_stage 1 "prepare manifests from $corpus in $data"; then
  asr prepare an4 --corpus "$corpus" --out "$data"
fi

if run_stage 2 "train on train recordings; the model goes to $exp"; then
  train_model "egs/an4/conf/$conf.yaml" --out "$exp" \
    --set data.train="$data/train.jsonl.gz" --set data.dev="$data/dev.jsonl.gz" $(each --set $set)
fi

if run_stage 3 "a language model of the training text; its weight is chosen on dev"; then
  asr train-lm egs/an4/conf/lm_ngram.yaml --out "$exp/lm" --tokenizer "$exp" \
    --text "$data/train.jsonl.gz" --dev "$data/dev.jsonl.gz"
  asr tune "$data/dev.jsonl.gz" --model "$exp" --lm "$exp/lm" --out "$exp/tuned"
fi

if run_stage 4 "recognize the test recordings, without the language model"; then
  asr decode "$data/test.jsonl.gz" --model "$exp" --out "$exp/test"
fi

if run_stage 5 "recognize them with it"; then
  asr decode "$data/test.jsonl.gz" --model "$exp" --lm "$exp/lm" --search "$exp/tuned/search.yaml" \
    --out "$exp/test-lm"
fi

if run_stage 6 "score both"; then
  asr score "$exp/test"
  asr score "$exp/test-lm"
  alone=$(asr score "$exp/test" --only cer,wer)  # by itself: a failure ends the script
  lm=$(asr score "$exp/test-lm" --only cer,wer)
  echo "an4: $alone with a language model $lm report $exp/test/report.json"
fi
