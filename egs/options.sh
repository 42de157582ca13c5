# Sourced by run.sh: turns --name value into a variable that run.sh has already set. Where that is
# true or false, --name alone makes it true.
while [ $# -gt 0 ]; do
  option_=${1#--}
  option_=${option_//-/_}
  if [ "$1" = "${1#--}" ] || [ -z "${!option_+set}" ]; then
    echo "$0: unknown option $1; known are the variables at its top, as in --stage 2" >&2
    exit 2
  fi
  case ${!option_}:${2-} in
    true:--* | false:--* | true: | false:) set -- "$1" true "${@:2}" ;;
  esac
  [ $# -ge 2 ] || { echo "$0: option $1 needs a value" >&2; exit 2; }
  printf -v "$option_" '%s' "$2"
  shift 2
done

# Makes a path that was given relative to the caller's folder absolute.
from_caller() {
  case ${!1} in
    '' | /*) ;;
    *) printf -v "$1" '%s' "$caller/${!1}" ;;
  esac
}

# Says which stage begins, and whether it is to be run.
run_stage() {
  [ "$stage" -le "$1" ] && [ "$stop_stage" -ge "$1" ] || return 1
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
