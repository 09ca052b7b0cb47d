"""Exports functions of JAX's libraries as StableHLO text, with inputs, the outputs that JAX computes, and its gradients.

    pip install jax==0.10.2 flax==0.12.8 equinox==0.13.8 optax==0.2.8
    python make.py [NAME …]     # writes exports.zip beside this file; with names it changes only these

In the archive NAME/text.mlir is what jax.export makes of a function for the platform "cpu", NAME/in0.npy, … are its arguments,
NAME/out0.npy, … its results, and NAME/grad0.npy, … jax.grad of Σ cos(k)·y[k] over the elements y[k] of all results that are
floats (for complex ones Σ cos(k)·(re + im/2)), by arguments that are floats. bfloat16 and floats of 8 bits are stored as float32,
which holds them exactly, and integers of 4 bits as int8. NAME/tolerance.npy, where it is there, says by how many times more than
others values may differ.
"""
import os

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"
import io
import re
import sys
import zipfile

import equinox as eqx
import flax
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import export, lax
from jax.sharding import PartitionSpec as P

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(11)
cases = {}


def f32(*dims):
    return rng.normal(size=dims).astype(np.float32)


def f64(*dims):
    return rng.normal(size=dims)


def c64(*dims):
    return (f32(*dims) + 1j * f32(*dims)).astype(np.complex64)


def ints(high, *dims, low=0):
    return rng.integers(low, high, size=dims).astype(np.int32)


def positive(n, *batch):
    x = f32(*batch, n, n)
    return (x @ np.swapaxes(x, -1, -2) + n * np.eye(n)).astype(np.float32)


def case(name, f, *args, grad=True, times=1.0, spec=None, platform="cpu"):
    """spec: shapes of the arguments, of which some sizes have names; times: how much further apart values may be."""
    assert name not in cases, name
    cases[name] = (f, args, grad, times, spec, platform)


