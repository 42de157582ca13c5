#!/usr/bin/env bash
# LibriSpeech: --conf mini (Mini LibriSpeech, or a part with id lists), 100h or 960h.
set -euo pipefail
caller=$PWD
cd "$(dirname "$0")/../.."

stage=1
stop_stage=4
conf=mini        # mini, 100h or 960h
corpus=          # folder with LibriSpeech/; empty: ASR_TEST_CORPORA if it has one, else download
name=            # of the experiment; empty: conf
processes=       # that train together; empty: for mini two, or one beside a GPU; else one
set=             # more --set options for training, separated by spaces
. egs/options.sh
from_caller corpus

here=egs/librispeech
exp=$here/exp/${name:-$conf}
data=$here/data/$conf
local_copy=$(realpath -m "${ASR_TEST_CORPORA:-../shared/corpora}")
settings=()
if [ "$conf" = mini ]; then
  processes=${processes:-$(default_processes)}
  [ "$processes" -le 1 ] || settings+=(--set data.batch_seconds=20)  # for each of them
fi
processes=${processes:-1}
add_settings $set
need_asr

if [ -z "$corpus" ] && [ "$conf" = mini ] && [ -d "$local_copy/LibriSpeech" ]; then
  corpus=$local_copy
fi
case $conf in
  mini) parts="train-clean-5 dev-clean-2"; train=train-clean-5; dev=dev-clean-2; tests=dev-clean-2 ;;
  100h) parts="train-clean-100 dev-clean dev-other test-clean test-other"
        train=train-clean-100; dev=dev-clean; tests="test-clean test-other" ;;
  960h) parts="train-clean-100 train-clean-360 train-other-500 dev-clean dev-other test-clean test-other"
        train=train; dev=dev-clean; tests="test-clean test-other" ;;
  *) echo "$0: --conf $conf is unknown; known are mini, 100h and 960h" >&2; exit 2 ;;
esac
if [ -n "$corpus" ] && [ -f "$corpus/LibriSpeech/train.ids" ]; then  # one part, split by its lists
  parts=; train=train; dev=dev; tests=test
fi

if run_stage 1 "prepare manifests in $data"; then
  options=()
  for part in $parts; do options+=(--part "$part"); done
  if [ -n "$corpus" ]; then options+=(--corpus "$corpus"); else options+=(--download); fi
  asr prepare librispeech --out "$data" ${options[@]+"${options[@]}"}
  if [ "$conf" = 960h ]; then
    cat "$data"/train-*.jsonl.gz > "$data/train.jsonl.gz"  # gzip files may be joined
  fi
fi

if run_stage 2 "train; the model goes to $exp"; then
  train_model "$here/conf/$conf.yaml" --out "$exp" \
    --set data.train="$data/$train.jsonl.gz" --set data.dev="$data/$dev.jsonl.gz" ${settings[@]+"${settings[@]}"}
fi

if run_stage 3 "recognize $tests"; then
  for part in $tests; do
    asr decode "$data/$part.jsonl.gz" --model "$exp" --out "$exp/$part"
  done
fi

if run_stage 4 "score"; then
  for part in $tests; do
    asr score "$exp/$part"
    echo "librispeech: $part WER $(asr score "$exp/$part" --only wer)" \
      "CER $(asr score "$exp/$part" --only cer) report $exp/$part/report.json"
  done
fi
