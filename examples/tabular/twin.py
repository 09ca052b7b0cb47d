# The same in PyTorch.
import argparse
import csv
import math
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument("file")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--trials", type=int, default=12)
args = parser.parse_args()
torch.manual_seed(args.seed)
random.seed(args.seed)

rows = [r for r in csv.DictReader(open(args.file)) if "NA" not in r.values()]
columns = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
species = sorted({r["species"] for r in rows})
x = torch.tensor([[float(r[c]) for c in columns] for r in rows])
y = torch.tensor([species.index(r["species"]) for r in rows])
test = []
for kind in range(3):
    places = torch.nonzero(y == kind)[:, 0]
    places = places[torch.randperm(len(places))]
    test.append(places[: round(len(places) / 4)])
test = torch.cat(test)
training = torch.tensor([i for i in range(len(x)) if i not in set(test.tolist())])
training = training[torch.randperm(len(training))]


def learn(trial, places):
    mean, deviation = x[places].mean(0), x[places].std(0, correction=0)
    widths = [4] + [trial["width"]] * trial["layers"]
    parts = [[nn.Linear(a, b), nn.ReLU(), nn.Dropout(trial["dropout"])] for a, b in zip(widths, widths[1:])]
    model = nn.Sequential(*sum(parts, []), nn.Linear(trial["width"], 3))
    optimizer = torch.optim.AdamW(model.parameters(), lr=trial["rate"])
    for epoch in range(30):
        for batch in places[torch.randperm(len(places))].split(32):
            if len(batch) == 32:
                loss = F.cross_entropy(model((x[batch] - mean) / deviation), y[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    model.eval()
    return lambda batch: model((x[batch] - mean) / deviation)


found = []
for number in range(args.trials):
    trial = {
        "rate": 10 ** random.uniform(-4, -1),
        "width": round(math.exp(random.uniform(math.log(4), math.log(64)))),
        "layers": random.randint(1, 3),
        "dropout": random.uniform(0, 0.5),
    }
    loss = 0
    for fold in range(4):
        held = training[fold::4]
        rest = torch.cat([training[i::4] for i in range(4) if i != fold])
        model = learn(trial, rest)
        with torch.no_grad():
            loss += F.cross_entropy(model(held), y[held]).item() / 4
    found.append((loss, number, trial))
    print(f"{loss:.4f}", trial)
best = learn(min(found)[2], training)
with torch.no_grad():
    print(f"test accuracy {(best(test).argmax(1) == y[test]).float().mean().item():.4f}")