# Linear algebra, by LAPACK's routines.
square, batch, tall, wide = f32(5, 5), f32(2, 4, 4), f32(6, 3), f32(3, 6)
case("inv", jnp.linalg.inv, square, times=8)
case("inv_batch", jnp.linalg.inv, batch + 3 * np.eye(4, dtype=np.float32), times=8)
case("inv_complex", jnp.linalg.inv, c64(4, 4), times=8)
case("det", jnp.linalg.det, square, times=4)
case("det_complex", jnp.linalg.det, c64(3, 3), times=4)
case("slogdet", jnp.linalg.slogdet, batch, times=8)
case("solve", jnp.linalg.solve, square, f32(5, 2), times=16)
case("solve_batch", jnp.linalg.solve, batch, f32(2, 4, 3), times=16)
case("solve_f64", jnp.linalg.solve, f64(6, 6), f64(6, 2), times=16)
case("lu", lambda a: jax.scipy.linalg.lu(a), tall, times=4)
case("lu_wide", lambda a: lax.linalg.lu(a), wide, times=4)
case("lu_factor_solve", lambda a, b: jax.scipy.linalg.lu_solve(jax.scipy.linalg.lu_factor(a), b), square, f32(5, 3), times=16)
case("qr", jnp.linalg.qr, tall, times=4)
case("qr_square", jnp.linalg.qr, square, times=4)
case("qr_wide", jnp.linalg.qr, wide, times=8, grad=False)
case("qr_complete", lambda a: jnp.linalg.qr(a, mode="complete"), tall, times=4, grad=False)
case("qr_complex", jnp.linalg.qr, c64(5, 3), times=4)
case("qr_batch_f64", jnp.linalg.qr, f64(2, 5, 4), times=4)
case("svd", lambda a: (lambda u, s, vh: (s, u * s @ vh, jnp.abs(u), jnp.abs(vh)))(*jnp.linalg.svd(a, full_matrices=False)), tall, times=16)
case("svd_wide", lambda a: (lambda u, s, vh: (s, u * s @ vh))(*jnp.linalg.svd(a, full_matrices=False)), wide, times=16)
case("svd_full", lambda a: (lambda u, s, vh: (s, jnp.abs(u[:, :3]), u @ u.T, vh @ vh.T))(*jnp.linalg.svd(a)), tall, times=16, grad=False)
case("svd_values", lambda a: jnp.linalg.svd(a, compute_uv=False), f32(2, 4, 5), times=8)
case("svd_complex", lambda a: (lambda u, s, vh: (s, (u * s) @ vh))(*jnp.linalg.svd(a, full_matrices=False)), c64(4, 3), times=16)
case("eigh", lambda a: (lambda w, v: (w, jnp.abs(v), (v * w) @ v.T))(*jnp.linalg.eigh(a)), square + square.T, times=16)
case("eigh_upper", lambda a: (lambda w, v: (w, (v * jnp.exp(w)) @ v.T))(*jnp.linalg.eigh(a, UPLO="U")), square + square.T, times=16)
case("eigh_complex", lambda a: (lambda w, v: (w, (v * w) @ jnp.conj(v.T)))(*jnp.linalg.eigh(a)), (lambda z: z + z.conj().T)(c64(4, 4)), times=16)
case("eig", lambda a: (lambda w, v: (jnp.sum(w * w), (v * jnp.exp(w)) @ jnp.linalg.inv(v)))(*jnp.linalg.eig(a)), square, grad=False, times=64)
case("eig_complex", lambda a: (lambda w, v: (v * w) @ jnp.linalg.inv(v))(*jnp.linalg.eig(a)), (square + 1j * square[::-1]).astype(np.complex64), grad=False, times=64)
case("eig_left", lambda a: (lambda w, l, r: jnp.abs(jnp.sum(jnp.conj(l) * r, 0)).prod() + jnp.abs(w).sum())(*jax.lax.linalg.eig(a)), square, grad=False, times=64)
case("eigvals", lambda a: jnp.sum(jnp.abs(jnp.linalg.eigvals(a)) ** 3), square, times=64)
case("eigvalsh_batch", jnp.linalg.eigvalsh, batch + np.swapaxes(batch, 1, 2), times=8)
case("cholesky", jnp.linalg.cholesky, positive(5), times=4)
case("cholesky_upper_batch", lambda a: jnp.linalg.cholesky(a, upper=True), positive(4, 2), times=4)
case("cholesky_complex", lambda a: jnp.linalg.cholesky(a @ jnp.conj(a.T) + 4 * jnp.eye(4)), c64(4, 4), times=8)
case("cholesky_fails", jnp.linalg.cholesky, -positive(3), grad=False)
case("cho_solve", lambda a, b: jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor((a + a.T) / 2, lower=True), b), positive(4), f32(4, 2), times=8)
case("triangular", lambda a, b: jax.scipy.linalg.solve_triangular(a, b, trans=1, lower=False, unit_diagonal=True), square, f32(5, 2), times=16)
case("triangular_right", lambda a, b: lax.linalg.triangular_solve(a, b, left_side=False, lower=True, conjugate_a=True, transpose_a=True), c64(3, 3) + 2 * np.eye(3, dtype=np.complex64), c64(2, 3), times=16)
case("lstsq", lambda a, b: jnp.linalg.lstsq(a, b)[0], tall, f32(6, 2), times=16)
case("pinv", jnp.linalg.pinv, tall, times=16)
case("matrix_rank", jnp.linalg.matrix_rank, np.outer(np.arange(1, 5), np.arange(1, 4)).astype(np.float32))
case("norms", lambda a: tuple(jnp.linalg.norm(a, ord) for ord in (None, 1, 2, -2, "nuc", np.inf)), square, times=16)
case("cond", jnp.linalg.cond, square, times=32)
case("expm", jax.scipy.linalg.expm, square, times=32)
case("matrix_power", lambda a: (jnp.linalg.matrix_power(a, 5), jnp.linalg.matrix_power(a, -2)), square, times=64)
case("multi_dot", lambda a, b, c: jnp.linalg.multi_dot([a, b, c]), f32(4, 3), f32(3, 6), f32(6, 2))
case("polar", lambda a: jax.scipy.linalg.polar(a, method="svd"), tall, times=32)
case("householder", lambda a, t: lax.linalg.householder_product(a, t), tall, f32(3), times=8, grad=False)
case("gaussian_log_density", lambda x, m, c: jax.scipy.stats.multivariate_normal.logpdf(x, m, c), f32(3), f32(3), positive(3), times=8)
case("svd_by_qr", lambda a: (lambda u, s, vh: (s, (u * s) @ vh))(*lax.linalg.svd(a, full_matrices=False, algorithm=lax.linalg.SvdAlgorithm.QR)), tall, times=16)
case("hessenberg", lambda a: (lambda h, q: (jnp.abs(h), q @ h @ q.T))(*jax.scipy.linalg.hessenberg(a, calc_q=True)), square, grad=False, times=32)
case("hessenberg_complex", lambda a: lax.linalg.hessenberg(a), c64(2, 4, 4), grad=False, times=32)
case("tridiagonal_solve", lax.linalg.tridiagonal_solve, f32(2, 5), f32(2, 5) + 4, f32(2, 5), f32(2, 5, 3), grad=False, times=8)
case("orthogonal_product", lambda a, c: jax.scipy.linalg.qr_multiply(a, c, mode="right")[0], tall, f32(4, 6), grad=False, times=8)
case("approx_max_k", lambda x: lax.approx_max_k(x, 3), f32(2, 40), grad=False)
case("approx_min_k", lambda x: lax.approx_min_k(x, 2, reduction_dimension=0), f32(30, 3), grad=False)
case("rbg_random", lambda n: (lambda k: (jax.random.bits(k, (5,)), jax.random.uniform(jax.random.fold_in(k, n), (2, 3)), jax.random.normal(jax.random.split(k)[1], (3,))))(jax.random.key(7, impl="rbg")), np.int32(3), grad=False)
# The same for TPUs, by XLA's routines.
case("tpu_solve", jnp.linalg.solve, square, f32(5, 2), times=16, platform="tpu")
case("tpu_lu", lambda a: lax.linalg.lu(a), tall, times=4, platform="tpu")
case("tpu_qr", jnp.linalg.qr, tall, times=4, platform="tpu")
case("tpu_eigh", lambda a: (lambda w, v: (w, (v * w) @ v.T))(*jnp.linalg.eigh(a)), square + square.T, times=16, platform="tpu")
case("tpu_det", jnp.linalg.det, square, times=4, platform="tpu")


# Control flow.
def gru(params, h, xs):
    w, u, b = params

    def cell(h, x):
        z, r, n = jnp.split(x @ w + b, 3, axis=-1)
        zu, ru, nu = jnp.split(h @ u, 3, axis=-1)
        z, r = jax.nn.sigmoid(z + zu), jax.nn.sigmoid(r + ru)
        h = (1 - z) * jnp.tanh(n + r * nu) + z * h
        return h, h.mean(-1)

    return lax.scan(cell, h, xs)


