# The same in PyTorch.
import argparse
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

before = 5

parser = argparse.ArgumentParser()
parser.add_argument("file")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--steps", type=int, default=3000)
args = parser.parse_args()
torch.manual_seed(args.seed)
random.seed(args.seed)


def letters(names):
    x, y = [], []
    for name in names:
        window = [0] * before
        for c in name + "`":  # the character before a
            next = ord(c) - ord("a") + 1
            x.append(window)
            y.append(next)
            window = window[1:] + [next]
    return torch.tensor(x), torch.tensor(y)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.letters = nn.Embedding(27, 16)
        nn.init.normal_(self.letters.weight, std=0.25)
        self.hidden = nn.Linear(before * 16, 128)
        self.logits = nn.Linear(128, 27)

    def forward(self, x):
        return self.logits(torch.tanh(self.hidden(self.letters(x).flatten(1))))


names = open(args.file).read().split()
random.shuffle(names)
x, y = letters(names[:29000])
validation_x, validation_y = letters(names[29000:])
model = MLP()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps)
order = []
for step in range(args.steps):
    if not order:
        order = list(torch.randperm(len(x)).split(256))[:-1]
    places = order.pop()
    loss = F.cross_entropy(model(x[places]), y[places])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()

with torch.no_grad():
    for _ in range(10):
        name = [0] * before
        while len(name) == before or name[-1]:
            p = torch.softmax(model(torch.tensor([name[-before:]]))[0], 0)
            name.append(torch.multinomial(p, 1).item())
        print("".join(chr(ord("a") + c - 1) for c in name[before:-1]))
    print(f"validation loss {F.cross_entropy(model(validation_x), validation_y).item():.4f}")
