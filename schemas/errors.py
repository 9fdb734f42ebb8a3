"""The errors that kilopair raises on purpose, all printed as one line without a traceback.

KilopairError               exit code 1
├── UsageError              2   the recipe or the command line is wrong
│   └── RecipeError             a key or value of the recipe
├── InputError              3   documents, pairs or a model cannot be used as given
├── EndpointError           4   the endpoint is unreachable, refuses the key, or lacks the model
├── WorkspaceError          5   the workspace is in use, damaged, or not what the command needs
└── TrainingError           6   training would be, or became, worthless; says which rows or steps

A message says what is wrong in the user's words and values and what to do about it: one line, lower case, no full stop.
One bad *record* is never an exception (it is a `Dropped`); one bad *run* is.
"""


class KilopairError(Exception):
    """Base of every error that is the user's to solve; anything else is a bug of kilopair."""

    exit_code = 1


class UsageError(KilopairError):
    """The command line or the recipe asks for something that does not exist."""

    exit_code = 2


class RecipeError(UsageError):
    """A key or a value of the recipe is wrong."""


class InputError(KilopairError):
    """Documents, pairs or a model cannot be used as they are."""

    exit_code = 3


class EndpointError(KilopairError):
    """The endpoint is unreachable, refuses the key, or does not have the model."""

    exit_code = 4


class WorkspaceError(KilopairError):
    """The workspace is in use by another run, damaged, or lacks what the command needs."""

    exit_code = 5


class TrainingError(KilopairError):
    """Training would be, or became, worthless."""

    exit_code = 6
