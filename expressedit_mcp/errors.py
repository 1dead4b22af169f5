"""The exceptions of expressedit_mcp. Each message says what was wrong and what to do next."""


class ExpressEditError(Exception):
    """Base of every error whose text is meant for the caller."""


class InputError(ExpressEditError):
    """An argument, picture, path or region cannot be used."""


class ModelError(ExpressEditError):
    """The model directory is missing, incomplete or of the wrong kind."""


class Cancelled(ExpressEditError):
    """The work was stopped by its caller; nothing was written."""
