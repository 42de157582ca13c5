"""The errors that a user can mend: the command line prints each as one line and exits with 2."""


class AsrError(Exception):
    """What is wrong, the value, the rule, where, and the way out, in one sentence."""


class ConfigError(AsrError):
    """A configuration or an option asks for something unknown or impossible."""


class DataError(AsrError):
    """Audio, text or a manifest cannot be used as it is."""


class ModelError(AsrError):
    """A model folder or a training state cannot be read or written."""
