# The same in PyTorch.
import argparse
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

length, width = 64, 256


class GRU(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, 64)
        nn.init.normal_(self.tokens.weight, std=64**-0.5)
        self.gru = nn.GRU(64, width, batch_first=True)
        self.logits = nn.Linear(width, vocabulary)

    def forward(self, x):  # [B, T]
        x, _ = self.gru(self.tokens(x))
        return self.logits(x)


parser = argparse.ArgumentParser()
parser.add_argument("file")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--steps", type=int, default=300)
args = parser.parse_args()
torch.manual_seed(args.seed)
plays = open(args.file).read()
characters = sorted(set(plays))
numbers = {c: i for i, c in enumerate(characters)}
tokens = torch.tensor([numbers[c] for c in plays])
training, validation = tokens[: len(tokens) // 10 * 9], tokens[len(tokens) // 10 * 9 :]

model = GRU(len(characters))
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
rate = lambda step: min(1, (step + 1) / 50) * 0.5 * (1 + math.cos(math.pi * min(1, max(0, step - 50) / (args.steps - 50))))
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
for step in range(args.steps):
    places = torch.randint(len(training) - length, (32,))
    x = torch.stack([training[p : p + length] for p in places])
    y = torch.stack([training[p + 1 : p + length + 1] for p in places])
    loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()

model.eval()
with torch.no_grad():
    text = torch.zeros(1, 1, dtype=torch.long)
    for _ in range(200):
        p = torch.softmax(model(text[:, -length:])[0, -1] / 0.8, 0)
        text = torch.cat([text, torch.multinomial(p, 1)[None]], 1)
    print("".join(characters[i] for i in text[0]))
    n = (len(validation) - 1) // length
    x, y = validation[: n * length].view(n, length), validation[1 : n * length + 1].view(n, length)
    losses = [F.cross_entropy(model(a).flatten(0, 1), b.flatten(), reduction="sum") for a, b in zip(x.split(32), y.split(32))]
    print(f"validation loss {sum(losses).item() / (n * length):.4f}")
