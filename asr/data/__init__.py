"""Data: manifests checked and read, batches, and what `asr data` does with a corpus."""
