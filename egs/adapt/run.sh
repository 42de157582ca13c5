#!/usr/bin/env bash
# Models adapted to other speech, each beside one from nothing on the same data in the same minutes.
set -euo pipefail

stage=1
stop_stage=3
english=egs/quickstart/exp/en-default  # the model that egs/quickstart/run.sh makes
korean=egs/quickstart/exp/ko-korean    # the same of --language ko; its test voices are the new ones
sets="fsdd an4 voices"
seeds="1 2 3"
set=             # more --set options for both trainings, separated by spaces
. "$(dirname "$0")/../options.sh"
read_options "stage stop_stage english korean sets seeds set" "$@"
english=$(absolute "$english")
korean=$(absolute "$korean")
cd "$(dirname "$0")/../.."

corpora=$(absolute "${ASR_TEST_CORPORA:-../shared/corpora}")
data=egs/adapt/data
exp=egs/adapt/exp

# Which model a set's speech is for, and where the set lies.
model_of() { if [ "$1" = voices ]; then echo "$korean"; else echo "$english"; fi; }
data_of() { if [ "$1" = voices ]; then echo "$data/voices/test.jsonl.gz"; else echo "$data/$1"; fi; }

if run_stage 1 "prepare the speech to adapt to, in $data"; then
  for part in $sets; do
    case $part in
      voices) asr prepare synthetic --language ko --num-utterances 100 --out "$data/voices" ;;
      *) asr prepare "$part" --corpus "$corpora/$part" --out "$data/$part" ;;
    esac
  done
fi

if run_stage 2 "adapt, and train from nothing, with seeds $seeds; the models go to $exp"; then
  for part in $sets; do
    for seed in $seeds; do
      out=$exp/$part-$seed
      code=0
      asr adapt "$(model_of "$part")" --data "$(data_of "$part")" --out "$out" --seed "$seed" \
        --set seed="$seed" $(each --set $set) || code=$?
      [ "$code" -eq 0 ] || [ "$code" -eq 3 ] || [ "$code" -eq 4 ] || exit "$code"
      options=$(python egs/adapt/table.py options "$out" "$(model_of "$part")")
      asr train "$out/config.yaml" --out "$out-nothing" $(each --set $options) $(each --set $set)
      asr decode "$out/data/held_out.jsonl.gz" --model "$out-nothing" --out "$out-nothing/held_out"
    done
  done
fi

if run_stage 3 "the table"; then
  python egs/adapt/table.py table "$exp" $sets
fi
