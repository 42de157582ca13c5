#!/usr/bin/env bash
# What the lecture notes say of recurrent networks, measured: seven claims, small corpora, two cores.
set -euo pipefail
cd "$(dirname "$0")/../.."

stage=1
stop_stage=6
quick=false      # true: everything tiny, to see that all works
jobs=2           # processes at a time, one core each
. egs/options.sh

here=egs/lecture
export OMP_NUM_THREADS=1
num_utterances=1600 num_sentences=5000 trials=20 tag=full
flags=() settings=() lm_settings=()
if [ "$quick" = true ]; then
  num_utterances=60 num_sentences=300 trials=4 tag=quick
  flags=(--quick)
  settings=(--set train.epochs=1 --set train.warmup_steps=20 --set train.max_dev_utterances=20)
  lm_settings=(--set train.epochs=1)
fi
data=$here/data/$tag
exp=$here/exp/$tag
mkdir -p "$exp"
need_asr

# Runs a command beside the others, at most $jobs at a time; its output goes to a log.
beside() {
  while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || { cat "$exp"/*.log >&2; exit 1; }; done
  local log=$exp/$1.log
  shift
  echo "$* > $log" >&2
  "$@" > "$log" 2>&1 &
}
# Waits for all of them; the first failure ends the run.
all_done() {
  while [ "$(jobs -rp | wc -l)" -gt 0 ]; do wait -n || { tail -n 5 "$exp"/*.log >&2; exit 1; }; done
}

if run_stage 1 "speak the quickstart's sentences into $data, and draw more of them as text"; then
  [ -f "$data/test.jsonl.gz" ] || asr prepare synthetic --num-utterances "$num_utterances" --out "$data"
  python "$here/sentences.py" --data "$data" --count "$num_sentences" --out "$data/text.txt"
fi

if run_stage 2 "toy tasks: memory, gradients, truncation"; then
  for name in memory gradients truncation; do
    beside "$name" python "$here/$name.py" --out "$exp" ${flags[@]+"${flags[@]}"}
  done
  all_done
fi

if run_stage 3 "train five recognizers"; then
  for name in two_directions gru one_direction scheduled_sampling free_running; do
    beside "$name" asr train "$here/conf/$name.yaml" --out "$exp/$name" \
      --set data.train="$data/train.jsonl.gz" --set data.dev="$data/dev.jsonl.gz" ${settings[@]+"${settings[@]}"}
  done
  all_done
fi

if run_stage 4 "train language models on the drawn sentences"; then
  for kind in ngram rnn; do
    beside "lm_$kind" asr train-lm "$here/conf/lm_$kind.yaml" --out "$exp/lm_$kind" \
      --tokenizer "$exp/two_directions" --text "$data/text.txt" --dev "$data/dev.jsonl.gz" \
      $([ "$kind" = ngram ] || echo ${lm_settings[@]+"${lm_settings[@]}"})
  done
  all_done
fi

if run_stage 5 "choose weights on the dev set, then recognize and score the test set"; then
  for name in two_directions gru one_direction scheduled_sampling free_running; do
    beside "decode_$name" asr decode "$data/test.jsonl.gz" --model "$exp/$name" --out "$exp/$name/test"
  done
  all_done
  model=$exp/two_directions
  beside tune_none asr tune --model "$model" "$data/dev.jsonl.gz" --trials "$trials" --out "$exp/lm/none"
  beside tune_ngram asr tune --model "$model" "$data/dev.jsonl.gz" --trials "$trials" --out "$exp/lm/ngram" \
    --lm "$exp/lm_ngram"
  beside tune_rnn asr tune --model "$model" "$data/dev.jsonl.gz" --trials "$trials" --out "$exp/lm/rnn" \
    --lm "$exp/lm_rnn"
  beside tune_both asr tune --model "$model" "$data/dev.jsonl.gz" --trials "$trials" --out "$exp/lm/both" \
    --lm "$exp/lm_ngram" --lm "$exp/lm_rnn"
  all_done
  beside lm_none asr decode "$data/test.jsonl.gz" --model "$model" --out "$exp/lm/none" \
    --search "$exp/lm/none/search.yaml"
  beside lm_ngram_decode asr decode "$data/test.jsonl.gz" --model "$model" --out "$exp/lm/ngram" \
    --lm "$exp/lm_ngram" --search "$exp/lm/ngram/search.yaml"
  beside lm_rnn_decode asr decode "$data/test.jsonl.gz" --model "$model" --out "$exp/lm/rnn" \
    --lm "$exp/lm_rnn" --search "$exp/lm/rnn/search.yaml"
  beside lm_both_decode asr decode "$data/test.jsonl.gz" --model "$model" --out "$exp/lm/both" \
    --lm "$exp/lm_ngram" --lm "$exp/lm_rnn" --search "$exp/lm/both/search.yaml"
  all_done
fi

results=$here/RESULTS.md
[ "$quick" = false ] || results=$exp/RESULTS.md
if run_stage 6 "measure what is left and write $results"; then
  python "$here/speech.py" --data "$data" --exp "$exp"
  python "$here/results.py" --exp "$exp" --out "$results"
  echo "lecture: report $results"
fi
