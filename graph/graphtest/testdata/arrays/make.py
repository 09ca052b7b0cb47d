"""Makes arrays.json: calls of functions that are made of ops, and what NumPy, SciPy and PyTorch return for them.

    pip install numpy==2.4.6 scipy==1.17.1 torch==2.6.0 ml_dtypes==0.6.0
    python make.py > arrays.json

Where none of them has a function, its meaning is written out below, one element after the other. "gradient" says that the result is
smooth around the inputs, so that gradients can be compared with differences.
"""

import json
import math

import ml_dtypes
import numpy as np
import scipy
import torch
from scipy import fft, linalg, signal, special, stats

cases = []
rng = np.random.default_rng(1)
NAN, INF = math.nan, math.inf


def value(x):
    x = np.asarray(x)

    def real(v):
        v = float(v)
        if math.isnan(v):
            return "nan"
        if math.isinf(v):
            return "inf" if v > 0 else "-inf"
        return int(v) if v == int(v) and (v or math.copysign(1, v) > 0) else v

    def number(v):
        if np.iscomplexobj(v):
            return [real(v.real), real(v.imag)]
        return bool(v) if x.dtype == bool else int(v) if x.dtype.kind in "iu" else real(v)

    return {"dtype": str(x.dtype), "dims": list(x.shape), "data": [number(v) for v in x.ravel()]}


def case(func, inputs, outputs, name="", ulp=0, gradient=False, absolute=None, **args):
    """absolute is how many epsilons a result may be off beside 1, ulp unless it is given: 0 for results that are tiny."""
    cases.append({"func": func, "name": name, "args": args, "ulp": ulp, "gradient": gradient,
                  "in": [value(x) for x in inputs], "out": [value(y) for y in outputs]})
    if absolute is not None:
        cases[-1]["abs"] = absolute


def f(*dims):
    return rng.standard_normal(dims).round(3)


def i32(x):
    return np.asarray(x, np.int32)


# Cumulative
x = f(3, 5)
zero = x.copy()
zero[1, 2] = zero[1, 3] = zero[2, 0] = 0
case("CumProd", [x], [np.cumprod(x, 1)], ulp=16, gradient=True, axis=1)
case("CumProd", [zero], [np.cumprod(zero, 1)], "zeros", ulp=16, gradient=True, axis=-1)
case("CumProd", [i32([[1, 2, 3], [4, 5, 6]])], [i32(np.cumprod([[1, 2, 3], [4, 5, 6]], 0))], "integers", axis=0)
c = x + 1j * f(3, 5)
case("CumProd", [c], [np.cumprod(c, 0)], "complex", ulp=16, gradient=True, axis=0)
case("CumProd", [f(0, 3)], [np.zeros((0, 3))], "empty", axis=0)
for name, fn in ("CumMax", np.maximum), ("CumMin", np.minimum):
    case(name, [x], [fn.accumulate(x, 1)], ulp=0, gradient=True, axis=1)
    case(name, [np.array([1.0, NAN, 3, -INF])], [fn.accumulate(np.array([1.0, NAN, 3, -INF]))], "NaN stays", axis=0)
    case(name, [i32([3, 1, 4, 1, 5])], [fn.accumulate(i32([3, 1, 4, 1, 5]))], "integers", axis=0)
    case(name, [x.astype(np.float16)], [fn.accumulate(x.astype(np.float16), 0)], "half", axis=0)
case("CumLogSumExp", [x], [np.logaddexp.accumulate(x, 1)], ulp=16, gradient=True, axis=1)
big = np.array([-INF, 1000.0, -1000, 1001, INF, 3])
case("CumLogSumExp", [big], [np.logaddexp.accumulate(big)], "far apart", ulp=16, axis=0)

# Structure
case("Tile", [x], [np.tile(x, (2, 3))], gradient=True, times=[2, 3])
case("Tile", [x], [np.tile(x, 2)], "last axis", gradient=True, times=[2])
case("Tile", [x], [np.tile(x, (2, 1, 2))], "more axes", gradient=True, times=[2, 1, 2])
case("Tile", [x], [np.tile(x, (0, 1))], "none", times=[0, 1])
case("Tile", [np.float64(2)], [np.float64(2)], "scalar", gradient=True, times=[])
case("Repeat", [x], [np.repeat(x, 3, 1)], gradient=True, times=3, axis=1)
case("Repeat", [x], [np.repeat(x, 2, 0)], "rows", gradient=True, times=2, axis=-2)
case("Repeat", [x], [np.repeat(x, 0, 0)], "none", times=0, axis=0)
case("Repeat", [np.array([True, False])], [np.repeat([True, False], 2)], "bools", times=2, axis=0)
for n in 1, -2, 5, 0, 12, -13:
    case("Roll", [x], [np.roll(x, n, 1)], gradient=True, n=n, axis=1)
case("Roll", [f(0, 2)], [np.zeros((0, 2))], "empty", n=1, axis=0)
a, b = f(3), f(2, 2)
case("Outer", [a, b], [np.multiply.outer(a, b)], ulp=4, gradient=True)
case("Outer", [i32([2, 3]), i32([5, 7])], [i32([[10, 14], [15, 21]])], "integers")
a, b = f(2, 3), f(3, 2)
case("Kron", [a, b], [np.kron(a, b)], ulp=4, gradient=True)
a, b = f(3), f(2)
case("Kron", [a, b], [np.kron(a, b)], "vectors", ulp=4, gradient=True)
a, b = f(2, 1, 2), f(2, 3, 1)
case("Kron", [a, b], [np.kron(a, b)], "three axes", ulp=4, gradient=True)
for dims in (4, 4), (3, 5), (2, 5, 3), (2, 0, 3):
    m = f(*dims)
    case("Trace", [m], [np.trace(m, axis1=-2, axis2=-1)], ulp=8, gradient=m.size > 0)
case("Meshgrid", [a := f(2), b := f(3)], np.meshgrid(a, b, indexing="ij"), gradient=True)
case("Meshgrid", [a := f(2), b := i32([1, 2, 3]), c := f(1)], np.meshgrid(a, b, c, indexing="ij"), "three", gradient=True)
case("NormalizeIndices", [x, i32([[0, -1], [-5, 4]])], [i32([[0, 4], [0, 4]])], axis=1)
m, at = f(2, 3, 4, 2), i32([[[0, 1], [2, 3], [1, 1]], [[2, 0], [0, 0], [1, 3]]])
case("GatherWithBatchDims", [m, at], [np.stack([m[i][tuple(at[i].T)] for i in range(2)])], gradient=True, batch=1)
m, at = f(2, 3, 4), i32(rng.integers(0, 4, (2, 3, 5, 1)))
case("GatherWithBatchDims", [m, at], [np.take_along_axis(m, at[..., 0], 2)], "two batches", gradient=True, batch=2)
m, at = f(3, 4), rng.integers(0, 3, (2, 1)).astype(np.int8)
case("GatherWithBatchDims", [m, at], [m[at[:, 0]]], "none", gradient=True, batch=0)

# Search
s, v = np.array([1.0, 2, 2, 2, 3, INF, NAN]), np.array([0.0, 1, 2, 2.5, 3, 4, INF, NAN, -INF])
for right in False, True:
    side = "right" if right else "left"
    case("SearchSorted", [s, v], [i32(np.searchsorted(s, v, side))], side, right=right)
    for n in 0, 1, 2, 3, 4, 5, 8, 9:
        s2, v2 = np.sort(i32(rng.integers(0, 9, n))), i32(np.arange(-1, 10)).reshape(1, 11)
        case("SearchSorted", [s2, v2], [i32(np.searchsorted(s2, v2, side))], f"{n} {side}", right=right)
    s2, v2 = np.sort(f(3, 7), 1), f(3, 2, 2)
    case("SearchSorted", [s2, v2], [i32([np.searchsorted(s2[i], v2[i], side) for i in range(3)])], "batches " + side, right=right)


def unique(x, size):
    u, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    values, numbers = np.zeros(size, x.dtype), np.zeros(size, np.int32)
    values[: len(u)], numbers[: len(u)] = u[:size], counts[:size]
    return [values, i32(inverse).reshape(x.shape), numbers, i32(len(u))]


for x1 in i32([[3, 1, 3], [2, 1, 1]]), np.array([2.5, NAN, -1, NAN, 2.5, INF]), i32([7]), np.zeros(0, np.int32), i32([5, 5, 5]):
    for size in 0, 1, 3, 8:
        case("Unique", [x1], unique(x1, size), size=size)


def nonzero(x, size):
    at = np.argwhere(x)
    out = np.full((size, x.ndim), -1, np.int32)
    out[: len(at)] = at[:size]
    return [out, i32(len(at))]


for x1 in i32([[0, 1, 3], [2, 0, 0]]), np.array([0.0, NAN, 1, 0]), np.array([[[True, False], [False, True]]]), np.zeros((0, 2)), np.zeros(3):
    for size in 0, 1, 3, 8:
        case("NonZero", [x1], nonzero(x1, size), size=size)

