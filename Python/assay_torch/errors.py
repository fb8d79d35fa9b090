class RecordError(Exception):
    """What keeps a run from being recorded; its text says what to do."""
