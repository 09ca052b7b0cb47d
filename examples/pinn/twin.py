# The same in PyTorch.
import argparse
import math

import torch
import torch.nn as nn

kappa = 0.1

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--steps", type=int, default=2000)
args = parser.parse_args()
torch.manual_seed(args.seed)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [2, 32, 32, 32]
        parts = [[nn.Linear(a, b), nn.Tanh()] for a, b in zip(widths, widths[1:])]
        self.net = nn.Sequential(*sum(parts, []), nn.Linear(32, 1))

    def forward(self, x, t):
        return self.net(torch.cat([x, t], 1))


def slope(y, x):
    return torch.autograd.grad(y.sum(), x, create_graph=True)[0]


net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps)
for step in range(args.steps):
    x = torch.rand(256, 1, requires_grad=True)
    t = torch.rand(256, 1, requires_grad=True)
    u = net(x, t)
    ux, ut = slope(u, x), slope(u, t)
    inside = ut - kappa * slope(ux, x)
    begin = net(x, torch.zeros_like(t)) - torch.sin(math.pi * x)
    end = net(torch.zeros_like(x), t) ** 2 + net(torch.ones_like(x), t) ** 2
    loss = (inside**2 + begin**2 + end).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()

with torch.no_grad():
    grid = torch.arange(10000).view(-1, 1) / 100
    x, t = grid - grid.floor(), grid.floor() / 100
    exact = torch.exp(-kappa * math.pi**2 * t) * torch.sin(math.pi * x)
    wrong = (net(x, t) - exact).norm() / exact.norm()
print(f"relative error {wrong.item():.5f}")