params = (f32(3, 12), f32(4, 12), f32(12))
case("scan_gru", gru, params, f32(2, 4), f32(6, 2, 3), times=4)
case("scan_reverse", lambda x: lax.scan(lambda c, x: (c * 0.5 + x, jnp.sin(c)), jnp.zeros(3), x, reverse=True), f32(5, 3))
case("scan_unrolled", lambda x: lax.scan(lambda c, x: (jnp.tanh(c + x), c), jnp.zeros(3), x, unroll=2), f32(5, 3))
case("scan_of_scans", lambda x: lax.scan(lambda c, row: lax.scan(lambda d, v: (jnp.sin(d + v), d * v), c, row), jnp.float32(0.3), x), f32(3, 4))
case("scan_counter", lambda x: lax.scan(lambda c, x: ((c[0] + 1, c[1] * 0.9 + x * c[0]), c[1]), (0, jnp.float32(0)), x)[1], f32(6))
case("scan_gradient", jax.grad(lambda p, h, xs: jnp.sum(gru(p, h, xs)[0] ** 2)), params, f32(2, 4), f32(6, 2, 3), times=8)
case("fori", lambda x: lax.fori_loop(0, 5, lambda i, y: jnp.cos(y) * x + i, x), f32(4), times=4)
case("while", lambda x: lax.while_loop(lambda s: jnp.sum(s) < 50, lambda s: s * 1.7 + 1, x), np.abs(f32(4)), grad=False)
case("map", lambda x, w: lax.map(lambda r: jnp.tanh(w @ r), x), f32(5, 3), f32(4, 3))
case("cond_branches", lambda p, x: lax.cond(p[0] > 0, lambda x: jnp.sin(x), lambda x: x ** 2, x), np.ones(1, np.float32), f32(4), times=2)
case("switch_branches", lambda i, x: lax.switch(i, [jnp.sin, jnp.exp, lambda x: x * x], x), np.int32(1), f32(4), times=2)
case("associative_scan", lambda a, b: lax.associative_scan(lambda x, y: (x[0] * y[0], y[0] * x[1] + y[1]), (a, b)), f32(7), f32(7), times=4)
case("checkpointed", jax.checkpoint(lambda w, x: jnp.sum(jnp.tanh(jnp.tanh(x @ w) @ w), -1)), f32(4, 4), f32(3, 4))
case("checkpointed_gradient", jax.grad(lambda w, x: jnp.sum(jax.checkpoint(lambda w, x: jnp.tanh(jnp.tanh(x @ w) @ w))(w, x))), f32(4, 4), f32(3, 4), times=4)


@jax.custom_vjp
def clipped(x):
    return jnp.exp(x)


clipped.defvjp(lambda x: (jnp.exp(x), x), lambda x, dy: (jnp.clip(dy * jnp.exp(x), -1, 1),))
case("custom_vjp", clipped, f32(4), grad=False)
case("custom_vjp_gradient", jax.grad(lambda x: jnp.sum(3 * clipped(x))), f32(4), grad=False)


@jax.custom_jvp
def log1pexp(x):
    return jnp.log(1 + jnp.exp(x))


log1pexp.defjvp(lambda p, t: (log1pexp(*p), t[0] * jax.nn.sigmoid(p[0])))
case("custom_jvp", log1pexp, f32(4))
case("newton", lambda a: lax.fori_loop(0, 20, lambda i, x: x - (x * x - a) / (2 * x), a), np.abs(f32(3)) + 1)
case("root", lambda a: lax.custom_root(lambda x: x ** 3 + x - a, a, lambda f, x: lax.fori_loop(0, 30, lambda i, x: x - f(x) / (3 * x * x + 1), x), lambda g, y: y / g(jnp.ones_like(y))), f32(3), grad=False, times=4)
case("conjugate_gradients", lambda a, b: jax.scipy.sparse.linalg.cg(a, b, maxiter=10)[0], positive(4), f32(4), grad=False, times=64)
case("midpoint_rule", lambda y: lax.scan(
    lambda y, t: (lambda f: (y + 0.1 * f(y + 0.05 * f(y)), y))(lambda y: jnp.stack([y[1], -jnp.sin(y[0])])), y, None, length=8), f32(2))

# Order, places, windows.
case("sort_keys", lambda k, v: lax.sort((k, v), num_keys=1), f32(3, 6), f32(3, 6))
case("sort_two_keys", lambda a, b: lax.sort((a, b), num_keys=2), ints(3, 8), ints(9, 8), grad=False)
case("argsort", lambda x: (jnp.argsort(x), jnp.argsort(x, descending=True), jnp.sort(x)), f32(4, 5))
case("top_k", lambda x: lax.top_k(x, 3), f32(4, 7))
case("median", lambda x: (jnp.median(x, axis=1), jnp.quantile(x, 0.3, axis=0), jnp.percentile(x, jnp.array([10.0, 50.0]))), f32(5, 7), times=2)
case("unique", lambda x: jnp.unique(x, size=5, fill_value=-1, return_counts=True), ints(5, 12), grad=False)
case("searchsorted", lambda s, x: (jnp.searchsorted(s, x), jnp.digitize(x, s)), np.sort(f32(9)), f32(5), grad=False)
case("histogram", lambda x: (jnp.histogram(x, bins=6, range=(-2, 2))[0], jnp.bincount(jnp.abs(x * 2).astype(int), length=5)), f32(30), grad=False)
case("nonzero", lambda x: jnp.nonzero(x > 0, size=6, fill_value=-1), f32(3, 4), grad=False)
case("gather_modes", lambda x, i: (x.at[i].get(mode="fill", fill_value=7), x.at[i].get(mode="clip"), x.at[i].get(mode="promise_in_bounds") * 0, jnp.take(x, i, axis=1, mode="wrap")), f32(4, 4), np.array([3, 0, 1, 9, -2], np.int32)[:3])
case("gather_out", lambda x, i: (x.at[i].get(mode="fill", fill_value=7), x.at[i].get(mode="clip"), jnp.take(x, i, axis=1, mode="wrap")), f32(4, 4), np.array([3, 9, -2, -7], np.int32))
case("scatter_modes", lambda x, i, u: (x.at[i].set(u, mode="drop"), x.at[i].add(u, mode="clip"), x.at[i].mul(u, unique_indices=True), x.at[i].min(u), x.at[i].max(u), x.at[i].divide(1 + u * u, unique_indices=True)),
     f32(6, 3), np.array([4, 0, 2], np.int32), f32(3, 3))
