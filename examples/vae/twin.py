# The same in PyTorch.
import argparse
import gzip

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

code = 8

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--epochs", type=int, default=40)
args = parser.parse_args()
torch.manual_seed(args.seed)


def read(name):
    table = np.loadtxt(gzip.open(f"{args.folder}/optdigits.{name}.gz"), delimiter=",")
    return torch.tensor(table[:, :64] / 16, dtype=torch.float32)


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(64, 128)
        self.mean = nn.Linear(128, code)
        self.logvar = nn.Linear(128, code)
        self.decoder = nn.Sequential(nn.Linear(code, 128), nn.ReLU(), nn.Linear(128, 64))

    def forward(self, x):
        h = F.relu(self.hidden(x))
        mean, logvar = self.mean(h), self.logvar(h)
        z = mean + torch.randn_like(mean) * torch.exp(logvar / 2)
        return self.decoder(z), mean, logvar


def bound(model, x):
    logits, mean, logvar = model(x)
    entropy = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
    kl = (mean**2 + logvar.exp() - logvar - 1).sum(1) / 2
    return (entropy + kl).mean()


training, test = read("tra"), read("tes")
model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(args.epochs):
    for places in torch.randperm(len(training)).split(64)[:-1]:
        loss = bound(model, training[places])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

with torch.no_grad():
    samples = torch.sigmoid(model.decoder(torch.randn(30, code))).view(30, 8, 8)
    for rows in samples[:3]:
        print("\n".join("".join(" .:*#"[min(4, int(5 * p))] for p in row) for row in rows))
    print(f"test loss {bound(model, test).item():.3f} nats a digit")
