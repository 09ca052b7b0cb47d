# The same in PyTorch.
import argparse
import gzip

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

noise = 16

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--epochs", type=int, default=60)
args = parser.parse_args()
torch.manual_seed(args.seed)


def read(name):
    table = np.loadtxt(gzip.open(f"{args.folder}/optdigits.{name}.gz"), delimiter=",")
    return torch.tensor(table[:, :64] / 16, dtype=torch.float32)


def network(inputs, outputs):
    hidden = [nn.Linear(inputs, 128), nn.LeakyReLU(0.2), nn.Linear(128, 128), nn.LeakyReLU(0.2)]
    return nn.Sequential(*hidden, nn.Linear(128, outputs))


def energy(x, y):
    def mean(a, b):
        return torch.cdist(a, b).mean()

    return 2 * mean(x, y) - mean(x, x) - mean(y, y)


training, test = read("tra"), read("tes")
painter = nn.Sequential(network(noise, 64), nn.Sigmoid())
critic = network(64, 1)
painter_optimizer = torch.optim.Adam(painter.parameters(), lr=5e-4, betas=(0.5, 0.999))
critic_optimizer = torch.optim.Adam(critic.parameters(), lr=5e-4, betas=(0.5, 0.999))
for epoch in range(args.epochs):
    for places in torch.randperm(len(training)).split(64)[:-1]:
        made = painter(torch.randn(64, noise))
        critic_loss = (F.softplus(-critic(training[places])) + F.softplus(critic(made.detach()))).mean()
        critic_optimizer.zero_grad()
        critic_loss.backward()
        critic_optimizer.step()
        painter_loss = F.softplus(-critic(made)).mean()
        painter_optimizer.zero_grad()
        painter_loss.backward()
        painter_optimizer.step()

with torch.no_grad():
    made = painter(torch.randn(1000, noise))
    for rows in made[:3].view(3, 8, 8):
        print("\n".join("".join(" .:*#"[min(4, int(5 * p))] for p in row) for row in rows))
    print(f"energy distance {energy(made, test).item():.4f} of the test digits")
