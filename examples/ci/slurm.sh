#!/bin/sh
# Scenarios as a job array of Slurm: each task plays a share of the seeds. When all are over, `shakedown merge shard-*.json` puts them
# together: sbatch --dependency=afterany:JOB --wrap 'shakedown merge shard-*.json'
#SBATCH --job-name=shakedown
#SBATCH --array=1-8
#SBATCH --cpus-per-task=4

export SHAKEDOWN_SHARD=auto SHAKEDOWN_SEEDS=1000000
exec shakedown sim scenarios --jobs "$SLURM_CPUS_PER_TASK" --report "json=shard-$SLURM_ARRAY_TASK_ID.json"
