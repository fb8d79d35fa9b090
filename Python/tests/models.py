"""Small models with what real ones do."""

import torch
from torch import nn


class Scale(nn.Module):
    """Takes a keyword, and returns a dict with a tuple, a number and nothing."""

    def forward(self, x, *, factor, mode="plain"):
        return {"scaled": (x * factor, factor), "mode": mode, "nothing": None, "half": 0.5}


class InPlace(nn.Module):
    def forward(self, x):
        x.mul_(2)
        return x


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.scale = Scale()
        self.twice = nn.Tanh()
        self.in_place = InPlace()

    def forward(self, x):
        x = self.twice(self.linear(x))
        x = self.scale(x, factor=torch.tensor(3.0))["scaled"][0]
        return self.in_place(self.twice(x)[:, ::2])


class Model(nn.Module):
    def __init__(self, fails=False):
        super().__init__()
        torch.manual_seed(3)
        self.embed = nn.Embedding(10, 4)
        self.block = Block()
        self.fails = fails

    def forward(self, ids):
        x = self.block(self.embed(ids)[0])
        if self.fails:
            raise ArithmeticError("the model failed")
        return x
