#!/usr/bin/env bash
# LibriSpeech: --conf mini (Mini LibriSpeech, or a part with id lists), 100h or 960h.
set -euo pipefail

stage=1
stop_stage=4
conf=mini        # mini, 100h or 960h
corpus=          # folder with LibriSpeech/; empty: for mini ASR_TEST_CORPORA if it has one; else download
name=            # of the experiment; empty: conf
processes=       # that train together; empty: for mini two, or one beside a GPU; else one
set=             # more --set options for training, separated by spaces
. "$(dirname "$0")/../options.sh"
read_options "stage stop_stage conf corpus name processes set" "$@"
corpus=$(absolute "$corpus")
cd "$(dirname "$0")/../.."

data=egs/librispeech/data/$conf
exp=egs/librispeech/exp/${name:-$conf}
case $conf in
  mini) train=train-clean-5; dev=dev-clean-2; tests="dev-clean-2 test-clean"
        parts="train-clean-5 dev-clean-2 test-clean" ;;
  100h) train=train-clean-100; dev=dev-clean; tests="test-clean test-other"
        parts="train-clean-100 dev-clean dev-other test-clean test-other" ;;
  960h) train=train; dev=dev-clean; tests="test-clean test-other"
        parts="train-clean-100 train-clean-360 train-other-500 dev-clean dev-other test-clean test-other" ;;
  *) refuse "--conf $conf is unknown; known are mini, 100h and 960h" ;;
esac
if [ "$conf" = mini ]; then
  processes=${processes:-$(default_processes)}
  [ "$processes" -le 1 ] || set="data.batch_seconds=20 $set"  # for each of them
  local_copy=$(absolute "${ASR_TEST_CORPORA:-../shared/corpora}")
  [ -n "$corpus" ] || [ ! -d "$local_copy/LibriSpeech" ] || corpus=$local_copy
  if [ -n "$corpus" ] && ! [ -d "$corpus/LibriSpeech/test-clean" ] && ! [ -d "$corpus/test-clean" ]; then
    parts="train-clean-5 dev-clean-2"; tests=dev-clean-2  # Mini LibriSpeech has no set to test on
  fi
fi
if [ -n "$corpus" ] && [ -f "$corpus/LibriSpeech/train.ids" ]; then  # one part, split by its lists
  parts=; train=train; dev=dev; tests=test
fi

if run_stage 1 "prepare manifests in $data"; then
  if [ -n "$corpus" ]; then from=(--corpus "$corpus"); else from=(--download); fi
  asr prepare librispeech --out "$data" "${from[@]}" $(each --part $parts)
  if [ "$conf" = 960h ]; then
    cat "$data"/train-*.jsonl.gz > "$data/train.jsonl.gz"  # gzip files may be joined
  fi
fi

if run_stage 2 "train; the model goes to $exp"; then
  processes=${processes:-1}
  train_model "egs/librispeech/conf/$conf.yaml" --out "$exp" \
    --set data.train="$data/$train.jsonl.gz" --set data.dev="$data/$dev.jsonl.gz" $(each --set $set)
fi

if run_stage 3 "recognize $tests"; then
  for part in $tests; do
    asr decode "$data/$part.jsonl.gz" --model "$exp" --out "$exp/$part"
  done
fi

if run_stage 4 "score"; then
  for part in $tests; do
    note=
    [ "$part" != "$dev" ] || note="the weights were chosen on this set, so its error rates flatter"
    asr score "$exp/$part" --note "$note"
    line=$(asr score "$exp/$part" --only wer,cer)  # by itself: a failure ends the script
    echo "librispeech: $part${note:+ ($note)} $line report $exp/$part/report.json"
  done
fi
