# The same in PyTorch.
import argparse
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--steps", type=int, default=2000)
args = parser.parse_args()
torch.manual_seed(args.seed)


def moons(n):
    angle = math.pi * torch.rand(n)
    upper = torch.stack([torch.cos(angle), torch.sin(angle)], 1)
    lower = torch.stack([1 - torch.cos(angle), 0.5 - torch.sin(angle)], 1)
    points = torch.where(torch.arange(n)[:, None] % 2 == 0, upper, lower)
    return points + 0.05 * torch.randn(n, 2)


class Velocity(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [5, 128, 128, 128]
        parts = [[nn.Linear(a, b), nn.SiLU()] for a, b in zip(widths, widths[1:])]
        self.net = nn.Sequential(*sum(parts, []), nn.Linear(128, 2))

    def forward(self, x, t):
        return self.net(torch.cat([x, t, torch.sin(6 * t), torch.cos(6 * t)], 1))


def energy(x, y):
    def mean(a, b):
        return torch.cdist(a, b).mean()

    return 2 * mean(x, y) - mean(x, x) - mean(y, y)


points = moons(5000)
model = Velocity()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps)
order = []
for step in range(args.steps):
    if not order:
        order = list(torch.randperm(len(points)).split(256))[:-1]
    x = points[order.pop()]
    noise, t = torch.randn_like(x), torch.rand(len(x), 1)
    loss = F.mse_loss(model(noise + t * (x - noise), t), x - noise)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()

with torch.no_grad():
    x = torch.randn(2000, 2)
    for i in range(50):
        x = x + model(x, torch.full((2000, 1), i / 50)) / 50
    print(f"energy distance {energy(x, moons(2000)).item():.4f}")