case("scatter_multiply", lambda x, i, u: x.at[i].multiply(u), f32(5), np.array([1, 3, 1], np.int32), f32(3), grad=False)
case("scatter_nd", lambda x, i, u: x.at[i[:, 0], :, i[:, 1]].add(u), f32(4, 2, 5), np.array([[0, 1], [3, 4], [0, 1]], np.int32), f32(3, 2))
case("segment_sums", lambda x, i: (jax.ops.segment_sum(x, i, 4), jax.ops.segment_max(x, i, 4), jax.ops.segment_min(x, i, 5)), f32(6, 2), np.array([0, 2, 1, 0, 2, 3], np.int32))
case("dynamic_slices", lambda x, i: (lax.dynamic_slice(x, (i, i + 1), (2, 3)), lax.dynamic_update_slice(x, x[:2, :2] * 2, (i, 0)), lax.dynamic_index_in_dim(x, i), x[:, i]), f32(5, 6), np.int32(2))
case("vmapped_indexing", jax.vmap(lambda x, i: (x[i], lax.dynamic_slice(x, (i,), (2,)), x.at[i].set(3.0))), f32(3, 5), np.array([4, 0, 2], np.int32))
case("pooling", lambda x: (nn.max_pool(x, (2, 2), (2, 2)), nn.avg_pool(x, (3, 3), (1, 1), "SAME"), lax.reduce_window(x, 1.0, lax.mul, (1, 2, 2, 1), (1, 1, 1, 1), "VALID"),
                           lax.reduce_window(x, jnp.inf, lax.min, (1, 2, 2, 1), (1, 2, 2, 1), "SAME")), f32(1, 5, 6, 2), grad=False)
case("pooling_gradient", jax.grad(lambda x: jnp.sum(nn.max_pool(x, (2, 2), (2, 2)) ** 2) + jnp.sum(nn.avg_pool(x, (2, 2), (1, 1)) ** 3)), f32(1, 4, 6, 2), grad=False, times=4)
case("max_pool", lambda x: nn.max_pool(x, (2, 2), (1, 1), "SAME"), f32(1, 4, 5, 2))
case("cumulative", lambda x: (jnp.cumsum(x, 0), jnp.cumprod(x, 1), lax.cummax(x, 1), lax.cummin(x, 0), lax.cumlogsumexp(x, 1), lax.cumsum(x, 1, reverse=True)), f32(3, 5), times=8)
case("reductions", lambda x: (jnp.prod(x, 0), jnp.var(x, 1), jnp.ptp(x, 1), jax.nn.logsumexp(x, 0), jnp.any(x > 1, 0), jnp.all(x < 1, 1), jnp.argmax(x), jnp.nanmean(jnp.where(x > 1, jnp.nan, x))), f32(4, 5), times=4)
case("clip", lambda x, lo: (jnp.clip(x, -0.5, 0.7), jnp.clip(x, lo, 1), jnp.maximum(x, 0.1), jax.nn.relu6(3 * x)), f32(8), np.float32(-0.3))
case("shapes", lambda x: (jnp.pad(x, ((1, 2), (0, 1)), mode="reflect"), jnp.pad(x, 1, constant_values=3), lax.pad(x, 0.0, ((1, -1, 1), (0, 2, 2))), jnp.tile(x, (2, 1)), jnp.repeat(x, 2, 1), jnp.rot90(x), jnp.kron(x, x[:2, :2]), jnp.roll(x, 1, 1), jnp.flip(x), jnp.tril(x), jnp.diag(x[0])), f32(3, 4))

