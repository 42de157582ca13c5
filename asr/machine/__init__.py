"""The machine: devices, ranks of a distributed run, threads, and `asr doctor`."""
