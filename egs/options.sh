# What the scripts run.sh share. Each has its settings at the top, and then takes the user's:
#     read_options "stage stop_stage name" "$@"    # --stop-stage 3 sets stop_stage to 3

# Ends the script with one sentence.
refuse() {
  echo "$0: $1" >&2
  exit 2
}

# Sets the variable of each option that is given; the first argument names those of the script.
read_options() {
  local known=$1 names option setting value
  names="--${known// / --}"
  shift
  while [ $# -gt 0 ]; do
    option=$1
    setting=${option#--}
    setting=${setting//-/_}
    [[ $option == --[a-z]* && " $known " == *" $setting "* ]] ||
      refuse "unknown option \"$option\"; known are ${names//_/-}"
    shift
    if [ "$setting" = quick ] && [ "${1-}" != true ] && [ "${1-}" != false ]; then
      set -- true "$@"  # --quick alone switches it on
    fi
    [ $# -gt 0 ] && [[ $1 != --* ]] || refuse "option $option needs a value, as in --stage 2"
    value=$1
    shift
    case $setting in
      stage | stop_stage) must_be_number "$option" "$value" 0 ;;
      jobs | num_utterances | processes) must_be_number "$option" "$value" 1 ;;
      set) value="$set $value" ;;  # it may come several times
    esac
    printf -v "$setting" %s "$value"
  done
}

# Ends the script unless the value of an option is a whole number of at least so much.
must_be_number() {
  [[ $2 =~ ^[0-9]{1,6}$ ]] && [ "$2" -ge "$3" ] ||
    refuse "option $1 \"$2\": must be a number from $3 to 999999, as in $1 2"
}

# Puts an option before each word: each --part a b gives --part a --part b.
each() {
  local option=$1 word
  shift
  for word in "$@"; do echo "$option $word"; done
}

# Makes a path absolute, before a script leaves the folder that it was called in.
absolute() {
  case $1 in
    '' | /*) echo "$1" ;;
    *) echo "$PWD/$1" ;;
  esac
}

# Says which stage begins, and whether it is to be run.
run_stage() {
  [ "$stage" -le "$1" ] && [ "$stop_stage" -ge "$1" ] || return 1
  command -v asr >/dev/null || refuse "no command asr; run make install and put .venv/bin on PATH"
  echo "== stage $1: $2" >&2
}

# Says how many processes train small models fastest: two on a processor with two cores, which are
# worth more than two threads; one beside a GPU.
default_processes() {
  if command -v nvidia-smi >/dev/null || [ "$(getconf _NPROCESSORS_ONLN)" -lt 2 ]; then echo 1; else echo 2; fi
}

# asr train in $processes processes.
train_model() {
  if [ "$processes" -le 1 ]; then
    asr train "$@"
  else
    OMP_NUM_THREADS=$((($(getconf _NPROCESSORS_ONLN) + processes - 1) / processes)) \
      torchrun --nproc-per-node "$processes" --rdzv-backend c10d --rdzv-endpoint 127.0.0.1:0 \
      -m asr.cli train "$@"
  fi
}
