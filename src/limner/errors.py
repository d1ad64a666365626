"""The tree of errors that Limner raises.

LimnerError                 everything below; its text is one line that says what would be right
├── UsageError              what was asked cannot be done as asked (command exit code 2)
│   └── RequestError        a field of a `Request` is out of its range
├── CheckpointError         a model folder or file is missing, broken, or does not match
├── DataError               a data set cannot be read or built
├── TrainingError           a training cannot start, continue, or has diverged
├── NumericsError           a stage of painting produced NaN or infinity
└── OutputError             a result cannot be written
"""


class LimnerError(Exception):
    """Base of every error that Limner raises on purpose."""


class UsageError(LimnerError, ValueError):
    """What was asked cannot be done as asked."""


class RequestError(UsageError):
    """A field of a request is out of its range."""


class CheckpointError(LimnerError):
    """A model folder or file is missing, broken, or does not match its description."""


class DataError(LimnerError):
    """A data set cannot be read or built."""


class TrainingError(LimnerError):
    """A training cannot start, cannot continue, or has diverged."""


class NumericsError(LimnerError):
    """A stage of painting produced NaN or infinity."""


class OutputError(LimnerError):
    """A result cannot be written."""