# Order
for n in 1, 2, 3, 4, 5, 8, 13:
    x1 = f(2, n)
    case("SortFunc", [x1], [np.sort(x1, 1)], f"{n}", gradient=True, axis=1)
    k1, k2, payload = i32(rng.integers(0, 3, (n, 2))), i32(rng.integers(0, 2, (n, 2))), f(n, 2)
    order = np.stack([np.lexsort((k2[:, j], -k1[:, j])) for j in range(2)], 1)
    case("SortFunc", [k1, k2, payload], [np.take_along_axis(z, order, 0) for z in (k1, k2, payload)], f"keys {n}", gradient=n == 13, axis=0)
case("SortFunc", [f(0, 2)], [np.zeros((0, 2))], "empty", axis=0)


def scatter(x, at, u, fn):
    y = x.copy()
    at = at.reshape(-1, at.shape[-1])
    u = u.reshape(len(at), *x.shape[at.shape[1]:])
    for i, w in zip(at, u):
        if all(0 <= j < n for j, n in zip(i, x.shape)):
            y[tuple(i)] = fn(y[tuple(i)], w)
    return y


for name, fn in ("product", lambda a, b: a * b), ("last", lambda a, b: b), ("first", lambda a, b: a):
    x1, at, u = f(4, 2), i32([[1], [3], [1], [-1], [4], [0], [1]]), f(7, 2)
    case("ScatterFunc", [x1, at, u], [scatter(x1, at, u, fn)], name, ulp=8, gradient=True, fn=name)
    x1, at, u = f(3, 3), rng.integers(-1, 4, (2, 4, 2)), f(2, 4)
    case("ScatterFunc", [x1, at, u], [scatter(x1, at, u, fn)], name + ", two axes", ulp=8, gradient=True, fn=name)
x1, at, u = f(3), np.zeros((0, 1), np.int32), np.zeros(0)
case("ScatterFunc", [x1, at, u], [x1], "no updates", fn="product")
x1 = f(0, 2)
case("ScatterFunc", [x1, i32([[1]]), f(1, 2)], [x1], "no places", fn="product")


def key(v):
    bits = np.asarray(v).view({2: np.int16, 4: np.int32, 8: np.int64}[v.dtype.itemsize]).astype(object)
    most = 2 ** (8 * v.dtype.itemsize - 1) - 1
    return np.array([b if b >= 0 else b ^ most for b in bits])


for d in np.float16, np.float32, np.float64:
    v = np.array([-INF, -1.5, -0.0, 0.0, 1e-5, 2, INF, NAN], d)
    v1, v2 = (z.ravel() for z in np.meshgrid(v, v))
    k1, k2 = key(v1), key(v2)
    for name, op in ("Equal", "=="), ("NotEqual", "!="), ("LessThan", "<"), ("LessOrEqual", "<="), ("GreaterThan", ">"), ("GreaterOrEqual", ">="):
        want = np.array([eval(f"a {op} b") for a, b in zip(k1, k2)])
        if not np.signbit(np.array(float("-0.0"))):
            raise SystemExit("-0 is lost")
        case(name + "TotalOrder", [v1, v2], [want], str(v.dtype))
case("LessThanTotalOrder", [i32([1, 2]), i32([2, 2])], [np.array([True, False])], "integers")

# Segments
ids = i32([2, 0, 2, -1, 5, 0, 4, 2])
full = i32([2, 0, 2, -1, 1, 0, 3, 2])
x1 = f(8, 3)
zeros = x1.copy()
zeros[0, 0] = zeros[2, 0] = zeros[1, 1] = 0


def segments(x, ids, n, start, fn):
    y = np.full((n,) + x.shape[1:], start, x.dtype)
    return scatter(y, ids[:, None], x, fn)


lowest, highest = np.iinfo(np.int32).min, np.iinfo(np.int32).max
whole = i32(rng.integers(-5, 6, (8,)))
for name, start, fn, istart in ("Sum", 0, np.add, 0), ("Max", -INF, np.maximum, lowest), ("Min", INF, np.minimum, highest), ("Prod", 1, np.multiply, 1):
    case("segment." + name, [x1, ids], [segments(x1, ids, 5, start, fn)], "one without elements", ulp=8, gradient=not np.isinf(start), n=5)
    case("segment." + name, [x1, full], [segments(x1, full, 3, start, fn)], ulp=8, gradient=True, n=3)
    case("segment." + name, [whole, ids], [segments(whole, ids, 5, istart, fn)], "integers", n=5)
    case("segment." + name, [x1[:0], ids[:0]], [np.full((2, 3), start, float)], "empty", n=2)
    case("segment." + name, [x1, ids], [np.zeros((0, 3))], "no segments", n=0)
case("segment.Prod", [zeros, ids], [segments(zeros, ids, 5, 1, np.multiply)], "zeros", ulp=8, gradient=True, n=5)
case("segment.Mean", [x1, ids], [np.stack([x1[ids == s].mean(0) if (ids == s).any() else np.zeros(3) for s in range(5)])], ulp=8, gradient=True, n=5)
y1 = np.zeros_like(x1)
for s in 0, 2, 4:
    y1[ids == s] = special.softmax(x1[ids == s], 0)
case("segment.Softmax", [x1, ids], [y1], ulp=16, gradient=True, n=5)
y2 = np.zeros(8)
x2 = np.array([1000.0, -1000, 1001, 3, 4, -INF, -INF, 999])
for s in 0, 2:
    y2[ids == s] = special.softmax(x2[ids == s])
y2[6] = NAN  # -∞ alone, as in any softmax
case("segment.Softmax", [x2, ids], [y2], "far apart", ulp=64, n=5)

# Statistics
for n in 1, 2, 5, 6:
    x1 = f(3, n)
    case("stats.Median", [x1], [np.median(x1, 1)], f"{n}", ulp=4, gradient=True, axis=1)
    case("stats.Median", [x1], [np.median(x1, 0)], f"{n}, columns", ulp=4, gradient=True, axis=0)
    for q in 0, 0.25, 0.9, 1:
        case("stats.Quantile", [x1], [np.quantile(x1, q, 1)], f"{n}", ulp=8, gradient=True, q=q, axis=-1)
    x1 = rng.integers(0, 3, (3, n)).astype(float)
    mode = stats.mode(x1, 1)
    case("stats.Mode", [x1], [mode.mode, i32(mode.count)], f"{n}", axis=1)
case("stats.Median", [np.array([1.0, NAN, 3])], [NAN], "NaN", axis=0)
case("stats.Quantile", [np.array([INF, INF, -INF, 0])], [INF], "infinities", q=0.75, axis=0)
case("stats.Mode", [np.array([NAN, 1, NAN, 2])], [NAN, i32(2)], "NaN", axis=0)
case("stats.Mode", [f(3, 2) * 0 + np.array([[3.5, -1], [2, 7], [3.5, 7]])], [np.array([3.5, 7]), i32([2, 2])], "columns", axis=0)
x1 = f(3, 7)
case("stats.Skewness", [x1], [stats.skew(x1, 1)], ulp=64, gradient=True, axes=[1])
case("stats.Skewness", [x1], [stats.skew(x1, None)], "all", ulp=64, gradient=True, axes=[])
case("stats.Skewness", [x1], [stats.skew(x1, 0)], "columns", ulp=64, gradient=True, axes=[0])
at, w = i32([[3, 1, -1], [1, 9, 0]]), f(2, 3)
case("stats.Bincount", [at], [i32([1, 2, 0, 1])], length=4)
case("stats.Bincount", [at, w], [np.array([w[1, 2], w[0, 1] + w[1, 0], 0, w[0, 0]])], "weights", ulp=4, gradient=True, length=4)
case("stats.Bincount", [at], [i32([])], "none", length=0)
x1, edges = np.array([[0.0, 0.5, 1, 1.5], [2, 3, -1, 2.5]]), np.array([0.0, 1, 2, 2.5])
case("stats.Histogram", [x1, edges], [i32(np.histogram(x1, edges)[0])])
x1 = f(100)
edges = np.linspace(-2, 2, 9)
case("stats.Histogram", [x1, edges], [i32(np.histogram(x1, edges)[0])], "normal")
case("stats.Histogram", [np.array([NAN, 1, INF]), np.array([0.0, INF])], [i32([2])], "NaN")
case("stats.Histogram", [i32([1, 2, 3, 4]), i32([1, 3, 4])], [i32([2, 2])], "integers")

# Linear algebra


def cf(*dims):
    return (f(*dims) + 0.0005) + 1j * f(*dims)  # no real part is 0, whose sign says how a vector is reflected


def each(fn, *arrays):
    """Calls fn on the matrices of arrays, batch by batch."""
    batch = arrays[0].shape[:-2]
    results = [fn(*(a[i] for a in arrays)) for i in np.ndindex(*batch)]
    if not isinstance(results[0], tuple):
        results = [(r,) for r in results]
    return [np.stack(list(r)).reshape(batch + np.shape(r[0])) for r in zip(*results)]


def lu(a):
    p, l, u = linalg.lu(a, p_indices=True)
    order = np.argsort(p)  # a = l[p] @ u
    return i32(order), l, u


def phases(v):
    z = np.take_along_axis(v, np.abs(v).argmax(0)[None], 0)
    return np.where(z == 0, 1, z / np.where(z == 0, 1, np.abs(z)))


