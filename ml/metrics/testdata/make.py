"""Writes vectors.json: what scikit-learn measures of batches, with and without weights.

    python make.py > vectors.json      (scikit-learn 1.9.1)
"""
import json
import warnings

import numpy as np
import sklearn
from sklearn import metrics as m

warnings.filterwarnings("ignore")
rng = np.random.default_rng(3)
N = 17
classes, scores = rng.integers(0, 4, N), np.round(rng.normal(size=(N, 4)), 2)
classes[classes == 3] = 1  # a class without labels, which is guessed
yes, logits = rng.integers(0, 2, N), np.round(rng.normal(size=N), 1)  # with ties
y = np.round(rng.normal(size=N) * 3, 2)
p = np.round(y + rng.normal(size=N), 2)
weights = np.round(rng.uniform(0.2, 3, N), 2)
guess = scores.argmax(-1)
out = []


def case(name, labels, predictions, fn):
    for w in [None, weights]:
        out.append({"name": name, "source": "scikit-learn " + sklearn.__version__, "int": labels is classes, "labels": np.ravel(labels).tolist(), "dims": list(predictions.shape),
                    "predictions": np.ravel(predictions).tolist(), "weights": [] if w is None else w.tolist(), "value": float(fn(w))})


for average in ["macro", "micro", "weighted"]:
    options = {"average": average, "zero_division": 0}
    case("NewPrecision, " + average, classes, scores, lambda w: m.precision_score(classes, guess, sample_weight=w, **options))
    case("NewRecall, " + average, classes, scores, lambda w: m.recall_score(classes, guess, sample_weight=w, **options))
    case("NewF1, " + average, classes, scores, lambda w: m.f1_score(classes, guess, sample_weight=w, **options))
case("NewConfusion", classes, scores, lambda w: m.accuracy_score(classes, guess, sample_weight=w))
case("NewMeanIoU", classes, scores, lambda w: m.jaccard_score(classes, guess, average="macro", sample_weight=w, zero_division=0))
case("NewBinaryPrecision", yes, logits, lambda w: m.precision_score(yes, logits > 0, sample_weight=w))
case("NewBinaryRecall", yes, logits, lambda w: m.recall_score(yes, logits > 0, sample_weight=w))
case("NewBinaryF1", yes, logits, lambda w: m.f1_score(yes, logits > 0, sample_weight=w))
case("NewROCAUC", yes, logits, lambda w: m.roc_auc_score(yes, logits, sample_weight=w))
case("NewPRAUC", yes, logits, lambda w: m.average_precision_score(yes, logits, sample_weight=w))
softmax = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
case("NewPerplexity", classes, scores, lambda w: np.exp(m.log_loss(classes, softmax, labels=[0, 1, 2, 3], sample_weight=w)))
case("NewR2", y, p, lambda w: m.r2_score(y, p, sample_weight=w))
case("NewRootMeanSquaredError", y, p, lambda w: m.root_mean_squared_error(y, p, sample_weight=w))
case("NewMeanAbsoluteError", y, p, lambda w: m.mean_absolute_error(y, p, sample_weight=w))
case("NewMedianAbsoluteError", y, p, lambda w: m.median_absolute_error(y, p, sample_weight=w))
probabilities = np.round(1 / (1 + np.exp(-logits)), 3)
case("NewSparseCategoricalAccuracy", classes, scores, lambda w: m.accuracy_score(classes, guess, sample_weight=w))
case("NewCategoricalAccuracy", np.eye(4)[classes], scores, lambda w: m.accuracy_score(classes, guess, sample_weight=w))
case("NewBinaryAccuracy", yes, probabilities, lambda w: m.accuracy_score(yes, probabilities > 0.5, sample_weight=w))
case("NewBinaryLogitsAccuracy", yes, logits, lambda w: m.accuracy_score(yes, logits > 0, sample_weight=w))
case("NewTopKAccuracy", classes, scores, lambda w: m.top_k_accuracy_score(classes, scores, k=2, labels=[0, 1, 2, 3], sample_weight=w))
print("[\n" + ",\n".join(map(json.dumps, out)) + "\n]")
