# The same in PyTorch.
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F

carts, limit = 16, 500
gravity, mass, pole, half, tau = 9.8, 1.1, 0.1, 0.5, 0.02

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--rounds", type=int, default=80)
args = parser.parse_args()
torch.manual_seed(args.seed)


def move(s, action):
    place, speed, angle, turning = s.unbind(1)
    sin, cos = torch.sin(angle), torch.cos(angle)
    push = (20 * action - 10 + pole * half * turning**2 * sin) / mass
    turn = (gravity * sin - cos * push) / (half * (4 / 3 - pole * cos**2 / mass))
    shift = push - pole * half * turn * cos / mass
    steps = torch.stack([speed, shift, turning, turn], 1)
    return s + tau * steps


def play():
    now = torch.rand(carts, 4) / 10 - 0.05
    fallen = torch.zeros(carts, dtype=torch.bool)
    states, actions, alive = [], [], []
    for step in range(limit):
        with torch.no_grad():
            action = torch.distributions.Categorical(logits=policy(now)).sample()
        states.append(now)
        actions.append(action)
        alive.append(~fallen)
        now = torch.where(fallen[:, None], now, move(now, action))
        fallen |= (now[:, 0].abs() > 2.4) | (now[:, 2].abs() > 0.2095)
        if fallen.all():
            break
    ahead, returns = torch.zeros(carts), []
    for living in reversed(alive):
        ahead = torch.where(living, 1 + 0.99 * ahead, 0.0)
        returns.insert(0, ahead)
    alive = torch.stack(alive)
    returns = torch.stack(returns)[alive]
    returns = (returns - returns.mean()) / (returns.std() + 1e-6)
    return torch.stack(states)[alive], torch.stack(actions)[alive], returns


policy = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 2))
optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)
for round in range(args.rounds):
    states, actions, returns = play()
    loss = (F.cross_entropy(policy(states), actions, reduction="none") * returns).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"mean length {len(play()[1]) / carts:.1f}")
