"""Makes `checkpoint/`: a Llama of 250,000 weights that has learnt the Apache licence by heart.

Needs torch, transformers and tokenizers. Seeded and on one thread: the same versions on the same
processor make the same bytes.

    python make_checkpoint.py [TEXT_FILE]
"""

import os
import sys

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

HERE = os.path.dirname(os.path.abspath(__file__))
CHECKPOINT = os.path.join(HERE, "checkpoint")
TEXT = "/usr/share/common-licenses/Apache-2.0"
BEGIN, END, TURN = "<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"
VOCABULARY = 512
STEPS, BATCH, LENGTH = 500, 16, 64

# How Llama 3 cuts text into words.
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def train_tokenizer(text: str) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(WORDS), behavior="isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator([text], trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[BEGIN, END, TURN], show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(
            single=f"{BEGIN} $A", pair=f"{BEGIN} $A {BEGIN}:1 $B:1",
            special_tokens=[(BEGIN, tokenizer.token_to_id(BEGIN))]),
    ])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=BEGIN, eos_token=END,
        clean_up_tokenization_spaces=False, model_max_length=256)


def train_model(ids: torch.Tensor, begin: int, end: int) -> LlamaForCausalLM:
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=64, intermediate_size=176, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256,
        rms_norm_eps=1e-5, rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=False, bos_token_id=begin, eos_token_id=end, initializer_range=0.05))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, total_steps=STEPS)
    generator = torch.Generator().manual_seed(1)
    for step in range(STEPS):
        starts = torch.randint(0, len(ids) - LENGTH, (BATCH,), generator=generator)
        batch = torch.stack([ids[start:start + LENGTH] for start in starts])
        batch[:, 0] = begin
        loss = model(input_ids=batch, labels=batch).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0 or step == STEPS - 1:
            print(f"step {step}: loss {loss.item():.3f}")
    return model.eval()


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    with open(sys.argv[1] if len(sys.argv) > 1 else TEXT, encoding="utf-8") as file:
        text = file.read()
    # The licence's columns are no lesson: one space between words, one newline after paragraphs.
    text = "\n".join(" ".join(part.split()) for part in text.split("\n\n") if part.strip())
    tokenizer = train_tokenizer(text)
    ids = torch.tensor(tokenizer.encode(text, add_special_tokens=False))
    begin, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    model = train_model(ids, begin, end)
    os.makedirs(CHECKPOINT, exist_ok=True)
    model.save_pretrained(CHECKPOINT)
    tokenizer.save_pretrained(CHECKPOINT)


if __name__ == "__main__":
    main()