def eigh(a):
    w, v = np.linalg.eigh((a + a.conj().T) / 2)
    return w, v * phases(v).conj()


def svd(a):
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    phase = phases(u)
    return u * phase.conj(), s, phase.T * vh


for kind, new in ("", f), ("complex", cf):
    for dims in (3, 3), (2, 2, 4, 4), (1, 1), (4, 2), (2, 3):
        a = new(*dims)
        name = f"{kind} {dims}"
        smooth = len(dims) == 2 and dims != (1, 1)  # differences take their time
        case("linalg.LU", [a], each(lu, a), name, ulp=64, gradient=smooth)
        case("linalg.QR", [a], each(lambda x: tuple(np.linalg.qr(x)), a), name, ulp=64, gradient=smooth)
        case("linalg.SVD", [a], each(svd, a), name, ulp=256, gradient=smooth and kind == "")
        case("linalg.SVD singular", [a], each(lambda x: (np.linalg.svd(x, compute_uv=False),), a), name, ulp=64, gradient=smooth)
        u1 = each(svd, a)
        case("linalg.SVD projectors", [a], [u1[0][..., :, :1] @ np.conj(np.swapaxes(u1[0][..., :, :1], -1, -2)), u1[0][..., :, :1] @ u1[2][..., :1, :]],
             name, ulp=1024, gradient=smooth)
        case("linalg.Pinv", [a], each(np.linalg.pinv, a), name, ulp=256, gradient=smooth)
        case("linalg.MatrixRank", [a], [i32(np.linalg.matrix_rank(a))], name)
        b = new(*dims[:-1], 2)
        case("linalg.LeastSquares", [a, b], each(lambda x, y: np.linalg.lstsq(x, y)[0], a, b), name, ulp=256, gradient=smooth)
        for norm, order in ("Frobenius", "fro"), ("nuclear", "nuc"), ("spectral", 2), ("max columns", 1), ("max rows", np.inf):
            case("linalg.Norm", [a], [np.linalg.norm(a, order, (-2, -1))], norm + " " + name, ulp=64, gradient=smooth, kind=norm)
        if dims[-1] != dims[-2]:
            continue
        case("linalg.Solve", [a, b], each(np.linalg.solve, a, b), name, ulp=256, gradient=smooth)
        case("linalg.Inverse", [a], [np.linalg.inv(a)], name, ulp=256, gradient=smooth)
        case("linalg.Det", [a], [np.linalg.det(a)], name, ulp=64, gradient=smooth)
        sign, log = np.linalg.slogdet(a)
        case("linalg.LogDet", [a], [sign, log], name, ulp=256, gradient=smooth)
        case("linalg.Eigh", [a], each(eigh, a), name, ulp=256, gradient=smooth and kind == "")
        w, v = each(eigh, a)
        case("linalg.Eigh projectors", [a], [w, v[..., :, :1] @ np.conj(np.swapaxes(v[..., :, :1], -1, -2))], name, ulp=1024, gradient=smooth)
        for n in 0, 1, 5, -2:
            case("linalg.MatrixPower", [a], [np.linalg.matrix_power(a, n)], f"{n} {name}", ulp=1024, gradient=smooth and n == -2, n=n)
        case("linalg.Expm", [a], each(linalg.expm, a), name, ulp=256, gradient=smooth)
        case("linalg.Expm", [20 * a], each(linalg.expm, 20 * a), "large " + name, ulp=8192)

a, b = f(4, 4), f(2, 3, 4, 2)
case("linalg.Solve", [a, b], [np.linalg.solve(a, b)], "one matrix, many sides", ulp=256, gradient=True)
a = f(5, 2) @ f(2, 4)
case("linalg.SVD singular", [a], [np.append(np.linalg.svd(a, compute_uv=False)[:2], [0, 0])], "rank 2", ulp=64)
case("linalg.SVD product", [a], [a, np.eye(4), np.eye(4)], "rank 2", ulp=64)
case("linalg.SVD product", [np.zeros((3, 2))], [np.zeros((3, 2)), np.eye(2), np.eye(2)], "zeros", ulp=16)
case("linalg.Pinv", [a], [np.linalg.pinv(a, rcond=1e-12)], "rank 2", ulp=1024)
case("linalg.MatrixRank", [a], [i32(2)], "rank 2")
case("linalg.MatrixRank", [np.zeros((2, 3, 3))], [i32([0, 0])], "zeros")
a = np.array([[0.0, 1, 2], [0, 3, 4], [0, 5, 6]])
case("linalg.LU", [a], each(lu, a), "singular", ulp=16)
case("linalg.Det", [a], [np.float64(0)], "singular")
case("linalg.LogDet", [a], [np.float64(0), np.float64(-INF)], "singular")
h = 1 / (np.arange(6)[:, None] + np.arange(6) + 1.0)  # Hilbert's
case("linalg.Eigh", [h], eigh(h), "Hilbert", ulp=8192)
case("linalg.SVD singular", [h], [np.linalg.svd(h, compute_uv=False)], "Hilbert", ulp=64)
case("linalg.Eigh", [np.diag([3.0, 1, 2, 1])], [np.array([1.0, 1, 2, 3]), np.eye(4)[:, [1, 3, 2, 0]]], "diagonal", ulp=0)
for n in 7, 8, 16:
    a = f(n, n)
    w, v = eigh(a)
    case("linalg.Eigh", [a], [w, v], f"{n}", ulp=1024, gradient=n == 7)
    case("linalg.SVD", [a], svd(a), f"{n}", ulp=2048, gradient=n == 7)
    case("linalg.LU", [a], lu(a), f"{n}", ulp=1024, gradient=n == 7)
    case("linalg.QR", [a], list(np.linalg.qr(a)), f"{n}", ulp=1024, gradient=n == 7)
for dims in (0, 0), (0, 3), (3, 0), (2, 0, 0):
    a, k = np.zeros(dims), min(dims[-2:])
    batch = dims[:-2]
    case("linalg.QR", [a], [np.zeros(batch + (dims[-2], k)), np.zeros(batch + (k, dims[-1]))], f"empty {dims}")
    case("linalg.SVD", [a], [np.zeros(batch + (dims[-2], k)), np.zeros(batch + (k,)), np.zeros(batch + (k, dims[-1]))], f"empty {dims}")
    case("linalg.Norm", [a], [np.zeros(batch)], f"empty {dims}", kind="nuclear")
    if dims[-1] == dims[-2]:
        case("linalg.Det", [a], [np.ones(batch)], f"empty {dims}")
        case("linalg.Inverse", [a], [a], f"empty {dims}")
        case("linalg.Expm", [a], [a], f"empty {dims}")
        case("linalg.Eigh", [a], [np.zeros(batch + (0,)), a], f"empty {dims}")

# Complex numbers
rng = np.random.default_rng(2)  # what is drawn above does not change what follows
z, w = f(3, 4) + 1j * f(3, 4), f(3, 4) + 1j * f(3, 4)
case("Pow complex", [z, w], [np.power(z, w)], ulp=256, gradient=True)
case("Pow complex", [z, w[0]], [np.power(z, w[0])], "broadcast", ulp=256, gradient=True)
case("Pow complex", [np.array([0j, 0j, 0j, 1 + 1j, 2j]), np.array([0j, 2 + 1j, 1 + 0j, 0j, 3 + 0j])], [np.array([1, 0, 0, 1, -8j])], "zeros", ulp=16)
case("Sign complex", [z], [np.sign(z)], ulp=8, gradient=True)
case("Expm1 complex", [z], [np.expm1(z)], ulp=16, gradient=True)
case("Expm1 complex", [z * 1e-9], [z * 1e-9 + (z * 1e-9) ** 2 / 2], "tiny", ulp=8, absolute=0)
case("Expm1 complex", [np.array([1000, complex(INF), complex(-INF), 1000 + 1j])], [np.array([complex(INF), complex(INF), -1, complex(INF, INF)])], "infinite", ulp=8)
case("Log1p complex", [z], [np.log1p(z)], ulp=16, gradient=True)
case("Log1p complex", [z * 1e-9], [z * 1e-9 - (z * 1e-9) ** 2 / 2], "tiny", ulp=8, absolute=0)
case("Log1p complex", [z * 1e200], [np.log(z) + np.log(1e200)], "large", ulp=8, absolute=0)
case("Log2 complex", [z], [np.log2(z)], ulp=16, gradient=True)
case("Log2 complex", [np.array([0, complex(INF)])], [np.array([complex(-INF), complex(INF)])], "infinite")
case("Exp2 complex", [z], [np.exp2(z)], ulp=16, gradient=True)
case("Exp2 complex", [np.array([complex(INF), complex(-INF), 1100])], [np.array([complex(INF), 0, complex(INF)])], "infinite")
case("Round complex", [3 * z], [np.rint(3 * z)])
case("IsFinite complex", [np.array([1 + 1j, complex(NAN, 1), complex(1, INF), -INF, 0])], [np.array([True, False, False, False, True])])
case("Variance complex", [z], [np.var(z, 1)], ulp=16, gradient=True, axes=[1])
case("Variance complex", [z], [np.var(z)], "all", ulp=16, gradient=True, axes=[])

