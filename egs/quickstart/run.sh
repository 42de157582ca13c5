#!/usr/bin/env bash
# From nothing to a recognizer: synthetic speech, training, decoding, scoring, transcription.
set -euo pipefail
cd "$(dirname "$0")/../.."

stage=1
stop_stage=5
language=en      # en or ko
conf=            # a file in conf/; empty: default, or korean for ko
name=            # of the experiment; empty: language and conf
quick=false      # true: a few utterances and two epochs, to see that all works
num_utterances=1600
processes=       # that train together; empty: two, or one beside a GPU
set=             # more --set options for training, separated by spaces
. egs/options.sh

here=egs/quickstart
if [ -z "$conf" ]; then
  conf=default
  [ "$language" != ko ] || conf=korean
fi
processes=${processes:-$(default_processes)}
settings=()
[ "$processes" -le 1 ] || settings+=(--set data.batch_seconds=20)  # for each of them
if [ "$quick" = true ]; then
  num_utterances=200
  language_name=quick-$language
  settings+=(--set train.epochs=2 --set train.warmup_steps=20)
else
  language_name=$language
fi
add_settings $set
data=$here/data/$language_name
exp=$here/exp/${name:-$language_name-$conf}
need_asr

if run_stage 1 "speak $num_utterances training utterances with eSpeak NG into $data"; then
  [ -f "$data/test.jsonl.gz" ] ||
    asr prepare synthetic --language "$language" --num-utterances "$num_utterances" --out "$data"
fi

if run_stage 2 "train; the model goes to $exp"; then
  train_model "$here/conf/$conf.yaml" --out "$exp" \
    --set data.train="$data/train.jsonl.gz" --set data.dev="$data/dev.jsonl.gz" ${settings[@]+"${settings[@]}"}
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
    echo "demo: CER without spaces $(asr score "$exp/test" --only cer_no_spaces)" \
      "sWER $(asr score "$exp/test" --only wer_respaced) jamo $(asr score "$exp/test" --only jer)"
  fi
  echo "demo: CER $(asr score "$exp/test" --only cer) WER $(asr score "$exp/test" --only wer)" \
    "report $exp/test/report.json"
fi
