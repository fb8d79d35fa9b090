"""Images of digits, 8 x 8: a font of 3 x 5 pixels, moved about, with noise."""

import torch

# Five rows for each digit; the bits of a row are its pixels.
FONT = ["75557", "26227", "71747", "71717", "55711", "74717", "74757", "71222", "75757", "75717"]


def glyph(digit):
    return torch.tensor([[float(int(row) >> bit & 1) for bit in (2, 1, 0)]
                         for row in FONT[digit]])


def image(digit, generator):
    pixels = 0.15 * torch.randn(8, 8, generator=generator)
    top = int(torch.randint(0, 4, (), generator=generator))
    left = int(torch.randint(0, 6, (), generator=generator))
    pixels[top:top + 5, left:left + 3] += glyph(digit)
    return pixels


def batch(count, generator):
    labels = torch.randint(0, 10, (count,), generator=generator)
    return torch.stack([image(int(label), generator) for label in labels]), labels