# Likeness
a, b = f(2, 3, 4), f(2, 5, 4)
unit = lambda v, axis: v / np.linalg.norm(v, axis=axis, keepdims=True)
case("stats.CrossCosineSimilarity", [a, b], [np.einsum("bik,bjk->bij", unit(a, 2), unit(b, 2))], ulp=16, gradient=True, axis=-1, cross=1)
case("stats.CrossCosineSimilarity", [a[0], b[0, :3]], [np.einsum("ki,kj->ij", unit(a[0], 0), unit(b[0, :3], 0))], "columns", ulp=16, gradient=True, axis=0, cross=1)
a, b = f(2, 3) + 1j * f(2, 3), f(4, 3) + 1j * f(4, 3)
case("stats.CrossCosineSimilarity", [a, b], [unit(a, 1) @ unit(b, 1).conj().T], "complex", ulp=16, gradient=True, axis=1, cross=0)
case("stats.CrossCosineSimilarity", [np.array([[0.0, 0], [3, 4]]), np.array([[4.0, 3], [0, 0]])], [np.array([[0.0, 0], [0.96, 0]])], "length 0", ulp=4, axis=1, cross=0)

# Pictures. PyTorch has channels first; most cases come with channels last too, but one layout's gradients are enough.
F = torch.nn.functional


def t(x):
    return torch.tensor(np.asarray(x))


def last(x):
    return np.moveaxis(np.asarray(x), 1, -1)


def pictures(func, x, y, name="", also=(), gradient=False, **args):
    y = np.asarray(y)
    case(func, [x, *also], [y], name, gradient=gradient, **args)
    case(func, [last(x), *also], [last(y)], name + " last", last=True, **args)


modes = {1: "linear", 2: "bilinear", 3: "trilinear"}
for dims, sizes in ((5,), (8,)), ((7,), (3,)), ((4, 5), (6, 3)), ((3, 4), (3, 8)), ((2, 3, 4), (3, 2, 5)), ((1, 3), (2, 1)), ((3, 2), (9, 4)), ((7, 6), (2, 3)):
    x = f(1, 2, *dims)
    name, smooth = f"{dims} to {sizes}", dims in ((4, 5), (7, 6))
    for torch_name, coordinates in ("nearest", "asymmetric"), ("nearest-exact", "half"):
        pictures("vision.Interpolate", x, F.interpolate(t(x), sizes, mode=torch_name), torch_name + " " + name, gradient=smooth,
                 sizes=sizes, method="nearest", coordinates=coordinates)
    for corners in False, True:
        coordinates = "corners" if corners else "half"
        pictures("vision.Interpolate", x, F.interpolate(t(x), sizes, mode=modes[len(dims)], align_corners=corners), f"linear {coordinates} {name}", ulp=16,
                 gradient=smooth, sizes=sizes, coordinates=coordinates)
        if len(dims) == 2:
            pictures("vision.Interpolate", x, F.interpolate(t(x), sizes, mode="bicubic", align_corners=corners), f"cubic {coordinates} {name}", ulp=32,
                     gradient=smooth, sizes=sizes, method="bicubic", coordinates=coordinates)
    if len(dims) == 2:
        for method in "bilinear", "bicubic":
            pictures("vision.Interpolate", x, F.interpolate(t(x), sizes, mode=method, antialias=True), f"{method} antialias {name}", ulp=32,
                     gradient=smooth, sizes=sizes, method=method, antialias=True)


def interpolated(x, n, place, weight, reach):
    """Resamples a vector, element by element."""
    size = len(x)
    y = np.zeros(n)
    for o in range(n):
        s = place(o)
        for i in range(math.floor(s) - reach + 1, math.floor(s) + reach + 1):
            y[o] += weight(abs(s - i)) * x[min(max(i, 0), size - 1)]
    return y


x1 = f(5)
case("vision.Interpolate", [x1.reshape(1, 1, 5)], [interpolated(x1, 8, lambda o: o * 5 / 8, lambda d: max(0, 1 - d), 1).reshape(1, 1, 8)], "asymmetric", ulp=16,
     gradient=True, sizes=[8], coordinates="asymmetric")
keys = lambda d: 1.5 * d**3 - 2.5 * d**2 + 1 if d <= 1 else -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2 if d < 2 else 0
case("vision.Interpolate", [x1.reshape(1, 1, 5)], [interpolated(x1, 8, lambda o: (o + 0.5) * 5 / 8 - 0.5, keys, 2).reshape(1, 1, 8)], "a = -1/2", ulp=32,
     gradient=True, sizes=[8], method="bicubic", cubic=-0.5)
case("vision.Interpolate", [i32([[[1, 2, 3, 4, 5]]])], [i32([[[1, 2, 4, 5]]])], "nearest corners", sizes=[4], method="nearest", coordinates="corners")
case("vision.Interpolate", [np.array([[[1, INF, 3, 4]]])], [np.array([[[INF, 3.5]]])], "an infinity stays where it is", ulp=4, sizes=[2])
case("vision.Interpolate", [(f(1, 1, 3) + 1j * f(1, 1, 3)) * 0 + [[[1j, 1, 2]]]], [np.array([[[1j, 0.25 + 0.75j, 0.75 + 0.25j, 1.25, 1.75, 2]]])], "complex", ulp=4,
     gradient=True, sizes=[6])

for dims, out in ((4, 5), (3, 2)), ((1, 3), (2, 2)), ((3, 2, 4), (2, 1, 3)), ((4,), (6,)):
    x = f(2, 2, *dims)
    grid = (rng.uniform(-1.7, 1.7, (2, *out, len(dims)))).round(3)
    name = str(dims)
    if len(dims) == 1:  # PyTorch begins at two axes: one of height 1
        flat = np.concatenate([grid, np.zeros_like(grid)], -1)[:, None]
        sample = lambda *a, **k: F.grid_sample(t(x)[:, :, None], t(flat), *a, **k)[:, :, 0]
    else:
        sample = lambda *a, **k: F.grid_sample(t(x), t(grid), *a, **k)
    for method in "bilinear", "nearest":
        for mode in "zeros", "border", "reflection":
            for corners in False, True:
                if dims != (4, 5) and corners and mode != "reflection":
                    continue
                y = sample(mode=method, padding_mode=mode, align_corners=corners)
                pictures("vision.GridSample", x, y, f"{method} {mode} {corners} {name}", also=[grid], ulp=128, gradient=dims == (4, 5) and method == "bilinear",
                         method=method, padding=mode, corners=corners)
x, grid = f(1, 1, 3, 3), np.array([[[-1, -1], [9e30, 0.5], [-9e30, 9e30]]])[:, None]
for mode in "zeros", "border":
    y = F.grid_sample(t(x), t(grid), padding_mode=mode, align_corners=False).numpy()
    case("vision.GridSample", [x, grid], [y], "far away " + mode, ulp=16, padding=mode)
    case("vision.GridSample", [x, np.where(grid == -1, NAN, grid)], [y], "NaN is -1, " + mode, ulp=16, padding=mode)  # as PyTorch's documentation says

grid = np.array([INF, -INF, 1.7e308, -1.7e308, NAN])[:, None]
for corners in False, True:  # count as -1, which is the first element
    case("vision.GridSample", [np.repeat(x[:, :, 0], 5, 0), grid[:, None]], [np.repeat(x[:, :, 0, :1], 5, 0)], f"far away reflection {corners}", ulp=16,
         padding="reflection", corners=corners)

for n, sizes in (2, (3, 4)), (3, (2, 3, 1)), (2, (1, 5)):
    theta = f(2, n, n + 1)
    for corners in False, True:
        case("vision.AffineGrid", [theta], [F.affine_grid(t(theta), (2, 1, *sizes), align_corners=corners).numpy()], f"{sizes} {corners}", ulp=16, gradient=True,
             sizes=sizes, corners=corners)

