# Sourced by run.sh: turns --name value into a variable that run.sh has already set. Where that is
# true or false, --name alone makes it true; where it is a number, so must the value be.
# Names that end with _ are this file's own: no option is spelt like that.
refuse_() {
  echo "$0: $1" >&2
  exit 2
}

chosen_=()  # name=value; all are assigned at the end, since a default tells what a value may be
while [ $# -gt 0 ]; do
  spelling_='^--[a-z]+([-_][a-z]+)*$'  # ESPnet's users write --stop_stage
  option_=${1#--}
  option_=${option_//-/_}
  if ! [[ $1 =~ $spelling_ ]] || [ -z "${!option_+set}" ] || [ "$option_" = caller ]; then
    refuse_ "unknown option \"$1\"; known are the variables at its top, as in --stage 2"
  fi
  spelling_='^declare -[a-zA-Z]*x'
  if [[ $(declare -p "$option_") =~ $spelling_ ]]; then
    refuse_ "option $1: the environment exports a variable $option_; unset $option_ first"
  fi
  case $option_:${!option_} in
    *:true | *:false)
      { [ $# -ge 2 ] && [ "$2" = "${2#--}" ]; } || set -- "$1" true "${@:2}"
      spelling_='^(true|false)$' rule_='true or false' ;;
    processes:*) spelling_='^([1-9][0-9]{0,5})?$' rule_='a number from 1 to 999999, or empty' ;;
    stage:* | stop_stage:*) spelling_='^[0-9]{1,6}$' rule_='a number from 0 to 999999' ;;
    *: | *:*[!0-9]*) spelling_='^.*$' rule_= ;;
    *) spelling_='^[1-9][0-9]{0,5}$' rule_='a number from 1 to 999999' ;;
  esac
  { [ $# -ge 2 ] && [ "$2" = "${2#--}" ]; } || refuse_ "option $1 needs a value, as in --stage 2"
  [[ $2 =~ $spelling_ ]] || refuse_ "option $1 \"$2\": must be $rule_, as in $1 ${!option_:-2}"
  chosen_+=("$option_=$2")
  shift 2
done
for option_ in ${chosen_[@]+"${chosen_[@]}"}; do
  printf -v "${option_%%=*}" '%s' "${option_#*=}"
done

# Makes a path that was given relative to the caller's folder absolute.
from_caller() {
  case ${!1} in
    '' | /*) ;;
    *) printf -v "$1" '%s' "$caller/${!1}" ;;
  esac
}

# Adds --set options for training to the array settings.
add_settings() {
  local setting
  for setting in "$@"; do settings+=(--set "$setting"); done
}

# Ends the script where there is no command asr.
need_asr() {
  command -v asr >/dev/null || refuse_ "no command asr; run make install and put .venv/bin on PATH"
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
