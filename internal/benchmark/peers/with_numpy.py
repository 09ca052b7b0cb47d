"""The cases for NumPy, results written where NumPy can write them into memory that is there already."""
import numpy as np

from sizes import *


def cases(add):
    for name, (m, k, n) in PRODUCTS.items():
        a, b, out = normal(m, k), normal(k, n), np.empty((m, n), np.float32)
        add(name, lambda a=a, b=b, out=out: np.matmul(a, b, out=out), flops=2 * m * k * n)
    a, b = normal(64, 128, 64), normal(64, 64, 128)
    add("batch_matmul_64x128x64x128", lambda: a @ b, flops=2 * 64 * 128 * 64 * 128)
    a64, b64 = normal(1024, 1024).astype(np.float64), normal(1024, 1024).astype(np.float64)
    add("matmul_1024_f64", lambda: a64 @ b64, flops=2 * 1024**3)
    rows(add)
    elements(add)
    order(add)
    add("mlp_train_step_b128", mlp_step(), flops=MLP_FLOPS)


def rows(add):
    x, gain, offset = normal(1024, 1024), normal(1024), normal(1024)

    def softmax():
        e = x - x.max(1, keepdims=True)
        np.exp(e, out=e)
        e /= e.sum(1, keepdims=True)
        return e

    def layernorm():
        c = x - x.mean(1, keepdims=True)
        c /= np.sqrt(np.mean(c * c, 1, keepdims=True) + np.float32(1e-5))
        c *= gain
        c += offset
        return c

    add("softmax_1024", softmax, elements=MILLION)
    add("layernorm_1024", layernorm, elements=MILLION)
    add("reduce_sum_rows_1024", lambda: x.sum(1), elements=MILLION)
    add("transpose_1024", lambda: np.ascontiguousarray(x.T), elements=MILLION)
    add("sum_axis0_1024", lambda: x.sum(0), elements=MILLION)
    add("row_max_1024", lambda: x.max(1), elements=MILLION)
    add("argmax_rows_1024", lambda: x.argmax(1), elements=MILLION)
    add("cumsum_rows_1024", lambda: x.cumsum(1), elements=MILLION)
    add("cumsum_columns_1024", lambda: x.cumsum(0), elements=MILLION)


def elements(add):
    x, y, f = normal(MILLION), positive(MILLION), np.float32

    def chain():
        t = x * f(1.5)
        t += f(0.25)
        np.tanh(t, out=t)
        np.exp(t, out=t)
        t *= x
        return np.maximum(t, 0, out=t)

    add("chain6_1m", chain, elements=MILLION)
    add("add_scalar_1m", lambda: x + f(1), elements=MILLION)
    small = normal(10_000)
    add("add_scalar_10k", lambda: small + f(1), elements=10_000)
    for name in ("exp", "tanh", "sin"):
        add(name + "_1m", lambda g=getattr(np, name): g(x), elements=MILLION)
    for name in ("sqrt", "log"):
        add(name + "_1m", lambda g=getattr(np, name): g(y), elements=MILLION)
    add("pow_1m", lambda: np.power(y, x), elements=MILLION)
    half = x.astype(np.float16)
    add("f32_to_f16_1m", lambda: x.astype(np.float16), elements=MILLION)
    add("f16_to_f32_1m", lambda: half.astype(np.float32), elements=MILLION)
    one = np.array(1, np.float32)
    add("dispatch_scalar_add", lambda: one + f(1))

    def sines():
        t = one
        for _ in range(10):
            t = np.sin(t)

    add("dispatch_chain10_scalar", sines)
    generator = np.random.Generator(np.random.SFC64(1))  # the fastest that NumPy has
    add("random_uniform_1m", lambda: generator.random(MILLION, dtype=np.float32), elements=MILLION)
    add("random_normal_1m", lambda: generator.standard_normal(MILLION, dtype=np.float32), elements=MILLION)


def order(add):
    x, index, updates = normal(MILLION), integers(MILLION, MILLION), normal(MILLION)
    add("sum_all_1m", lambda: x.sum(), elements=MILLION)
    add("cumsum_1m", lambda: x.cumsum(), elements=MILLION)
    add("sort_1m", lambda: np.sort(x), elements=MILLION)
    add("argsort_1m", lambda: np.argsort(x), elements=MILLION)

    def top10():
        top = np.argpartition(x, MILLION - 10)[-10:]
        return top[np.argsort(-x[top])]

    add("top10_1m", top10, elements=MILLION)
    add("gather_1m", lambda: x.take(index), elements=MILLION)

    def scatter_add():
        y = x.copy()
        np.add.at(y, index, updates)
        return y

    add("scatter_add_1m", scatter_add, elements=MILLION)
    table, tokens = normal(50_000, 256), integers(50_000, 4096)
    add("embedding_4096_50kx256", lambda: table.take(tokens, axis=0), elements=4096 * 256)
    z = (normal(MILLION) + 1j * normal(MILLION)).astype(np.complex64)
    add("fft_1m", lambda: np.fft.fft(z), flops=FFT_FLOPS)


def mlp_step():
    """A training step written out, with Adam."""
    x, y = normal(128, 784), integers(10, 128)
    parameters = [p for i in range(3) for p in (normal(MLP[i], MLP[i + 1]) * np.float32(0.1), np.zeros(MLP[i + 1], np.float32))]
    means, squares = [np.zeros_like(p) for p in parameters], [np.zeros_like(p) for p in parameters]
    step = 0

    def update(p, m, v, gradient, rate):
        m *= np.float32(0.9)
        m += np.float32(0.1) * gradient
        v *= np.float32(0.999)
        v += np.float32(0.001) * gradient * gradient
        p -= rate * m / (np.sqrt(v) + np.float32(1e-8))

    def train():
        nonlocal step
        step += 1
        hidden = [x]
        for i in range(3):
            h = hidden[-1] @ parameters[2 * i]
            h += parameters[2 * i + 1]
            if i < 2:
                np.maximum(h, 0, out=h)
            hidden.append(h)
        d = hidden[3] - hidden[3].max(1, keepdims=True)
        np.exp(d, out=d)
        d /= d.sum(1, keepdims=True)
        d[np.arange(128), y] -= 1
        d /= np.float32(128)
        rate = np.float32(1e-3 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step))
        for i in (2, 1, 0):
            weights, bias = hidden[i].T @ d, d.sum(0)
            if i:
                d = d @ parameters[2 * i].T
                d *= hidden[i] > 0
            update(parameters[2 * i], means[2 * i], squares[2 * i], weights, rate)
            update(parameters[2 * i + 1], means[2 * i + 1], squares[2 * i + 1], bias, rate)

    return train
