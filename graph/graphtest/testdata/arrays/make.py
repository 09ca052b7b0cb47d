"""Makes arrays.json: calls of functions that are made of ops, and what NumPy and SciPy return for them.

    pip install numpy==2.4.6 scipy==1.17.1 ml_dtypes==0.6.0
    python make.py > arrays.json

Where neither has a function, its meaning is written out below, one element after the other. "gradient" says that the result is
smooth around the inputs, so that gradients can be compared with differences.
"""

import json
import math

import ml_dtypes
import numpy as np
import scipy
from scipy import linalg, special, stats

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


def case(func, inputs, outputs, name="", ulp=0, gradient=False, **args):
    cases.append({"func": func, "name": name, "args": args, "ulp": ulp, "gradient": gradient,
                  "in": [value(x) for x in inputs], "out": [value(y) for y in outputs]})


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



def eig(a):
    w, v = np.linalg.eig(a)
    w, v = w.astype(complex), v.astype(complex)
    unit = np.sqrt(np.finfo(float).eps) * (np.abs(w).max() or 1)
    order = np.lexsort((w.imag, np.round(w.real / unit)))
    w, v = w[order], v[:, order]
    return w, v * phases(v).conj()


def eigcases(a, name, ulp, gradient=False, vectors=True):
    """vectors says that they are well conditioned and have one largest element."""
    w, v = each(eig, a)
    if vectors:
        case("linalg.Eig", [a], [w, v], name, ulp=ulp, gradient=gradient and not np.iscomplexobj(a) and not w.imag.any())
        if a.shape[-1] <= 4:
            case("linalg.Eig", [a], [np.einsum("...ik,...jk->...kij", v, v.conj())], "projectors " + name, of="projectors", ulp=ulp, gradient=gradient)
    else:
        case("linalg.Eig", [a], [np.ones(a.shape), np.ones(a.shape[:-2] + (1,) + a.shape[-1:])], "product " + name, of="product", ulp=ulp)
    case("linalg.EigVals", [a], [w], name, ulp=ulp, gradient=gradient)


rng = np.random.default_rng(3)
for kind, new in ("", f), ("complex", cf):
    for dims in (3, 3), (2, 2, 4, 4), (1, 1), (2, 2):
        eigcases(new(*dims), f"{kind} {dims}", 4096, len(dims) == 2 and dims != (1, 1))
    eigcases(new(8, 8), f"{kind} 8", 1 << 14)
x1 = f(4, 4)
eigcases(x1 @ np.diag([1.0, 2, 3, 5]) @ np.linalg.inv(x1), "real eigenvalues", 1 << 14, True)
eigcases(np.diag([3.0, 1, 2, -1]), "diagonal", 64)
eigcases(np.triu(f(5, 5)) + np.diag(np.arange(5.0)), "triangular", 1 << 12)
eigcases(f(3, 3) * 1e-200, "tiny", 1 << 12)
eigcases(f(3, 3) * 1e200, "large", 1 << 12)
eigcases(np.roll(np.eye(5), 1, 1), "circle", 256, vectors=False)
eigcases(np.array([[0.0, 0], [1, 0]]), "defective", 64, vectors=False)
eigcases(np.zeros((3, 3)), "zeros", 0)
case("linalg.EigVals", [np.diag(np.full(3, 2.0)) + np.diag(np.ones(2), 1)], [np.full(3, 2 + 0j)], "defective", ulp=64)
case("linalg.EigVals", [np.array([[1.0, NAN], [2, 3]])], [np.full(2, NAN + 0j) + 1j * NAN], "NaN")
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

print(json.dumps({"made by": f"make.py with numpy {np.__version__}, scipy {scipy.__version__}, ml_dtypes {ml_dtypes.__version__}"})[:-1] + ', "cases": [')
print(",\n".join(json.dumps(c) for c in cases))
print("]}")
