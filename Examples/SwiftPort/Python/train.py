"""Makes `Golden/digit-reader/checkpoint/model.safetensors`. Needs torch and safetensors.

    python Python/train.py
"""

import os

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

import digits
from digit_reader import DigitReader

HERE = os.path.dirname(os.path.abspath(__file__))
CHECKPOINT = os.path.join(HERE, "../Golden/digit-reader/checkpoint")
STEPS = 1500


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(1)
    model = DigitReader()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, total_steps=STEPS)
    for step in range(STEPS):
        images, labels = digits.batch(64, generator)
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        images, labels = digits.batch(1000, generator)
        right = (model(images).argmax(-1) == labels).float().mean()
    print(f"loss {loss.item():.3f}, {right:.1%} of 1000 new digits read")
    os.makedirs(CHECKPOINT, exist_ok=True)
    save_file(model.state_dict(), os.path.join(CHECKPOINT, "model.safetensors"))


if __name__ == "__main__":
    main()
