"""Records one forward of a sentence encoder, module by module.

    python record.py CHECKPOINT GOLDEN.h5 DTYPE ATTENTION
"""

import sys

import torch
import transformers

import assay_torch

TEXTS = ["The report names the module.", "A port that computes something else is caught."]


def main():
    checkpoint, golden, dtype, attention = sys.argv[1:]
    torch.manual_seed(0)
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    model = transformers.AutoModel.from_pretrained(
        checkpoint, dtype=getattr(torch, dtype), attn_implementation=attention).eval()
    inputs = tokenizer(TEXTS, padding=True, return_tensors="pt")
    provenance = {"model_hash": assay_torch.model_hash(checkpoint)}
    with assay_torch.record(model, golden=golden, provenance=provenance), torch.no_grad():
        model(**inputs)


if __name__ == "__main__":
    main()