# Products and convolutions.
case("einsum_many", lambda a, b, c: (jnp.einsum("bij,bjk,kl->bil", a, b, c), jnp.einsum("bii->b", a[:, :, :3]), jnp.einsum("bij,bij->i", a, a)), f32(2, 3, 4), f32(2, 4, 5), f32(5, 2))
case("tensordot", lambda a, b: (jnp.tensordot(a, b, ([1, 2], [0, 1])), jnp.inner(a, a), jnp.outer(a[0, 0], b[0, 0]), jnp.vdot(a, a), jnp.cross(a[0, :, :3], a[1, :, :3])), f32(2, 3, 4), f32(3, 4, 5), times=4)
case("conv_strided", lambda x, k: lax.conv_general_dilated(x, k, (2, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")), f32(2, 6, 5, 3), f32(3, 2, 3, 4), times=2)
case("conv_dilated", lambda x, k: lax.conv_general_dilated(x, k, (1, 1), "VALID", rhs_dilation=(2, 1), dimension_numbers=("NCHW", "OIHW", "NCHW")), f32(2, 3, 6, 5), f32(4, 3, 2, 2), times=2)
case("conv_grouped", lambda x, k: lax.conv_general_dilated(x, k, (1,), "SAME", feature_group_count=4, dimension_numbers=("NWC", "WIO", "NWC")), f32(2, 7, 4), f32(3, 1, 8), times=2)
case("conv_transposed", lambda x, k: lax.conv_transpose(x, k, (2, 2), "SAME"), f32(1, 3, 4, 2), f32(3, 3, 2, 3), times=2)
case("conv_3d", lambda x, k: lax.conv(x, k, (1, 1, 1), "SAME"), f32(1, 2, 3, 4, 3), f32(3, 2, 2, 2, 2), times=2)
case("conv_batch_groups", lambda x, k: lax.conv_general_dilated(x, k, (1,), "VALID", batch_group_count=2, dimension_numbers=("NWC", "WIO", "NWC")), f32(4, 6, 3), f32(2, 3, 4), times=2)
case("convolve", lambda x, k: (jnp.convolve(x, k), jnp.correlate(x, k, "same"), jax.scipy.signal.fftconvolve(x, k)), f32(9), f32(4), times=4)
case("resize", lambda x: (jax.image.resize(x, (6, 7), "bilinear"), jax.image.resize(x, (2, 3), "cubic"), jax.image.resize(x, (6, 3), "nearest")), f32(3, 5), times=4)
case("attention_nn", lambda q, k, v: jax.nn.dot_product_attention(q, k, v, is_causal=True), f32(1, 5, 2, 4), f32(1, 5, 2, 4), f32(1, 5, 2, 4), times=2)

# Fourier transforms and complex numbers.
case("fft", lambda x: (jnp.fft.fft(x), jnp.fft.rfft(x), jnp.fft.ifft(x, 6), jnp.fft.fftshift(x)), f32(3, 8), times=4)
case("fft_2d", lambda x: (jnp.fft.fft2(x), jnp.fft.irfft2(jnp.fft.rfft2(x) * 2)), f32(4, 6), times=4)
case("fft_complex", lambda z: (jnp.fft.ifft(jnp.fft.fft(z) ** 2), jnp.fft.hfft(z)), c64(6), times=8)
case("complex_functions", lambda z: (z * z, jnp.exp(z), jnp.log(z), jnp.sqrt(z), jnp.sin(z), jnp.tanh(z), jnp.abs(z), jnp.angle(z), jnp.conj(z), z ** 2.5, 1 / z), c64(5), times=4)
case("complex_product", lambda a, b: (a @ b, jnp.real(a @ b), jnp.imag(a).sum()), c64(3, 4), c64(4, 2), times=2)
case("stft", lambda x: jnp.abs(jax.scipy.signal.stft(x, nperseg=8)[2]) ** 2, f32(20), times=8)
case("dct", lambda x: jax.scipy.fft.dct(x), f32(3, 8), times=4)

# Random numbers, from keys.
key = np.array([7, 11], np.uint32)
case("random_uniform", lambda k: (jax.random.uniform(k, (3, 4)), jax.random.bits(k, (5,)), jax.random.randint(k, (6,), 0, 10)), key, grad=False)
case("random_normal", lambda k: (jax.random.normal(k, (3, 4)), jax.random.truncated_normal(k, -1, 1, (4,)), jax.random.laplace(k, (4,)), jax.random.gumbel(k, (4,))), key, grad=False, times=4)
case("random_discrete", lambda k, l: (jax.random.categorical(k, l, shape=(6,)), jax.random.bernoulli(k, 0.3, (8,)), jax.random.permutation(k, 7), jax.random.choice(k, 9, (4,), replace=False)), key, f32(5), grad=False)
case("random_gamma", lambda k: (jax.random.gamma(k, jnp.array([0.5, 2.0, 5.0])), jax.random.poisson(k, 3.0, (4,))), key, grad=False, times=4)
case("random_split", lambda k: (jax.random.split(k, 3), jax.random.fold_in(k, 5)), key, grad=False)
case("dropout", lambda k, x: nn.Dropout(0.4, deterministic=False).apply({}, x, rngs={"dropout": k}), key, f32(4, 5), grad=False)
case("reparameterised", lambda m, s: m + jnp.exp(s) * jax.random.normal(jax.random.PRNGKey(3), (4,)), f32(4), f32(4), times=2)

# Dtypes.
bf16 = lambda *dims: f32(*dims).astype(jnp.bfloat16)
case("bf16", lambda x, w: (x @ w, jax.nn.gelu(x), jnp.sum(x), jnp.mean(x.astype(jnp.float32))), bf16(4, 8), bf16(8, 3), grad=False)
case("f16", lambda x, w: (x @ w, jax.nn.softmax(x), jnp.tanh(x)), f32(4, 8).astype(np.float16), f32(8, 3).astype(np.float16), grad=False)
case("f64", lambda x: (jnp.sin(x) @ x.T, jax.nn.logsumexp(x)), f64(3, 4))
case("fp8", lambda x, w: (x.astype(jnp.float8_e4m3fn).astype(jnp.float32) @ w.astype(jnp.float8_e5m2).astype(jnp.float32)), f32(3, 4), f32(4, 2), grad=False)
case("int4", lambda q, s: (q.astype(jnp.float32) * s, q.astype(jnp.int8) + 1, (jnp.clip(q, -4, 3) + jnp.clip(q, -4, 3)).astype(jnp.int8), jnp.array([1, -8, 7], jnp.int4).astype(jnp.int32)), rng.integers(-8, 8, size=(3, 4)).astype(jnp.int4), f32(3, 1), grad=False)
case("uint4_weights", lambda x, q, s, z: x @ ((q.astype(jnp.float32) - z) * s), f32(2, 4), rng.integers(0, 16, size=(4, 3)).astype(jnp.uint4), f32(3), f32(3), grad=False)
case("int8_product", lambda x, w: lax.dot_general(x, w, (((1,), (0,)), ((), ())), preferred_element_type=jnp.int32), ints(127, 3, 8, low=-128).astype(np.int8), ints(127, 8, 4, low=-128).astype(np.int8), grad=False)
case("quantise", lambda x: (lambda s: (jnp.clip(jnp.round(x / s), -8, 7).astype(jnp.int4).astype(jnp.float32) * s))(jnp.max(jnp.abs(x), axis=0) / 7), f32(5, 3), grad=False)
case("integers", lambda i, j: (i // j, i % j, i << 2, i >> 1, i ^ j, ~i, lax.population_count(i), lax.clz(i), jnp.gcd(i, j), i ** 2, jnp.divmod(i, j), jnp.abs(-i), lax.shift_right_logical(i, 1)), ints(100, 6, low=-100), ints(9, 6, low=1), grad=False)
case("bits", lambda x: (lax.bitcast_convert_type(x, jnp.uint32), lax.bitcast_convert_type(x, jnp.uint8), jnp.signbit(x), jnp.nextafter(x, 1), jnp.frexp(x), lax.reduce_precision(x, 5, 10)), f32(6), grad=False)

# Functions.
case("special_gamma", lambda x: (jax.scipy.special.gammaln(1 + x * x), jax.scipy.special.digamma(1 + x * x), jax.scipy.special.gammainc(2.0, x * x), jax.scipy.special.betaln(1 + x * x, 2.0), jax.scipy.special.factorial(x * x)), f32(5), times=16, grad=False)
case("special_erf", lambda x: (jax.scipy.special.erf(x), jax.scipy.special.erfc(x), jax.scipy.special.ndtr(x), jax.scipy.special.log_ndtr(x)), f32(6), times=16)
case("special_inverse_erf", lambda x: (jax.scipy.special.erfinv(x / 5), jax.scipy.special.ndtri(jax.nn.sigmoid(x))), f32(6), times=16, grad=False)  # jax.grad knows its derivative, the text has a NaN in a branch that is not taken
case("special_bessel", lambda x: (jax.scipy.special.i0(x), jax.scipy.special.i0e(x), jax.scipy.special.i1(x), jax.scipy.special.i1e(x)), f32(6), times=8)
case("special_more", lambda x: (jax.scipy.special.logit(jax.nn.sigmoid(x)), jax.scipy.special.entr(x * x), jax.scipy.special.xlogy(x, x * x), jax.scipy.special.zeta(2 + x * x, 1.0), jax.scipy.special.polygamma(1, 1 + x * x), jnp.sinc(x), jax.scipy.special.expit(x), jax.scipy.special.kl_div(x * x, 1.0)), f32(5), times=16, grad=False)
case("betainc", lambda a, x: jax.scipy.special.betainc(1 + a * a, 2.0, jax.nn.sigmoid(x)), f32(4), f32(4), times=16, grad=False)
case("activations", lambda x: (jax.nn.gelu(x), jax.nn.silu(x), jax.nn.elu(x), jax.nn.selu(x), jax.nn.softplus(x), jax.nn.mish(x), jax.nn.hard_swish(x), jax.nn.glu(x), jax.nn.leaky_relu(x), jax.nn.celu(x), jax.nn.log_sigmoid(x), jax.nn.standardize(x)), f32(3, 6), times=8)
case("trigonometric", lambda x: (jnp.sin(x), jnp.tan(x), jnp.arcsin(x / 5), jnp.arccos(x / 5), jnp.arctan2(x, x + 2), jnp.sinh(x), jnp.arccosh(1 + x * x), jnp.arctanh(x / 5), jnp.hypot(x, 1), jnp.exp2(x), jnp.log10(1 + x * x), jnp.cbrt(x), jnp.expm1(x), jnp.log1p(x * x)), f32(6), times=8)
case("interp", lambda x, xp, fp: (jnp.interp(x, xp, fp), jnp.polyval(fp, x), jnp.trapezoid(fp, xp)), f32(5), np.arange(6, dtype=np.float32) - 3, f32(6), times=8)
case("distributions", lambda x: (jax.scipy.stats.norm.logpdf(x), jax.scipy.stats.norm.cdf(x), jax.scipy.stats.t.logpdf(x, 3.0), jax.scipy.stats.gamma.logpdf(x * x, 2.0), jax.scipy.stats.laplace.logpdf(x), jax.scipy.stats.cauchy.logpdf(x)), f32(5), times=16)
case("hessian", jax.hessian(lambda x: jnp.sum(jnp.sin(x) * jnp.roll(x, 1) ** 2)), f32(4), times=4)
case("jacobians", lambda x: (jax.jacfwd(jnp.cumprod)(x), jax.jacrev(lambda x: jnp.tanh(x) / jnp.sum(x * x))(x)), f32(4), times=8)
case("vmap_gradients", jax.vmap(jax.grad(lambda w, x: jnp.sum(jnp.tanh(x * w) @ w)), in_axes=(None, 0)), f32(3), f32(5, 3), times=4)
case("map_coordinates", lambda x, c: jax.scipy.ndimage.map_coordinates(x, [c, c * 0.5], order=1), f32(5, 5), np.abs(f32(4)), times=4)

# Sizes that the text leaves open.
case("open_mlp", lambda x, w: jax.nn.softmax(jnp.tanh(x @ w)), f32(3, 4), f32(4, 5), spec=("b, 4", None))
case("open_scan", lambda xs: lax.scan(lambda c, x: (c * 0.5 + x, c.sum()), jnp.zeros(3), xs), f32(5, 3), spec=("t, 3",))
case("open_attention", lambda q, k: jax.nn.softmax(jnp.einsum("btc,bsc->bts", q, k)) @ k, f32(2, 3, 4), f32(2, 5, 4), spec=("b, t, 4", "b, s, 4"), times=2)
case("open_cholesky", lambda a: jnp.linalg.cholesky(a), positive(3, 2), spec=("b, 3, 3",), times=4)

# Functions over several devices, and over one.
def over(n, f, ins, outs, axis="i"):
    mesh = jax.make_mesh((n,), (axis,), axis_types=(jax.sharding.AxisType.Auto,))
    return jax.shard_map(f, mesh=mesh, in_specs=ins, out_specs=outs)


def collectives(n):
    def f(x):
        around = lax.ppermute(x, "i", [(j, (j + 1) % n) for j in range(n)])
        all = lax.all_gather(x, "i", tiled=True)
        return lax.psum(x, "i"), around * lax.axis_index("i"), all.sum(0, keepdims=True) + x[:1], lax.pmax(x, "i"), lax.psum_scatter(jnp.tile(x, (n, 1)), "i", tiled=True)

    return f


specs = (P(), P("i"), P("i"), P(), P("i"))
case("shard_map_one", over(1, collectives(1), P("i"), specs), f32(4, 3), grad=False)
case("shard_map_four", over(4, collectives(4), P("i"), specs), f32(4, 3), grad=False)
case("shard_map_loss", over(2, lambda w, x, y: lax.pmean(jnp.mean((jnp.tanh(x @ w) - y) ** 2), "i"), (P(), P("i"), P("i")), P()), f32(3, 2), f32(4, 3), f32(4, 2), times=2)
case("shard_map_gradient", jax.grad(over(2, lambda w, x, y: lax.pmean(jnp.mean((jnp.tanh(x @ w) - y) ** 2), "i"), (P(), P("i"), P("i")), P())), f32(3, 2), f32(4, 3), f32(4, 2), times=4)
case("shard_map_tensor_parallel", over(2, lambda x, a, b: lax.psum(jax.nn.relu(x @ a) @ b, "i"), (P(), P(None, "i"), P("i", None)), P()), f32(3, 4), f32(4, 6), f32(6, 2), times=2)
case("shard_map_ring", over(4, lambda x: lax.fori_loop(0, 3, lambda i, s: (lambda y: (y, s[1] + y * i))(lax.ppermute(s[0], "i", [(j, (j + 1) % 4) for j in range(4)])), (x, x * 0 + 1.0))[1], P("i"), P("i")), f32(4, 2), grad=False)
case("shard_map_all_to_all", over(2, lambda x: lax.all_to_all(x, "i", 1, 0, tiled=True), P("i", None), P(None, "i")), f32(4, 6), grad=False)


# Models and training steps.
def flax_model(name, model, *args, times=4.0, method=None, **more):
    variables = jax.tree.map(np.asarray, model.init(jax.random.PRNGKey(1), *args))
    variables = jax.tree.map(lambda x: x + 0.1 * f32(*x.shape), variables)
    case(name, lambda v, *a: model.apply(v, *a, **more), variables, *args, times=times)


class CNN(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.avg_pool(nn.relu(nn.Conv(4, (3, 3))(x)), (2, 2), (2, 2))
        x = nn.GroupNorm(num_groups=2)(nn.Conv(4, (2, 2), strides=2, padding="VALID")(x))
        return nn.Dense(3)(x.reshape(x.shape[0], -1))


class Block(nn.Module):
    @nn.compact
    def __call__(self, x):
        h = nn.LayerNorm()(x)
        x = x + nn.MultiHeadDotProductAttention(2)(h, h, mask=nn.make_causal_mask(jnp.zeros(x.shape[:2])))
        return x + nn.Dense(x.shape[-1])(nn.gelu(nn.Dense(8)(nn.RMSNorm()(x))))


class Language(nn.Module):
    @nn.compact
    def __call__(self, tokens):
        x = nn.Embed(7, 6)(tokens)
        x = nn.RNN(nn.LSTMCell(5))(x)
        return nn.Dense(7)(x)


class Normed(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.tanh(nn.BatchNorm(use_running_average=True)(nn.Dense(4)(x)))


flax_model("flax_cnn", CNN(), f32(2, 8, 8, 2))
flax_model("flax_transformer_block", Block(), f32(2, 4, 6))
flax_model("flax_lstm_language_model", Language(), ints(7, 2, 5))
flax_model("flax_gru", nn.RNN(nn.GRUCell(4), reverse=True, keep_order=True), f32(2, 5, 3))
flax_model("flax_normed", Normed(), f32(3, 5))
flax_model("flax_einsum_weightnorm", nn.WeightNorm(nn.Dense(4)), f32(3, 5))


def equinox_model(name, model, *args, times=4.0):
    arrays, static = eqx.partition(model, eqx.is_inexact_array)
    case(name, lambda a, *x: eqx.combine(a, static)(*x), jax.tree.map(np.asarray, arrays), *args, times=times)


keys = jax.random.split(jax.random.PRNGKey(5), 8)
equinox_model("equinox_mlp", eqx.nn.MLP(3, 2, 8, 2, activation=jax.nn.silu, key=keys[0]), f32(3))
equinox_model("equinox_conv", eqx.nn.Sequential([eqx.nn.Conv2d(2, 4, 3, padding=1, key=keys[1]), eqx.nn.Lambda(jax.nn.relu), eqx.nn.ConvTranspose2d(4, 2, 2, stride=2, key=keys[2])]), f32(2, 5, 5))
equinox_model("equinox_attention", eqx.nn.MultiheadAttention(2, 4, key=keys[3]), f32(5, 4), f32(5, 4), f32(5, 4))
equinox_model("equinox_gru_cell", eqx.nn.GRUCell(3, 4, key=keys[4]), f32(3), f32(4))
equinox_model("equinox_layer_norm", eqx.nn.Sequential([eqx.nn.LayerNorm(5), eqx.nn.Linear(5, 3, key=keys[5]), eqx.nn.Lambda(jax.nn.softmax)]), f32(5))


def training(name, optimiser, times=8.0):
    weights = {"w": f32(4, 3), "b": f32(3)}
    state = jax.tree.map(np.asarray, optimiser.init(weights))

    def step(weights, state, x, y):
        loss = lambda p: optax.softmax_cross_entropy_with_integer_labels(jnp.tanh(x @ p["w"] + p["b"]), y).mean()
        value, gradients = jax.value_and_grad(loss)(weights)
        updates, state = optimiser.update(gradients, state, weights)
        return value, optax.apply_updates(weights, updates), state

    case(name, step, weights, state, f32(5, 4), ints(3, 5), grad=False, times=times)


training("optax_sgd_momentum", optax.sgd(0.1, momentum=0.9, nesterov=True))
training("optax_adamw", optax.chain(optax.clip_by_global_norm(0.5), optax.adamw(optax.cosine_decay_schedule(0.1, 100), weight_decay=0.01)))
training("optax_lamb", optax.lamb(0.01))
training("optax_rmsprop", optax.rmsprop(0.01, centered=True))
training("optax_lion", optax.lion(0.01))
training("optax_adafactor", optax.adafactor(0.01, min_dim_size_to_factor=2))
training("optax_muon", optax.contrib.muon(0.01), times=64) if hasattr(optax, "contrib") else None
case("optax_losses", lambda x, y: (optax.huber_loss(x, y), optax.sigmoid_binary_cross_entropy(x, jax.nn.sigmoid(y)), optax.cosine_distance(x, y), optax.kl_divergence(jax.nn.log_softmax(x), jax.nn.softmax(y)), optax.log_cosh(x, y)), f32(3, 5), f32(3, 5), times=8)
case("optax_ctc", lambda l: optax.ctc_loss(l, jnp.zeros((1, 6)), jnp.array([[1, 2, 1]]), jnp.zeros((1, 3))), f32(1, 6, 4), times=8)

narrow = {jnp.dtype(t): np.float32 for t in (jnp.bfloat16, jnp.float8_e4m3fn, jnp.float8_e5m2)} | {jnp.dtype(t): np.int8 for t in (jnp.int4, jnp.uint4)}


def stored(x):
    x = np.asarray(x)
    return x.astype(narrow.get(x.dtype, x.dtype))


def total(results):
    """The sum that is differentiated."""
    sum = 0.0
    for y in jax.tree.leaves(results):
        if jnp.issubdtype(y.dtype, jnp.complexfloating):
            y = jnp.real(y) + jnp.imag(y) / 2
        if jnp.issubdtype(y.dtype, jnp.floating):
            sum = sum + jnp.sum(jnp.cos(jnp.arange(y.size, dtype=y.dtype).reshape(y.shape)) * y)
    return sum


def text_of(f, args, spec, platform):
    if spec is not None:
        args = jax.export.symbolic_args_specs(args, tuple(spec))
    unsure = [export.DisabledSafetyCheck.custom_call(f"lapack_{letter}{name}_ffi") for letter in "sdcz" for name in ("gesvd", "gehrd", "gtsv", "ormqr")]  # which later JAXs may rename
    exported = export.export(f, platforms=[platform], disabled_checks=unsure)(*args)
    text = exported.mlir_module()
    text = re.sub(r' loc\((?:[^()"]|"[^"]*"|\((?:[^()"]|"[^"]*"|\([^()]*\))*\))*\)', "", text)  # what names lines of this file
    return "\n".join(line for line in text.split("\n") if not line.startswith("#loc")).strip() + "\n", exported.module_kept_var_idx


def make(name, f, args, grad, times, spec, platform):
    if any(x.dtype in (np.float64, np.complex128) for x in map(np.asarray, jax.tree.leaves(args))):
        with jax.enable_x64(True):
            return compute(f, args, grad, times, spec, platform)
    return compute(f, args, grad, times, spec, platform)


def compute(f, args, grad, times, spec, platform):
    jitted = jax.jit(f)
    flat, tree = jax.tree.flatten(args)
    text, used = text_of(jitted, args, spec, platform)  # arguments that nothing uses are none of the text's
    arrays = {f"in{i}": stored(flat[k]) for i, k in enumerate(used)}
    arrays |= {f"out{i}": stored(y) for i, y in enumerate(jax.tree.leaves(jitted(*args)))}
    if grad:
        wanted = [k for k in used if jnp.issubdtype(np.asarray(flat[k]).dtype, jnp.inexact)]

        def of(*floats):
            all = list(flat)
            for i, x in zip(wanted, floats):
                all[i] = x
            return total(f(*jax.tree.unflatten(tree, all)))

        gradients = jax.jit(jax.grad(of, argnums=tuple(range(len(wanted)))))(*(flat[i] for i in wanted))
        arrays |= {f"grad{used.index(k)}": stored(g) for k, g in zip(wanted, gradients)}
    if times != 1:
        arrays["tolerance"] = np.float64(times)
    return text, arrays


def main():
    path, entries = os.path.join(HERE, "exports.zip"), {}
    if sys.argv[1:]:
        with zipfile.ZipFile(path) as old:
            for entry in old.namelist():
                entries.setdefault(entry.split("/")[0], {})[entry] = old.read(entry)
    for name, arguments in cases.items():
        if name in entries and name not in sys.argv[1:]:
            continue
        text, arrays = make(name, *arguments)
        entries[name] = {name + "/text.mlir": text}
        for key, value in arrays.items():
            data = io.BytesIO()
            np.save(data, np.asarray(value))
            entries[name][f"{name}/{key}.npy"] = data.getvalue()
    versions = {"jax": jax, "numpy": np, "flax": flax, "equinox": eqx, "optax": optax}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        def write(entry, data):
            out.writestr(zipfile.ZipInfo(entry, (2026, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED, 9)

        for name in cases:
            for entry, data in entries[name].items():
                write(entry, data)
        write("versions.txt", "".join(f"{name} {m.__version__}\n" for name, m in versions.items()))
    print(len(cases), "cases")


if __name__ == "__main__":
    main()
