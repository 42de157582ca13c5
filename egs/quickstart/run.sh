#!/usr/bin/env bash
# From nothing to a recognizer: synthetic speech, training, decoding, scoring, transcription.
set -euo pipefail

stage=1
stop_stage=5
language=en      # en or ko
conf=            # a file in conf/; empty: default, or korean for ko
name=            # of the experiment; empty: language and conf
quick=false      # true: a few utterances and two epochs, to see that all works
num_utterances=1600
processes=       # that train together; empty: two, or one beside a GPU
set=             # more --set options for training, separated by spaces
. "$(dirname "$0")/../options.sh"
read_options "stage stop_stage language conf name quick num_utterances processes set" "$@"
cd "$(dirname "$0")/../.."

data=egs/quickstart/data/$language
if [ -z "$conf" ]; then
  conf=default
  [ "$language" != ko ] || conf=korean
fi
if [ "$quick" = true ]; then
  num_utterances=200
  data=egs/quickstart/data/quick-$language
  set="train.epochs=2 train.warmup_steps=20 $set"
fi
processes=${processes:-$(default_processes)}
[ "$processes" -le 1 ] || set="data.batch_seconds=20 $set"  # for each of them
exp=egs/quickstart/exp/${name:-$(basename "$data")-$conf}

if run_stage 1 "speak $num_utterances training utterances with eSpeak NG into $data"; then
  [ -f "$data/test.jsonl.gz" ] ||
    asr prepare synthetic --language "$language" --num-utterances "$num_utterances" --out "$data"
fi

if run_stage 2 "train; the model goes to $exp"; then
  train_model "egs/quickstart/conf/$conf.yaml" --out "$exp" \
    --set data.train="$data/train.jsonl.gz" --set data.dev="$data/dev.jsonl.gz" $(each --set $set)
fi

if run_stage 3 "recognize the test set, whose voices and sentences training never saw"; then
  asr decode "$data/test.jsonl.gz" --model "$exp" --out "$exp/test"
fi

if run_stage 4 "score it; the report goes to $exp/test/report.md"; then
  asr score "$exp/test"
fi

if run_stage 5 "transcribe one file"; then
  file=$(find "$data/wav/test" -name '*.wav' | sort | sed -n 1p)  # head would break the pipe
  echo "asr transcribe $file --model $exp" >&2
  asr transcribe "$file" --model "$exp"
  if [ "$language" = ko ]; then
    line=$(asr score "$exp/test" --only cer_no_spaces,wer_respaced,jer)  # a failure ends the script
    echo "demo: $line"
  fi
  line=$(asr score "$exp/test" --only cer,wer)
  echo "demo: $line report $exp/test/report.json"
fi
