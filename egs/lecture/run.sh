#!/usr/bin/env bash
# What the lecture notes say of recurrent networks, measured: seven claims, small corpora, two cores.
set -euo pipefail

stage=1
stop_stage=6
quick=false      # true: everything tiny, to see that all works
jobs=2           # processes at a time, one core each
. "$(dirname "$0")/../options.sh"
read_options "stage stop_stage quick jobs" "$@"
cd "$(dirname "$0")/../.."

here=egs/lecture
data=$here/data/full exp=$here/exp/full results=$here/RESULTS.md
num_utterances=1600 num_sentences=5000 trials=20
toy_flags= settings= lm_settings=
if [ "$quick" = true ]; then
  data=$here/data/quick exp=$here/exp/quick results=$here/exp/quick/RESULTS.md
  num_utterances=60 num_sentences=300 trials=4
  toy_flags=--quick
  settings="train.epochs=1 train.warmup_steps=20 train.max_dev_utterances=20"
  lm_settings=train.epochs=1
fi
mkdir -p "$exp"
export OMP_NUM_THREADS=1

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
    beside "$name" python "$here/$name.py" --out "$exp" $toy_flags
  done
  all_done
fi

if run_stage 3 "train five recognizers"; then
  for name in two_directions gru one_direction scheduled_sampling free_running; do
    beside "$name" asr train "$here/conf/$name.yaml" --out "$exp/$name" \
      --set data.train="$data/train.jsonl.gz" --set data.dev="$data/dev.jsonl.gz" $(each --set $settings)
  done
  all_done
fi

if run_stage 4 "train language models on the drawn sentences"; then
  beside lm_ngram asr train-lm "$here/conf/lm_ngram.yaml" --out "$exp/lm_ngram" \
    --tokenizer "$exp/two_directions" --text "$data/text.txt" --dev "$data/dev.jsonl.gz"
  beside lm_rnn asr train-lm "$here/conf/lm_rnn.yaml" --out "$exp/lm_rnn" \
    --tokenizer "$exp/two_directions" --text "$data/text.txt" --dev "$data/dev.jsonl.gz" \
    $(each --set $lm_settings)
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

if run_stage 6 "measure what is left and write $results"; then
  python "$here/speech.py" --data "$data" --exp "$exp"
  python "$here/results.py" --exp "$exp" --out "$results"
  echo "lecture: report $results"
fi
