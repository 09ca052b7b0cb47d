# The same in PyTorch, with torchvision's affine maps written out.
import argparse
import gzip
import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--epochs", type=int, default=8)
args = parser.parse_args()
torch.manual_seed(args.seed)


def read(name):
    pixels = np.frombuffer(gzip.open(f"{args.folder}/{name}-images-idx3-ubyte.gz").read(), np.uint8, offset=16)
    labels = np.frombuffer(gzip.open(f"{args.folder}/{name}-labels-idx1-ubyte.gz").read(), np.uint8, offset=8)
    return torch.tensor(pixels.reshape(-1, 1, 28, 28) / 255.0, dtype=torch.float32), torch.tensor(labels.astype(np.int64))


def vary(x):
    def uniform(limit):
        return (2 * torch.rand(len(x)) - 1) * limit

    turn, shear, scale = uniform(math.radians(12)), uniform(math.radians(5)), 1 + uniform(0.1)
    cos, sin, tan = torch.cos(turn) / scale, torch.sin(turn) / scale, torch.tan(shear)
    rows = torch.stack([cos, cos * tan - sin, uniform(2 / 14), sin, sin * tan + cos, uniform(2 / 14)], 1)
    return F.grid_sample(x, F.affine_grid(rows.view(-1, 2, 3), x.shape, align_corners=False), align_corners=False)


def block(cin, cout):
    return [nn.Conv2d(cin, cout, 3, padding=1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(), nn.MaxPool2d(2)]


images, labels = read("train")
images, labels = images[:10000], labels[:10000]
test_images, test_labels = read("t10k")
model = nn.Sequential(*block(1, 24), *block(24, 48), *block(48, 96), nn.Flatten(), nn.Dropout(0.3), nn.Linear(864, 10))
optimizer = torch.optim.Adam(model.parameters())
steps = args.epochs * len(images) // 100
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=steps, cycle_momentum=False)
for epoch in range(args.epochs):
    for places in torch.randperm(len(images)).split(100):
        loss = F.cross_entropy(model(vary(images[places])), labels[places])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
model.eval()
with torch.no_grad():
    right = sum((model(x).argmax(1) == y).sum().item() for x, y in zip(test_images.split(500), test_labels.split(500)))
print(f"test accuracy {right / len(test_images):.4f}")
