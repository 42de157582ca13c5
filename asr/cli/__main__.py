"""`python -m asr.cli`, which torchrun calls."""

from asr.cli import main

if __name__ == "__main__":
    main()