for dims, window, stride, dilation, padding in (
    ((4, 5), (2, 3), (1, 1), (1, 1), (0, 0)), ((5, 6), (3, 2), (2, 3), (1, 2), (1, 2)), ((4, 6), (2, 3), (2, 3), (1, 1), (0, 0)),
    ((5, 7), (2, 3), (2, 3), (1, 1), (1, 1)), ((5, 5), (2, 2), (3, 3), (2, 1), (0, 1)), ((3, 3), (1, 1), (2, 2), (1, 1), (0, 0))):
    x = f(1, 2, *dims)
    y = F.unfold(t(x), window, dilation=dilation, padding=padding, stride=stride)
    out = [(d + 2 * p - l * (k - 1) - 1) // s + 1 for d, k, s, l, p in zip(dims, window, stride, dilation, padding)]
    y5 = y.numpy().reshape(1, 2, *window, *out)
    back = F.fold(y, dims, window, dilation=dilation, padding=padding, stride=stride).numpy()
    args = dict(strides=stride, dilations=dilation, paddings=[[p, p] for p in padding])
    to_last = lambda z: np.transpose(z, (0, 4, 5, 2, 3, 1))
    name = f"{dims} {window} {stride} {dilation} {padding}"
    case("vision.Unfold", [x], [y5], name, gradient=True, window=window, **args)
    case("vision.Unfold", [last(x)], [to_last(y5)], name + " last", window=window, last=True, **args)
    case("vision.Fold", [y5], [back], name, ulp=8, gradient=True, sizes=dims, **args)
    case("vision.Fold", [to_last(y5)], [last(back)], name + " last", ulp=8, sizes=dims, last=True, **args)
x = f(2, 1, 6)
case("vision.Unfold", [x], [np.lib.stride_tricks.sliding_window_view(x[:, :, 1:], 3, -1)[:, :, ::2].swapaxes(2, 3)], "one axis, cropped", gradient=True,
     window=[3], strides=[2], dilations=[1], paddings=[[-1, 0]])
case("vision.Unfold", [i32([[[1, 2, 3]]])], [i32([[[[0, 1, 2], [1, 2, 3]]]])], "integers", window=[2], strides=[1], dilations=[1], paddings=[[1, 0]])

for dims, kernel, stride, padding, more, groups, dilation in (
    ((5,), (3,), (2,), (1,), (1,), 1, (1,)), ((3, 4), (3, 2), (2, 1), (1, 0), (0, 0), 1, (1, 1)), ((3, 4), (2, 3), (3, 2), (0, 2), (1, 1), 2, (2, 1)),
    ((2, 3, 2), (2, 1, 3), (1, 2, 2), (0, 0, 1), (0, 1, 0), 1, (1, 1, 1)), ((3, 3), (1, 1), (2, 3), (0, 0), (1, 0), 4, (1, 1)), ((4,), (5,), (1,), (2,), (0,), 2, (1,))):
    channels = 4 if groups > 1 else 2
    x, k = f(2, channels, *dims), f(channels, 3, *kernel)
    conv = [F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d][len(dims) - 1]
    y = conv(t(x), t(k), stride=stride, padding=padding, output_padding=more, groups=groups, dilation=dilation).numpy()
    name = f"{dims} {kernel} {stride} {groups}"
    args = dict(strides=stride, paddings=[[p, p] for p in padding], more=more, groups=groups, dilations=dilation)
    case("vision.ConvTranspose", [x, k], [y], name, ulp=32, gradient=len(dims) < 3, **args)
    case("vision.ConvTranspose", [last(x), np.moveaxis(k, (0, 1), (-1, -2))], [last(y)], name + " last", ulp=32, last=True, **args)
for n, k, s in (4, 3, 2), (4, 2, 3), (3, 5, 2), (3, 4, 1):
    x, w = f(1, 2, n), f(2, 3, k)
    y = np.zeros((1, 3, max((n - 1) * s + k, n * s)))
    y[:, :, :(n - 1) * s + k] = F.conv_transpose1d(t(x), t(w), stride=s).numpy()
    cut = max(k - s, 0) // 2
    case("vision.ConvTranspose", [x, w], [y[:, :, cut:cut + n * s]], f"same {n} {k} {s}", ulp=32, gradient=True, strides=[s], dilations=[1], groups=1, same=True)

for dims, sizes in ((5,), (3,)), ((7, 5), (3, 2)), ((6, 4), (3, 2)), ((4, 5), (1, 1)), ((3, 4), (5, 6)), ((4, 5, 3), (2, 3, 2)), ((10,), (4,)):
    x = f(2, 2, *dims)
    for func, fn in ("Mean", [F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d]), ("Max", [F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d]):
        pictures(f"vision.Adaptive{func}Pool", x, fn[len(dims) - 1](t(x), sizes), f"{dims} to {sizes}", ulp=16 * (func == "Mean"), gradient=dims == (7, 5), sizes=sizes)
case("vision.AdaptiveMaxPool", [np.array([[[1, NAN, 3, 4, 5.0]]])], [np.array([[[NAN, NAN, 5]]])], "NaN", sizes=[3])
case("vision.AdaptiveMaxPool", [i32([[[1, 9, 3, 4, 5]]])], [i32([[[9, 9, 5]]])], "integers", sizes=[3])
case("vision.AdaptiveMeanPool", [np.array([[[1, 2, 3, 4, INF]]])], [np.array([[[1.5, 3, INF]]])], "infinity", ulp=4, sizes=[3])

# Signals
x, z = f(2, 3, 4), f(2, 3, 4) + 1j * f(2, 3, 4)
for axes in [], [0], [1], [0, 2], [-1, 0], [2, 1, 0]:
    over = axes or None
    case("signal.FFTN", [z], [np.fft.fftn(z, axes=over)], f"{axes}", ulp=32, gradient=True, axes=axes)
    case("signal.InverseFFTN", [z], [np.fft.ifftn(z, axes=over)], f"{axes}", ulp=32, gradient=True, axes=axes)
    case("signal.RealFFTN", [x], [np.fft.rfftn(x, axes=over)], f"{axes}", ulp=32, gradient=True, axes=axes)
    half = np.fft.rfftn(x, axes=over)
    n = x.shape[axes[-1] if axes else -1]
    case("signal.InverseRealFFTN", [half], [np.fft.irfftn(half, [x.shape[a] for a in axes] or x.shape, axes=over or (0, 1, 2))], f"{axes}", ulp=32, gradient=True, n=n, axes=axes)
case("signal.FFTN", [x], [np.fft.fftn(x)], "real", ulp=32, gradient=True, axes=[])
deep = f(2, 3, 2, 3, 2) + 1j * f(2, 3, 2, 3, 2)
case("signal.FFTN", [deep], [np.fft.fftn(deep)], "five axes", ulp=64, axes=[])
case("signal.InverseFFTN", [deep], [np.fft.ifftn(deep)], "five axes", ulp=64, axes=[])
case("signal.RealFFTN", [deep.real], [np.fft.rfftn(deep.real)], "five axes", ulp=64, axes=[])
case("signal.FFT2", [z], [np.fft.fft2(z)], ulp=32, gradient=True)
case("signal.InverseFFT2", [z], [np.fft.ifft2(z)], ulp=32, gradient=True)
case("signal.RealFFT2", [x], [np.fft.rfft2(x)], ulp=32, gradient=True)
case("signal.InverseRealFFT2", [np.fft.rfft2(x)], [x], ulp=32, gradient=True, n=4)
odd = f(3, 5)
case("signal.InverseRealFFT2", [np.fft.rfft2(odd)], [odd], "odd", ulp=32, gradient=True, n=5)
for n in 1, 2, 5, 8:
    one = np.ones(n)
    case("signal.FFTFrequencies", [one], [np.fft.fftfreq(n, 0.1)], f"{n}", ulp=2, n=n, spacing=0.1)
    half = np.ones(n // 2 + 1)
    case("signal.RealFFTFrequencies", [half], [np.fft.rfftfreq(n, 0.1)], f"{n}", ulp=2, n=n, spacing=0.1)
    row = i32(np.arange(n))
    case("signal.FFTShift", [row], [np.fft.fftshift(row)], f"{n}", axes=[])
    case("signal.InverseFFTShift", [row], [np.fft.ifftshift(row)], f"{n}", axes=[])
for axes in [], [1], [0, -1]:
    case("signal.FFTShift", [x], [np.fft.fftshift(x, axes or None)], f"{axes}", gradient=True, axes=axes)
    case("signal.InverseFFTShift", [x], [np.fft.ifftshift(x, axes or None)], f"{axes}", gradient=True, axes=axes)
for n in 1, 2, 7, 8:
    one = np.ones(n)
    for periodic in False, True:
        for func, name in ("Hann", "hann"), ("Hamming", "hamming"), ("Blackman", "blackman"):
            case("signal." + func, [one], [signal.get_window(name, n, periodic)], f"{n} {periodic}", ulp=4, n=n, periodic=periodic)
        for beta in 0.0, 8.5, 50.0:
            case("signal.Kaiser", [one], [signal.get_window(("kaiser", beta), n, periodic)], f"{n} {periodic} {beta}", ulp=64, n=n, periodic=periodic, beta=beta)
for n in 2, 5, 8, 1:
    x = f(2, n)
    for kind in 1, 2, 3, 4:
        if n == 1 and kind == 1:
            continue
        for ortho in False, True:
            norm = "ortho" if ortho else "backward"
            case("signal.DCT", [x], [fft.dct(x, kind, axis=1, norm=norm)], f"{kind} {n} {ortho}", ulp=32, gradient=n == 5, kind=kind, axis=1, orthonormal=ortho)
            case("signal.InverseDCT", [x], [fft.idct(x, kind, axis=1, norm=norm)], f"{kind} {n} {ortho}", ulp=32, gradient=n == 5, kind=kind, axis=-1, orthonormal=ortho)
x = f(4, 3, 2)
case("signal.DCT", [x], [fft.dct(x, 2, axis=1)], "in the middle", ulp=32, kind=2, axis=1, orthonormal=False)
for size, n, win, hop, center in (20, 8, 8, 2, False), (21, 8, 8, 3, True), (19, 6, 6, 6, False), (20, 9, 6, 4, True), (20, 5, 5, 7, False):
    x, w = f(2, size), signal.get_window("hann", win, True).round(3) + 0.125
    z = torch.stft(t(x), n, hop, win, t(w), center=center, return_complex=True)
    case("signal.STFT", [x, w], [z.numpy().swapaxes(1, 2)], f"{size} {n} {win} {hop} {center}", ulp=32, gradient=True, n=n, hop=hop, center=center)
    frames = z.numpy().swapaxes(1, 2)
    if hop <= win:
        args = {}
        y = torch.istft(z, n, hop, win, t(w), center=center) if center or win == n else None
        if y is not None:
            case("signal.InverseSTFT", [frames, w], [y.numpy()], f"{size} {n} {win} {hop} {center}", ulp=64, gradient=True, n=n, hop=hop, center=center)
            y = torch.istft(z, n, hop, win, t(w), center=center, length=size - 3)
            case("signal.InverseSTFT", [frames, w], [y.numpy()], f"length {size} {n} {win} {hop} {center}", ulp=64, n=n, hop=hop, center=center, length=size - 3)
for n, m in (5, 3), (3, 5), (7, 7), (1, 1), (8, 1):
    a, b = f(2, n), f(2, m)
    for mode in "full", "same", "valid":
        if mode == "valid" and m > n:
            continue
        y = signal.fftconvolve(a, b, mode, axes=1)
        case("signal.Convolve", [a, b], [y], f"{mode} {n} {m}", ulp=64, gradient=True, mode=mode)
a, b = f(5) + 1j * f(5), f(3) + 1j * f(3)
case("signal.Convolve", [a, b], [np.convolve(a, b)], "complex", ulp=64, gradient=True, mode="full")
a, b = f(3, 6), f(4)
case("signal.Convolve", [a, b], [np.stack([np.convolve(r, b) for r in a])], "one for all", ulp=64, gradient=True, mode="full")




def eig(a):
    w, v = np.linalg.eig(a)
    w, v = w.astype(complex), v.astype(complex)
    unit = np.sqrt(np.finfo(float).eps) * (np.abs(w).max() or 1)
    order = np.lexsort((w.imag, np.round(w.real / unit)))
    w, v = w[order], v[:, order]
    return w, v * phases(v).conj()


def eigcases(a, name, ulp, gradient=False, vectors=True, absolute=None):
    """vectors says that they are well conditioned and have one largest element."""
    w, v = each(eig, a)
    if vectors:
        case("linalg.Eig", [a], [w, v], name, ulp=ulp, absolute=absolute, gradient=gradient and not np.iscomplexobj(a) and not w.imag.any())
        if a.shape[-1] <= 4:
            case("linalg.Eig", [a], [np.einsum("...ik,...jk->...kij", v, v.conj())], "projectors " + name, of="projectors", ulp=ulp, gradient=gradient)
    else:
        case("linalg.Eig", [a], [np.ones(a.shape), np.ones(a.shape[:-2] + (1,) + a.shape[-1:])], "product " + name, of="product", ulp=ulp)
    case("linalg.EigVals", [a], [w], name, ulp=ulp, absolute=absolute, gradient=gradient)


rng = np.random.default_rng(3)
for kind, new in ("", f), ("complex", cf):
    for dims in (3, 3), (2, 2, 4, 4), (1, 1), (2, 2):
        eigcases(new(*dims), f"{kind} {dims}", 4096, len(dims) == 2 and dims != (1, 1))
    eigcases(new(8, 8), f"{kind} 8", 1 << 14)
x1 = f(4, 4)
eigcases(x1 @ np.diag([1.0, 2, 3, 5]) @ np.linalg.inv(x1), "real eigenvalues", 1 << 14, True)
eigcases(np.diag([3.0, 1, 2, -1]), "diagonal", 64)
eigcases(np.triu(f(5, 5)) + np.diag(np.arange(5.0)), "triangular", 1 << 12)
eigcases(f(3, 3) * 1e-200, "tiny", 1 << 12, absolute=0)
eigcases(f(3, 3) * 1e200, "large", 1 << 12, absolute=0)
eigcases(np.roll(np.eye(5), 1, 1), "circle", 256, vectors=False)
eigcases(np.array([[0.0, 0], [1, 0]]), "defective", 64, vectors=False)
eigcases(np.zeros((3, 3)), "zeros", 0)
case("linalg.EigVals", [np.diag(np.full(3, 2.0)) + np.diag(np.ones(2), 1)], [np.full(3, 2 + 0j)], "defective", ulp=64)
case("linalg.EigVals", [np.array([[1.0, NAN], [2, 3]])], [np.full(2, NAN + 0j) + 1j * NAN], "NaN")
turn = np.array([[0.0, -1], [1, 0]])
for size in 1e-60, 1e-300, 1e300, 1e308:
    case("linalg.EigVals", [size * turn], [size * np.array([-1j, 1j])], f"{size}", ulp=64, absolute=0)
for bad in NAN, INF, -INF:
    for i in np.ndindex(2, 2):
        a = np.array([[1.0, 2], [4, 3]])
        a[i] = bad
        nans = np.full((2, 2), complex(NAN, NAN))
        case("linalg.Eig", [np.stack([a, np.diag([1.0, 2])])], [np.stack([nans[0], [1, 2]]), np.stack([nans, np.eye(2)])], f"{bad} at {i}")
for dims in (0, 0), (2, 0, 0):
    a = np.zeros(dims)
    case("linalg.Eig", [a], [np.zeros(dims[:-2] + (0,), complex), a + 0j], f"empty {dims}")

# Quantised numbers


def pack(codes, bits):
    """Codes from 0 to 2^bits - 1, the first in the lowest bits of a byte."""
    per = 8 // bits
    c = codes.astype(np.int64).reshape(codes.shape[:-1] + (codes.shape[-1] // per, per))
    return (c << np.arange(per) * bits).sum(-1).astype(np.uint8)


# QLoRA's numbers as its code has them, and by its definition: quantiles between those of 0.9677083 and its counterpart, 8 of them negative,
# 8 positive, and 0.
nf4 = np.array([-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
                -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
                0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1])
ends = np.linspace(0.9677083, 0.5, 9)[:-1], np.linspace(0.9677083, 0.5, 8)[:-1]
quantiles = np.sort(np.concatenate([stats.norm.ppf(ends[0]), -stats.norm.ppf(ends[1]), [0]]))
assert np.abs(nf4 - quantiles / quantiles.max()).max() < 1e-6
FLOATS = {"float8_e4m3fn": ml_dtypes.float8_e4m3fn, "float8_e5m2": ml_dtypes.float8_e5m2}


def quantize(x, kind, bits, group):
    """Codes packed, scales, and biases if there are any; a group after the other."""
    g = x.reshape(1, 1, x.size) if group == -1 else x.reshape(-1, x.shape[-1] // group, group)
    codes, scales, biases = np.zeros(g.shape, np.int64), np.ones(g.shape[:-1], x.dtype), np.zeros(g.shape[:-1], x.dtype)
    for i in np.ndindex(*g.shape[:-1]):
        v = g[i]
        most = np.abs(v).max()
        if kind == "affine":
            steps, lo, hi = 2**bits - 1, v.min(), v.max()
            edge = lo if abs(lo) > abs(hi) else hi
            if hi > lo:
                s = (hi - lo) / steps * (1 if abs(lo) > abs(hi) else -1)
                scales[i] = edge / np.round(edge / s)
            biases[i] = edge
            codes[i] = np.clip(np.round((v - edge) / scales[i]), 0, steps)
        elif kind == "symmetric":
            scales[i] = most / (2 ** (bits - 1) - 1)
            codes[i] = np.round(v / (scales[i] or 1)).astype(np.int64) % 2**bits
        elif kind == "nf4":
            scales[i] = most
            codes[i] = np.abs((v / (most or 1))[:, None] - nf4).argmin(1)
        else:
            scales[i] = most / float(ml_dtypes.finfo(FLOATS[kind]).max)
            codes[i] = (v / (scales[i] or 1)).astype(FLOATS[kind]).view(np.uint8)
    shape = (1,) * x.ndim if group == -1 else x.shape[:-1] + (x.shape[-1] // group,)
    out = [pack(codes.reshape(x.shape), bits), scales.reshape(shape)]
    return out + [biases.reshape(shape)] if kind == "affine" else out


def dequantize(parts, kind, bits, group):
    packed = parts[0]
    codes = (packed[..., None] >> np.arange(8 // bits, dtype=np.uint8) * bits & 2**bits - 1).reshape(packed.shape[:-1] + (-1,))
    if kind == "symmetric":
        v = codes.astype(float) - (codes >= 2 ** (bits - 1)) * 2.0**bits
    elif kind == "nf4":
        v = nf4[codes]
    else:
        v = codes.astype(float) if kind == "affine" else codes.view(FLOATS[kind]).astype(float)
    repeat = (lambda s: s) if group == -1 else lambda s: np.repeat(s, group, -1)
    return v * repeat(parts[1]) + (repeat(parts[2]) if kind == "affine" else 0)


rng = np.random.default_rng(4)
for kind, bits in ("affine", 2), ("affine", 4), ("affine", 8), ("symmetric", 2), ("symmetric", 4), ("symmetric", 8), ("nf4", 4), ("float8_e4m3fn", 8), ("float8_e5m2", 8):
    x1 = f(3, 8)
    x1[1, 4:], x1[2, :4] = 0, 0.3
    for group in 4, 8, -1:
        how, name = dict(kind=kind, bits=bits, group=group), f"{kind} {bits} {group}"
        parts = quantize(x1, **how)
        y1 = dequantize(parts, **how)
        case("quant.Quantize", [x1], parts, name, ulp=8, **how)
        case("quant.Dequantize", parts, [y1], name, ulp=8, gradient=True, **how)
        case("quant.FakeQuantize", [x1], [y1], name, ulp=64, **how)
        if group == 4:
            x2 = f(2, 8)
            case("quant.MatMulTransposed", [x2, *parts], [x2 @ y1.T], name, ulp=64, gradient=True, **how)
        elif group == 8:
            x2 = f(2, 1, 3)
            case("quant.MatMul", [x2, *parts], [x2 @ y1], name, ulp=64, gradient=True, **how)
        if group != 8:
            at = i32([[2, 0], [1, 2]])
            case("quant.Rows", [at, *parts], [y1[at]], name, ulp=8, gradient=True, **how)
    x1 = f(3, 2, 4)
    how = dict(kind=kind, bits=bits, group=4)
    parts = quantize(x1, **how)
    y1 = dequantize(parts, **how)
    at, x2 = i32([2, 0, 2, 1]), f(4, 2, 4)
    case("quant.GatherMatMul", [x2, at, *parts], [x2 @ np.swapaxes(y1[at], 1, 2)], f"{kind} {bits}", ulp=64, gradient=True, **how)
    x2 = f(3, 1, 4)
    case("quant.MatMulTransposed", [x2, *parts], [x2 @ np.swapaxes(y1, 1, 2)], f"batches {kind} {bits}", ulp=64, gradient=True, **how)
    x1 = np.zeros((2, 0))
    case("quant.FakeQuantize", [x1], [x1], f"empty {kind} {bits}", kind=kind, bits=bits, group=8)
for bits, signed, unsigned in (1, None, np.uint8), (2, ml_dtypes.int2, ml_dtypes.uint2), (4, ml_dtypes.int4, ml_dtypes.uint4), (8, np.int8, np.uint8):
    every = np.tile(np.arange(2**bits) if bits < 8 else np.arange(0, 256, 5), (2, 8 // bits))
    case("quant.Pack", [every.astype(np.uint8)], [pack(every, bits)], f"uint{bits}", bits=bits)
    case("quant.Unpack", [pack(every, bits)], [every.astype(unsigned).astype(np.uint8)], f"uint{bits}", bits=bits, signed=False)
    negative = every - 2**bits * (every >= 2 ** (bits - 1))
    if bits in (2, 4):
        assert negative.min() == ml_dtypes.iinfo(signed).min and negative.max() == ml_dtypes.iinfo(signed).max
    case("quant.Pack", [i32(negative)], [pack(every, bits)], f"int{bits}", bits=bits)
    case("quant.Unpack", [pack(every, bits)], [negative.astype(np.int8)], f"int{bits}", bits=bits, signed=True)


def ragged(x, w, sizes):
    y, at = np.zeros((len(x), w.shape[2]), x.dtype), 0
    for g, n in enumerate(sizes):
        n = max(n, 0)
        y[at : at + n] = x[at : at + n] @ w[g]
        at += n
    return y


for m, k, n, sizes in (7, 3, 2, [2, 0, 4, 1]), (8, 2, 3, [8, 0]), (9, 2, 2, [1, 2, 3]), (5, 1, 1, [0, 0, 9, 1]), (3, 2, 2, [0, 1, 0, 0, 1, 0, 1, 0]), (4, 2, 2, [-1, 2, 2]), (1, 3, 2, [1]), (0, 2, 3, [0, 0]), (3, 2, 1, []), (2, 0, 3, [1, 1]), (64, 2, 3, [33, 0, 5, 26]):
    x1, w1 = f(m, k), f(len(sizes), k, n)
    case("segment.RaggedDot", [x1, w1, i32(sizes)], [ragged(x1, w1, sizes)], f"{m} {k} {n} {sizes}", ulp=16, gradient=m * k * len(sizes) > 0)
x1, w1, sizes = cf(5, 2), cf(2, 2, 3), np.array([3, 1], np.uint8)
case("segment.RaggedDot", [x1, w1, sizes], [ragged(x1, w1, sizes)], "complex", ulp=16, gradient=True)
x1, w1, sizes = i32(np.arange(300) % 7)[:, None], i32([[[2]], [[3]]]), i32([131, 160])
case("segment.RaggedDot", [x1, w1, sizes], [ragged(x1, w1, sizes)], "many rows")
x1, w1, sizes = i32(rng.integers(-5, 6, (5, 2))), i32(rng.integers(-5, 6, (2, 2, 3))), np.array([3, 2])
case("segment.RaggedDot", [x1, w1, sizes], [ragged(x1, w1, sizes)], "integers")
x1, w1, sizes = f(600, 1), f(2, 1, 2), i32([300, 290])
case("segment.RaggedDot", [x1, w1, sizes], [ragged(x1, w1, sizes)], "large groups", ulp=16, gradient=True)
x1, w1 = f(5, 2), f(3, 2, 2)
for sizes in (np.array([1, 1 << 32, 1]), np.array([-(1 << 32), 2, 9]), np.array([1, 3000000000, 1], np.uint32), np.array([1 << 63, 1, 1], np.uint64),
              np.array([2, 1 << 62, 1 << 62]), i32([2147483647, 2147483647, 2147483647]), np.array([2, -128, 2], np.int8)):
    case("segment.RaggedDot", [x1, w1, sizes], [ragged(x1, w1, [int(n) for n in sizes])], f"{sizes.dtype} {sizes.tolist()}", ulp=16)


# Norms by PyTorch; rotary positions by the formulas of transformers (rotate_half) and of the paper (products of complex numbers);
# attention by PyTorch, with sinks as in gpt-oss (a column of the softmax that is dropped), and with caps as in Gemma 2.
rng = np.random.default_rng(5)
nn = torch.nn.functional


def t64(x):
    return None if x is None else torch.tensor(np.asarray(x))


x1, weight, bias = f(2, 3, 8), f(8), f(8)
for eps in 0.0, 1e-5:
    for w1 in None, weight:
        name = f"eps {eps}{'' if w1 is None else ' weight'}"
        case("fast.RMSNorm", [x1] + [w for w in [w1] if w is not None], [nn.rms_norm(t64(x1), (8,), t64(w1), eps).numpy()], name, ulp=16, gradient=True, eps=eps)
        for b1 in None, bias:
            given = [w for w in (w1, b1) if w is not None]
            case("fast.LayerNorm", [x1] + given, [nn.layer_norm(t64(x1), (8,), t64(w1), t64(b1), eps).numpy()], f"{name} {b1 is not None}", ulp=16, gradient=True,
                 eps=eps, weight=w1 is not None, bias=b1 is not None)


def rope(x, dims, base=10000.0, scale=1.0, traditional=False, frequencies=None, offset=0):
    d = base ** (np.arange(0, dims, 2) / dims) if frequencies is None else frequencies
    at = np.asarray(offset).reshape((-1,) + (1,) * (x.ndim - 2)) + np.arange(x.shape[-2]) if np.ndim(offset) else offset + np.arange(x.shape[-2])
    angles = (at * scale)[..., None] / d
    y = x.copy()
    if traditional:
        z = (x[..., 0:dims:2] + 1j * x[..., 1:dims:2]) * np.exp(1j * angles)
        y[..., 0:dims:2], y[..., 1:dims:2] = z.real, z.imag
        return y
    both = np.concatenate([angles, angles], -1)
    turned = np.concatenate([-x[..., dims // 2 : dims], x[..., : dims // 2]], -1)
    y[..., :dims] = x[..., :dims] * np.cos(both) + turned * np.sin(both)
    return y


x1 = f(2, 2, 3, 8)
for traditional in False, True:
    for how in (dict(), dict(dims=4), dict(dims=0), dict(base=100.0, scale=0.5), dict(frequencies=np.array([1.0, 3, 7, 20])), dict(dims=4, offset=5), dict(offset=np.int64(7)),
                dict(offset=np.array([3, 0], np.int32)), dict(frequencies=np.array([2.0, 5]), dims=4, offset=np.array([1, 9]), scale=2.0)):
        inputs, args = [x1], dict(how, traditional=traditional)
        if "frequencies" in how:
            inputs.append(how["frequencies"])
            args["frequencies"] = True
        if not isinstance(how.get("offset", 0), int):
            inputs.append(np.asarray(how["offset"]))
            args["offset"] = -1
        y1 = rope(x1, how.get("dims", 8), **{k: v for k, v in {**how, "traditional": traditional}.items() if k != "dims"})
        # frequencies are given, and second differences along them are too coarse
        case("fast.RoPE", inputs, [y1], " ".join([f"{traditional}", *how]), ulp=64, gradient="frequencies" not in how, **args)


def attend(q, k, v, masks=(), sinks=None, causal=False, window=0, offset=None, scale=None, cap=0.0):
    tq, tk, groups = q.shape[-2], k.shape[-2], q.shape[-3] // k.shape[-3]
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    first = tk - tq if offset is None else np.asarray(offset).reshape((-1,) + (1,) * (q.ndim - 1)) if np.ndim(offset) else offset
    i, j = first + np.arange(tq)[:, None], np.arange(tk)
    shown = np.ones(np.broadcast_shapes(np.shape(i), np.shape(j)), bool)
    if causal:
        shown = shown & (j <= i)
    if window:
        shown = shown & (np.abs(i - j) < window)
    bias = np.where(shown, 0.0, -INF)
    for m in masks:
        bias = bias + (np.where(m, 0.0, -INF) if m.dtype == bool else m)
    q1, k1, v1 = t64(q), t64(np.repeat(k, groups, -3)), t64(np.repeat(v, groups, -3))
    bias = torch.broadcast_to(t64(bias), q1.shape[:-1] + (tk,))
    seen = bias.amax(-1, keepdim=True) > -INF
    if not sinks is None or cap:
        s = q1 @ k1.mT * scale
        s = torch.tanh(s / cap) * cap if cap else s
        s = s + bias
        if sinks is not None:
            s = torch.cat([s, t64(sinks)[:, None, None].expand(q1.shape[:-1] + (1,))], -1)
        y = torch.softmax(s, -1)[..., :tk] @ v1
    else:
        y = nn.scaled_dot_product_attention(q1, k1, v1, attn_mask=bias, scale=scale)
    return torch.where(seen, y, 0.0).numpy()


q1, k1, v1 = f(2, 4, 3, 4), f(2, 4, 5, 4), f(2, 4, 5, 2)
gk, gv = f(2, 2, 5, 4), f(2, 2, 5, 2)
shown, added, sinks = rng.random((2, 1, 3, 5)) < 0.7, f(4, 3, 5), f(4)
shown[..., 0] = True
for name, keys, values, masks, how in (
    ("plain", k1, v1, [], {}), ("one query", k1, v1, [], dict(causal=True)), ("shared heads", gk, gv, [], dict(scale=0.3)),
    ("causal", gk, gv, [], dict(causal=True)), ("as many keys", q1, f(2, 4, 3, 2), [], dict(causal=True)),
    ("window", k1, v1, [], dict(causal=True, window=2)), ("window both ways", k1, v1, [], dict(window=2)), ("window of one", k1, v1, [], dict(causal=True, window=1)),
    ("offset", gk, gv, [], dict(causal=True, offset=1)), ("offset of rows", gk, gv, [], dict(causal=True, offset=np.array([0, 2], np.int32))),
    ("offset and window", gk, gv, [], dict(causal=True, window=2, offset=np.array([2, 0]))), ("none seen", k1, v1, [], dict(causal=True, window=1, offset=4)),
    ("bools", k1, v1, [shown], {}), ("numbers", gk, gv, [added], dict(causal=True)), ("both", gk, gv, [shown, added], {}),
    ("sinks", gk, gv, [], dict(sinks=sinks)), ("all", gk, gv, [shown, added], dict(sinks=sinks, causal=True, window=3, cap=2.0, scale=1.5)),
    ("cap", gk, gv, [], dict(cap=1.5, causal=True)), ("sinks and none seen", k1, v1, [], dict(causal=True, window=1, offset=4, sinks=sinks))):
    query = q1[..., :1, :] if name == "one query" else q1
    inputs, args = [query, keys, values, *masks], {k: v for k, v in how.items() if k != "sinks"}
    args["masks"] = len(masks)
    if "sinks" in how:
        inputs.append(sinks)
        args["sinks"] = True
    if np.ndim(how.get("offset", 0)):
        inputs.append(how["offset"])
        args["offset"] = -1
    case("fast.ScaledDotProductAttention", inputs, [attend(query, keys, values, masks, **how)], name, ulp=64, gradient="none" not in name, **args)


# Blocks of floats with scales of a byte, as MLX's modes of these names have them, and codes that go on from byte to byte.
rng = np.random.default_rng(6)
E2M1, E8M0, E4M3 = ml_dtypes.float4_e2m1fn, ml_dtypes.float8_e8m0fnu, ml_dtypes.float8_e4m3fn


def blocks(x, kind, group):
    """Codes packed, scales, and the numbers that they stand for."""
    g = x.reshape(-1, group)
    most = np.abs(g).max(1)
    if kind == "nvfp4":
        scales = np.minimum(most / 6, 448).astype(E4M3)
    else:
        n = np.array([np.clip(np.round(np.log2(m / (448 if kind == "mxfp8" else 6))), -127, 127) + 127 if m > 0 else 0 for m in most])
        scales = n.astype(np.uint8).view(E8M0)
    s = scales.astype(np.float64)
    v = g / np.where(s == 0, 1, s)[:, None]
    codes = np.clip(v, -448, 448).astype(E4M3) if kind == "mxfp8" else np.clip(v, -6, 6).astype(E2M1)
    bits = codes.view(np.uint8) if kind == "mxfp8" else codes.view(np.uint8) & 15
    bits = np.where((bits == 8) & (v == 0), 0, bits)  # -0 has no sign
    y = (codes.astype(float) * s[:, None]).reshape(x.shape)
    return [pack(bits.reshape(x.shape), 8 if kind == "mxfp8" else 4), scales.view(np.uint8).reshape(x.shape[:-1] + (-1,)), y]


for kind, bits, group in ("mxfp4", 4, 32), ("mxfp8", 8, 32), ("nvfp4", 4, 16):
    x1 = f(3, 64) * np.array([[1], [100], [1e-3]])
    x1[1, :32] = 0
    x1[0, :9] = [6, 0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5, -5]  # half-way, as scales of 1 leave them
    x1[0, 9:32] = np.clip(x1[0, 9:32], -6, 6)
    how, parts = dict(kind=kind, bits=bits, group=group), blocks(x1, kind, group)
    y1 = parts.pop()
    case("quant.Quantize", [x1.astype(np.float32)], parts, kind, **how)
    case("quant.Dequantize", parts, [y1.astype(np.float32)], kind, **how)
    every = (np.arange(256) if bits == 8 else pack(np.arange(512) % 16, 4)).astype(np.uint8)
    every = np.where((every & 127) == 127, 0, every).reshape(2, -1) if bits == 8 else every.reshape(2, -1)
    scales = np.arange(100, 100 + every.size * 8 // bits // group, dtype=np.uint8).reshape(2, -1)
    numbers = every.view(E4M3).astype(float) if bits == 8 else ((every[..., None] >> np.array([0, 4], np.uint8)) & 15).reshape(2, -1).view(E2M1).astype(float)
    numbers = numbers * np.repeat(scales.view(E4M3 if kind == "nvfp4" else E8M0).astype(float), group, -1)
    case("quant.Dequantize", [every, scales], [numbers.astype(np.float32)], f"{kind} every code", **how)
    x2 = f(2, 64)
    case("quant.MatMulTransposed", [x2, *parts], [x2 @ y1.T], kind, ulp=64, gradient=True, **how)
    case("quant.MatMul", [f(2, 3) * 0 + 1, *parts], [np.ones((2, 3)) @ y1], kind, ulp=64, **how)
    case("quant.GatherMatMul", [x2[:, None], i32([0, 0]), *(p[None] for p in parts)], [(x2 @ y1.T)[:, None]], kind, ulp=64, **how)
    case("quant.Rows", [i32([2, 0]), *parts], [y1[[2, 0]].astype(np.float32)], kind, **how)


def stream(codes, bits):
    """Codes one after the other, in a number as long as all of them."""
    out = np.zeros(codes.shape[:-1] + (codes.shape[-1] * bits // 8,), np.uint8)
    for i in np.ndindex(*codes.shape[:-1]):
        whole = sum(int(c) << bits * j for j, c in enumerate(codes[i]))
        out[i] = np.frombuffer(whole.to_bytes(out.shape[-1], "little"), np.uint8)
    return out


for bits in 3, 5, 6:
    every = np.tile(rng.permutation(2**bits), (2, 1))
    every[1] = every[1, ::-1]
    case("quant.Pack", [every.astype(np.uint8)], [stream(every, bits)], f"uint{bits}", bits=bits)
    case("quant.Unpack", [stream(every, bits)], [every.astype(np.uint8)], f"uint{bits}", bits=bits, signed=False)
    negative = every - 2**bits * (every >= 2 ** (bits - 1))
    case("quant.Unpack", [stream(every, bits)], [negative.astype(np.int8)], f"int{bits}", bits=bits, signed=True)
    x1, how = f(3, 16), dict(kind="affine", bits=bits, group=8)
    pack, plain = (lambda codes, bits: codes), pack
    codes, scales, biases = quantize(x1, **how)
    pack = plain
    parts = [stream(codes, bits), scales, biases]
    y1 = codes * np.repeat(scales, 8, -1) + np.repeat(biases, 8, -1)
    case("quant.Quantize", [x1], parts, f"affine {bits}", ulp=8, **how)
    case("quant.Dequantize", parts, [y1], f"affine {bits}", ulp=8, gradient=True, **how)
    x2 = f(2, 16)
    case("quant.MatMulTransposed", [x2, *parts], [x2 @ y1.T], f"affine {bits}", ulp=64, gradient=True, **how)

print(json.dumps({"made by": f"make.py with numpy {np.__version__}, scipy {scipy.__version__}, torch {torch.__version__.partition('+')[0]}, ml_dtypes {ml_dtypes.__version__}"})[:-1] + ', "cases": [')
print(",\n".join(json.dumps(c) for c in cases))
print("]}")
