"""Records what every module of a PyTorch model computed, for Assay to compare and replay.

    import assay_torch

    with assay_torch.record(model, {"output_dir": "runs"}) as run:
        model(x)
    print(run.paths)
"""

import sys

try:
    from assay_torch.configuration import Configuration
    from assay_torch.errors import RecordError
    from assay_torch.provenance import model_hash
    from assay_torch.recording import Recording, record
except KeyboardInterrupt:  # torch takes seconds to load
    if sys.argv[:1] == ["-m"]:
        sys.exit(130)
    raise
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise ImportError('the recorder needs PyTorch, which is not installed: '
                      'pip install "assay-torch[torch]"', name="torch") from None

__all__ = ["Configuration", "RecordError", "Recording", "model_hash", "record"]
