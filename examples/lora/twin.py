# The same in PyTorch.
import argparse
import gzip

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--epochs", type=int, default=10)
args = parser.parse_args()
torch.manual_seed(args.seed)


def read(name):
    table = np.loadtxt(gzip.open(f"{args.folder}/optdigits.{name}.gz"), delimiter=",")
    return torch.tensor(table[:, :64] / 16, dtype=torch.float32), torch.tensor(table[:, 64].astype(np.int64))


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden1 = nn.Linear(64, 128)
        self.hidden2 = nn.Linear(128, 128)
        self.logits = nn.Linear(128, 10)

    def forward(self, x):
        return self.logits(F.relu(self.hidden2(F.relu(self.hidden1(x)))))


class LoRA(nn.Module):
    def __init__(self, linear, rank, alpha):
        super().__init__()
        self.linear, self.scale = linear, alpha / rank
        self.a = nn.Parameter(torch.randn(linear.in_features, rank) / linear.in_features**0.5)
        self.b = nn.Parameter(torch.zeros(rank, linear.out_features))

    def forward(self, x):
        return self.linear(x) + self.scale * (x @ self.a @ self.b)


def learn(model, change):
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=3e-3)
    for epoch in range(args.epochs):
        for places in torch.randperm(len(images)).split(64)[:-1]:
            loss = F.cross_entropy(model(change(images[places])), labels[places])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        return (model(change(test_images)).argmax(1) == test_labels).float().mean().item()


images, labels = read("tra")
test_images, test_labels = read("tes")
model = MLP()
upright = learn(model, lambda x: x)
for p in model.parameters():
    p.requires_grad = False
model.hidden1, model.hidden2 = LoRA(model.hidden1, 8, 16), LoRA(model.hidden2, 8, 16)
lying = learn(model, lambda x: x.view(-1, 8, 8).transpose(1, 2).reshape(-1, 64))
print(f"upright: accuracy {upright:.4f}")
print(f"lying on their side: accuracy {lying:.4f}")
