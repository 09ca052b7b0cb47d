"""Writes vectors.json: what PyTorch makes of losses, with the gradients of the predictions, in float64.

    python make.py > vectors.json      (torch 2.6.0, numpy 2.4.6, torchvision is not needed)
"""
import json

import numpy as np
import torch
import torch.nn.functional as F

rng = np.random.default_rng(11)
out = []


def case(name, labels, predictions, fn, source=None):
    """labels and predictions are lists of arrays; fn gets tensors and returns the mean."""
    p = [torch.tensor(x, dtype=torch.float64, requires_grad=True) if np.asarray(x).dtype.kind == "f" else torch.tensor(x) for x in predictions]
    y = [torch.tensor(x) for x in labels]
    loss = fn(y, p)
    loss.backward()
    pack = lambda x: {"dims": list(np.shape(x)), "int": np.asarray(x).dtype.kind != "f", "data": np.ravel(np.asarray(x, dtype=float)).tolist()}
    out.append({"name": name, "source": source or "torch " + torch.__version__.split("+")[0], "labels": [pack(x) for x in labels], "predictions": [pack(x) for x in predictions],
                "loss": loss.item(), "gradients": [[float(f"{g:.12g}") for g in np.ravel(x.grad.numpy())] for x in p if x.requires_grad]})


def normal(*dims):
    return np.round(rng.normal(size=dims), 3)


def uniform(*dims):
    return np.round(rng.uniform(0.05, 0.95, size=dims), 3)


def softmax(x):
    e = np.exp(x)
    return e / e.sum(-1, keepdims=True)


x, y = normal(4, 3), normal(4, 3)
k = np.array([2, 0, 1, 2])
case("MeanSquaredError", [y], [x], lambda y, p: F.mse_loss(p[0], y[0]))
case("MeanAbsoluteError", [y], [x], lambda y, p: F.l1_loss(p[0], y[0]))
case("MakeHuberLoss", [y], [x], lambda y, p: F.huber_loss(p[0], y[0], delta=0.5))
case("EuclideanDistance", [y], [x], lambda y, p: torch.linalg.vector_norm(p[0] - y[0], dim=-1).mean())
case("SquaredEuclideanDistance", [y], [x], lambda y, p: ((p[0] - y[0]) ** 2).sum(-1).mean())
case("LogCosh", [y], [x], lambda y, p: torch.log(torch.cosh(p[0] - y[0])).mean())
case("MakeQuantileLoss", [y], [x], lambda y, p: torch.maximum(0.3 * (y[0] - p[0]), -0.7 * (y[0] - p[0])).mean())


def adaptive(y, p):
    d = (p[0] - y[0]).abs()
    return (d ** (2 + (1 - 2) * torch.sigmoid(3 * (d - 0.5))).detach()).mean()


case("MakeAdaptivePowerLoss", [y], [x], adaptive)
counts = rng.integers(0, 5, size=(4, 3)).astype(float)
rates = np.round(rng.uniform(0.2, 4, size=(4, 3)), 3)
case("Poisson", [counts], [rates], lambda y, p: F.poisson_nll_loss(p[0], y[0], log_input=False, eps=0))
case("PoissonLogits", [counts], [x], lambda y, p: F.poisson_nll_loss(p[0], y[0], log_input=True))
case("GaussianNegativeLogLikelihood", [y], [x, rates], lambda y, p: F.gaussian_nll_loss(p[0], y[0], p[1]))
probabilities, truth = softmax(normal(4, 3)).round(3), softmax(normal(4, 3)).round(3)
truth[1] = [0, 1, 0]
yes = np.array([[1.0, 0, 0.25], [0, 1, 1], [0.5, 0, 1], [1, 1, 0]])
case("BinaryCrossentropy", [yes], [uniform(4, 3)], lambda y, p: F.binary_cross_entropy(p[0], y[0]))
case("BinaryCrossentropyLogits", [yes], [x], lambda y, p: F.binary_cross_entropy_with_logits(p[0], y[0]))
case("MakeBinaryCrossentropyLogits", [yes], [x], lambda y, p: F.binary_cross_entropy_with_logits(p[0], 0.75 * y[0] + 0.125))
case("CategoricalCrossEntropy", [truth], [probabilities], lambda y, p: -(y[0] * p[0].log()).sum(-1).mean())
case("CategoricalCrossEntropyLogits", [truth], [x], lambda y, p: F.cross_entropy(p[0], y[0]))
case("MakeCategoricalCrossEntropyLogits", [truth], [x], lambda y, p: F.cross_entropy(p[0], y[0], label_smoothing=0.25))
case("SparseCategoricalCrossEntropyLogits", [k], [x], lambda y, p: F.cross_entropy(p[0], y[0]))
case("MakeSparseCategoricalCrossEntropyLogits", [k], [x], lambda y, p: F.cross_entropy(p[0], y[0], label_smoothing=0.25))
case("NegativeLogLikelihood", [k], [np.log(probabilities)], lambda y, p: F.nll_loss(p[0], y[0]))
case("KullbackLeibler", [truth], [probabilities], lambda y, p: F.kl_div(p[0].log(), y[0], reduction="batchmean"))
case("KullbackLeiblerLogits", [truth], [x], lambda y, p: F.kl_div(F.log_softmax(p[0], -1), y[0], reduction="batchmean"))


