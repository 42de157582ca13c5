#!/usr/bin/env bash
# asr train or asr decode on the nodes of a Slurm job:
#     sbatch --nodes 2 --time 12:00:00 egs/cluster/job.sh train CONFIG.yaml --out exp/my
#     sbatch --nodes 2 egs/cluster/job.sh decode test.jsonl.gz --model exp/my --out exp/my/test
# Put the command asr on PATH before; all nodes need the same data and the same --out on a shared disk.
#SBATCH --job-name=asr
#SBATCH --ntasks-per-node=1
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:TERM@120
# Two minutes before its time is over the training saves, and the job queues again.
set -euo pipefail

ranks=${ASR_RANKS:-${SLURM_GPUS_ON_NODE:-1}}  # processes a node
restarts=${ASR_RESTARTS:-3}                   # after a process has died; a lost node requeues the job
patience=${ASR_JOIN_SECONDS:-600}             # until all nodes must be there
requeues=${ASR_REQUEUES:-3}                   # after the step was killed, as by hand or for its memory

[ -n "${SLURM_JOB_ID-}" ] || { echo "$0: is a Slurm job; submit it: sbatch $0 train ..." >&2; exit 2; }
[ $# -gt 0 ] || { echo "$0: needs a command, as in: sbatch $0 train CONFIG.yaml --out exp/my" >&2; exit 2; }
command -v torchrun >/dev/null || { echo "$0: no command torchrun; put .venv/bin on PATH" >&2; exit 2; }
first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
address=$(srun --nodes 1 --ntasks 1 --nodelist "$first" hostname)
port=$((20000 + SLURM_JOB_ID % 20000))

# torchrun 2.14 otherwise never tells a node that comes back after a failure where the first process is.
export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1

clocks=$(srun date +%s | sort -n)
apart=$((${clocks##*$'\n'} - ${clocks%%$'\n'*}))
[ "$apart" -lt 10 ] || echo "warning: the clocks of the nodes are up to $apart s apart; set them (NTP): from 15 s on" \
  "torchrun takes a node for dead and waits" >&2
echo "job $SLURM_JOB_ID, start $((${SLURM_RESTART_COUNT:-0} + 1)): asr $1 on $SLURM_JOB_NODELIST, $ranks a node" >&2
stopping=
srun --kill-on-bad-exit=0 torchrun --nnodes "$SLURM_JOB_NUM_NODES" --nproc-per-node "$ranks" \
  --max-restarts "$restarts" --rdzv-backend c10d --rdzv-id "$SLURM_JOB_ID-${SLURM_RESTART_COUNT:-0}" \
  --rdzv-endpoint "$address:$port" --rdzv-conf "join_timeout=$patience" -m asr.cli "$@" &
step=$!
trap 'stopping=yes; scancel --signal=TERM "$SLURM_JOB_ID"' TERM  # the step; of srun itself a TERM kills it
code=0
wait "$step" || code=$?
while kill -0 "$step" 2>/dev/null; do  # a signal ends `wait` before the step has saved
  code=0
  wait "$step" || code=$?
done
if [ -z "$stopping" ] && [ "$code" -gt 128 ] &&
  [ "$(squeue --noheader --jobs "$SLURM_JOB_ID" --format %T)" = RUNNING ]; then  # and not cancelled
  said="job $SLURM_JOB_ID: its step was killed (exit code $code)"
  # How often is kept in the job's comment, in place of any other: starts for other reasons do not count.
  comment=$(squeue --noheader --jobs "$SLURM_JOB_ID" --format %k | head -n 1) || true
  kills=0
  [[ "$comment" =~ ^killed\ ([0-9]+)$ ]] && kills=$((10#${BASH_REMATCH[1]}))
  if [ "$kills" -ge "$requeues" ]; then
    echo "$said, as $kills times before; to go on from what is saved, submit it again" >&2
  elif scontrol update "JobId=$SLURM_JOB_ID" "Comment=killed $((kills + 1))"; then
    echo "$said; queues again and goes on from what is saved" >&2
    scontrol requeue "$SLURM_JOB_ID"  # ends this script, too
  else
    echo "$said, and Slurm does not let it queue again; to go on from what is saved, submit it again" >&2
  fi
fi
if [ -n "$stopping" ]; then
  echo "job $SLURM_JOB_ID: asked to stop; queues again and goes on from what is saved" >&2
  scontrol requeue "$SLURM_JOB_ID" || true  # it may queue already: that, too, sends TERM
fi
exit "$code"
