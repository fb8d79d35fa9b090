"""What is raised where a model cannot be recorded or checked."""


class RecordError(Exception):
    """What keeps a run from being recorded; its text says what to do."""


class Unrecordable(Exception):
    """Why no layout holds a tensor, in a sentence without a full stop."""


class GoldenError(Exception):
    """What keeps a test from holding a model to its golden; its text says what to do."""