def focal(y, p):
    ce = F.cross_entropy(p[0], y[0], reduction="none")
    return ((1 - torch.exp(-ce)) ** 1.5 * ce).mean()


def binary_focal(y, p):  # torchvision.ops.sigmoid_focal_loss
    q, ce = torch.sigmoid(p[0]), F.binary_cross_entropy_with_logits(p[0], y[0], reduction="none")
    right = q * y[0] + (1 - q) * (1 - y[0])
    return ((0.25 * y[0] + 0.75 * (1 - y[0])) * ce * (1 - right) ** 2).mean()


case("MakeFocalLossLogits", [k], [x], focal)
case("MakeBinaryFocalLossLogits", [yes], [x], binary_focal)
signs = np.where(yes > 0.4, 1.0, -1.0)
case("Hinge", [signs], [x], lambda y, p: torch.clamp(1 - y[0] * p[0], min=0).mean())
case("SquaredHinge", [signs], [x], lambda y, p: (torch.clamp(1 - y[0] * p[0], min=0) ** 2).mean())
case("MakeMultiMarginLoss", [k], [x], lambda y, p: F.multi_margin_loss(p[0], y[0], margin=0.75))
case("CosineDistance", [y], [x], lambda y, p: F.cosine_embedding_loss(p[0], y[0], torch.ones(4)))


def overlap(dice):
    def fn(y, p):
        both, all = (p[0] * y[0]).flatten(1).sum(-1), (p[0] + y[0]).flatten(1).sum(-1)
        return (1 - ((2 * both + 0.5) / (all + 0.5) if dice else (both + 0.5) / (all - both + 0.5))).mean()
    return fn


masks, guesses = (rng.uniform(size=(4, 3, 2)) > 0.5).astype(float), uniform(4, 3, 2)
case("MakeDiceLoss", [masks], [guesses], overlap(True))
case("MakeIoULoss", [masks], [guesses], overlap(False))

a, b = normal(5, 3), normal(5, 3)
same = np.array([1.0, 0, 0, 1, 0])
case("MakeContrastiveLoss", [same], [a, b],
     lambda y, p: (y[0] * ((p[0] - p[1]) ** 2).sum(-1) + (1 - y[0]) * torch.clamp(2 - torch.linalg.vector_norm(p[0] - p[1], dim=-1), min=0) ** 2).mean())


def infonce(symmetric):
    def fn(y, p):
        s = F.normalize(p[0], dim=-1) @ F.normalize(p[1], dim=-1).T / 0.5
        own = torch.arange(5)
        one = F.cross_entropy(s, own)
        return (one + F.cross_entropy(s.T, own)) / 2 if symmetric else one
    return fn


case("MakeInfoNCELoss", [same], [a, b], infonce(False))
case("MakeInfoNCELoss, symmetric", [same], [a, b], infonce(True))

classes = np.array([0, 1, 0, 2, 1, 0])
e = normal(6, 2)


def triplet(mining, distance, margin):
    def fn(y, p):
        x, n = p[0], 6
        rows = []
        if distance == "cosine":
            z = F.normalize(x, dim=-1)
            d = lambda i, j: 1 - (z[i] * z[j]).sum()
        elif distance == "L2":
            d = lambda i, j: torch.linalg.vector_norm(x[i] - x[j])
        else:
            d = lambda i, j: ((x[i] - x[j]) ** 2).sum()
        for i in range(n):
            positives = [j for j in range(n) if j != i and y[0][i] == y[0][j]]
            negatives = [j for j in range(n) if y[0][i] != y[0][j]]
            if mining == "all":
                rows += [l for l in (d(i, j) - d(i, q) + margin for j in positives for q in negatives) if l > 0]
            elif mining == "hard":
                if positives and negatives:
                    rows.append(torch.clamp(max(d(i, j) for j in positives) - min(d(i, q) for q in negatives) + margin, min=0))
            else:
                for j in positives:
                    farther = [d(i, q) for q in negatives if d(i, q) > d(i, j)]
                    rows.append(torch.clamp(d(i, j) - (min(farther) if farther else max(d(i, q) for q in negatives)) + margin, min=0))
        return torch.stack(rows).mean()
    return fn


for mining in ["all", "hard", "semi-hard"]:
    for distance in ["L2", "squared L2", "cosine"]:
        case(f"MakeTripletLoss, {mining}, {distance}", [classes], [e], triplet(mining, distance, 0.3), source="torch, a loop over the definition")

frames, targets = normal(3, 6, 4), np.array([[1, 2, 2], [3, 0, 0], [1, 3, 0]])
case("CTCLogits", [targets], [frames],
     lambda y, p: F.ctc_loss(F.log_softmax(p[0], -1).transpose(0, 1), y[0], torch.tensor([6, 6, 6]), torch.tensor([3, 1, 2]), reduction="none").mean())
case("CTCLogits, of frames", [targets], [frames, np.array([6, 3, 4])],
     lambda y, p: F.ctc_loss(F.log_softmax(p[0], -1).transpose(0, 1), y[0], torch.tensor([6, 3, 4]), torch.tensor([3, 1, 2]), reduction="none").mean())
print("[\n" + ",\n".join(map(json.dumps, out)) + "\n]")
