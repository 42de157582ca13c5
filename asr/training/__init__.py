"""Training: the parts of an experiment that `asr/train.py` puts together."""
