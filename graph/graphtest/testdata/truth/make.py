"""Makes the tables of true values in this folder: README.md says what they are and how to run this.

Values are computed with mpmath from the exact value of the input, with far more digits than any dtype has, and rounded
once to the dtype. Parts that are not finite have no digits; their rules are IEEE 754's, C99's and those of its annex G,
as written below or, for complex functions, as the C library does it (numpy calls it).
"""

import argparse
import gzip
import math
import os
import random
import struct

import mpmath as m
import numpy as np
from mpmath import mp, mpf

INF, NAN = math.inf, math.nan


class Format:
    """A binary floating-point format. Its values are Python floats, which hold each of them exactly."""

    def __init__(self, name, bits, p, emax):
        self.name, self.bits, self.p, self.emax, self.emin = name, bits, p, emax, 1 - emax
        self.max = math.ldexp(2 - 2.0 ** (1 - p), emax)
        self.tiny = math.ldexp(1.0, self.emin - p + 1)  # the smallest number above 0
        self.normal = math.ldexp(1.0, self.emin)

    def decode(self, code):
        sign = -1.0 if code >> (self.bits - 1) else 1.0
        code &= (1 << (self.bits - 1)) - 1
        e, f = code >> (self.p - 1), code & ((1 << (self.p - 1)) - 1)
        if e == 2 * self.emax + 1:
            return NAN if f else sign * INF
        if e == 0:
            return sign * math.ldexp(f, self.emin - self.p + 1)
        return sign * math.ldexp(f + (1 << (self.p - 1)), e - self.emax - self.p + 1)

    def encode(self, x):
        """The bits of x, a float or mpf, rounded to nearest, halves to even."""
        if isinstance(x, float) and (x != x or math.isinf(x) or x == 0):
            sign = int(math.copysign(1, x) < 0) << (self.bits - 1)
            if x == 0:
                return sign
            return sign | (2 * self.emax + 1) << (self.p - 1) | (1 << (self.p - 2) if x != x else 0)
        s, man, exp, bc = mpf(x)._mpf_
        assert man or x == 0, x
        sign = int(s) << (self.bits - 1)
        man, exp = int(man), int(exp)
        last = max(exp + man.bit_length() - self.p, self.emin - self.p + 1)  # exponent of the last place
        drop = last - exp
        if drop > 0:
            if drop > man.bit_length() + 2:
                man = 0
            else:
                rest, half = man & ((1 << drop) - 1), 1 << (drop - 1)
                man >>= drop
                if rest > half or rest == half and man & 1:
                    man += 1
        else:
            man <<= -drop
        if man.bit_length() > self.p:
            man >>= 1
            last += 1
        if last + self.p - 1 > self.emax:
            return sign | (2 * self.emax + 1) << (self.p - 1)
        if man.bit_length() < self.p:
            return sign | man
        return sign | (last - self.emin + self.p) << (self.p - 1) | man & ((1 << (self.p - 1)) - 1)

    def nearest(self, x):
        return self.decode(self.encode(x))

    def around(self, x, steps=2):
        """The number nearest to x and its neighbours."""
        code = self.encode(x)
        limit = (2 * self.emax + 1) << (self.p - 1)
        sign, code = code & 1 << (self.bits - 1), code & ((1 << (self.bits - 1)) - 1)
        return [self.decode(sign | c) for c in range(code - steps, code + steps + 1) if 0 <= c < limit]

    def hexa(self, x):
        return format(self.encode(x), "0%dx" % (self.bits // 4))


FORMATS = [Format("float16", 16, 11, 15), Format("bfloat16", 16, 8, 127), Format("float32", 32, 24, 127), Format("float64", 64, 53, 1023)]
COUNT = {"float16": 40, "bfloat16": 40, "float32": 60, "float64": 90}  # random inputs of each sort
rng = random.Random()
seed = ""


def signed(list_):
    return [s * x for x in list_ for s in (1.0, -1.0)]


def landmarks(f):
    """Where any function may stumble: zeros, the denormals' ends, 1 and its neighbours, the largest, infinities, NaN."""
    xs = [0.0, f.tiny, 2 * f.tiny, 3 * f.tiny, f.normal - f.tiny, f.normal, f.normal + f.tiny, f.max, f.nearest(f.max / 2), f.nearest(f.max / 4)]
    xs += f.around(1.0) + [0.5, 2.0, 1.5, 3.0, 10.0] + f.around(math.sqrt(f.normal), 0) + f.around(math.sqrt(f.max), 0)
    return signed(xs + [INF]) + [NAN]


def anywhere(f, n=None):
    """Numbers spread evenly over the bits, and so over all magnitudes, denormals included."""
    out = []
    while len(out) < (n or COUNT[f.name]):
        x = f.decode(rng.getrandbits(f.bits))
        if x == x:
            out.append(x)
    out += [f.decode(rng.getrandbits(f.p - 1) >> rng.randrange(f.p - 1)) for _ in range(4)]
    return out


def between(f, lo, hi, n=None):
    return [f.nearest(rng.uniform(lo, hi)) for _ in range(n or COUNT[f.name])]


def exp_edges(f):
    """Where exp leaves the normal numbers of f, and where it is no longer 1."""
    out = []
    for v in (mpf(f.max), mpf(f.normal), mpf(f.tiny), mpf(f.tiny) / 2):
        out += f.around(m.log(v), 3)
    lo, hi = float(m.log(mpf(f.tiny))), float(m.log(mpf(f.max)))
    out += between(f, hi - 0.4, hi, 12) + between(f, lo, lo + 36, 12) + between(f, lo - 2, lo, 6)
    return out + signed([f.nearest(2.0 ** -k) for k in range(1, 2 * f.p, 3)])


def exp_range(f):
    return between(f, float(m.log(mpf(f.tiny))), float(m.log(mpf(f.max)))) + between(f, -3, 3)


def trig_edges(f):
    """The numbers nearest to the first multiples of π/2 and to others, and those that are closest to one at all:
    convergents of 2^e/(π/2) have the numerators and denominators of the closest pairs."""
    with mp.workprec(1300):
        half = m.pi / 2
        near = []
        for e in range(f.emin - f.p + 1, f.emax - f.p + 2):
            if e < -f.p - 2:
                continue
            a = m.ldexp(1, e) / half
            q0, q1, x = 0, 1, a  # denominators
            for _ in range(60):
                k = int(m.floor(x))
                if x == k:
                    break
                x = 1 / (x - k)
                q0, q1 = q1, int(m.floor(x)) * q1 + q0
                if q1 >= 1 << f.p:
                    break
                v = math.ldexp(q1, e)
                if q1 >= 1 << (f.p - 2) and v <= f.max and v > 0.5:
                    t = mpf(v) / half
                    near.append((float(m.log(abs(t - m.nint(t)) + mpf(2) ** -1200)), v))
        near.sort()
        worst = [v for _, v in near[:16]]
        some = [v for _, v in rng.sample(near, min(24, len(near)))]
        first = [f.nearest(k * half) for k in range(1, 65)]
        more = [f.nearest(k * half) for k in [10**k for k in range(2, 9)] if k < f.max / 2]
        eighths = [f.nearest(k * half / 2) for k in range(1, 12, 2)]
    return signed(sorted(set(worst + some))) + first + more + eighths + [f.nearest(91.106186954104)]


# Functions of one real number: the value (an mpf) of a finite mpf, what it is at -∞ and +∞, and inputs of interest.
# A function that is not defined at x returns NaN or ±∞ as a float.


def gelu(x):
    return x * m.erfc(-x / m.sqrt(2)) / 2


def gelu_approximate(x):
    return x / (1 + m.exp(-2 * m.sqrt(2 / m.pi) * (x + mpf("0.044715") * x**3)))


def rsqrt(x):
    return -INF if math.copysign(1, x) < 0 and x == 0 else INF if x == 0 else NAN if x < 0 else 1 / m.sqrt(mpf(x))


def at(f):
    return lambda x: f(mpf(x))


def tails(f):
    lo = -float(m.sqrt(-2 * m.log(mpf(f.tiny))))
    return between(f, max(lo - 1, -f.max), 0) + between(f, -3, 3) + between(f, max(lo - 1, -f.max), lo + 2)


def whole(f):
    """f of a finite number, with the number's sign also where that is 0."""
    return lambda x: math.copysign(float(f(x)), x)


def halves(f):
    """Halves and their neighbours, up to where all numbers are whole."""
    out = [y for k in range(8) for y in f.around(k + 0.5, 1)]
    return signed(out + f.around(2.0 ** (f.p - 1), 3) + f.around(2.0 ** (f.p - 2), 3)) + between(f, -10, 10)


def inside(f, lo, hi):
    """f from lo to hi, NaN elsewhere."""
    return lambda x: f(mpf(x)) if lo <= x <= hi else NAN


def toward(f, x, n=24):
    """Numbers on both sides of x, closer and closer."""
    out = [f.nearest(mpf(x) + s * mpf(2) ** -rng.uniform(0, 1.4 * f.p)) for _ in range(n) for s in (1, -1)]
    return out + f.around(x, 3)


def lgamma(x):
    if x <= 0 and x == math.floor(x):
        return INF
    x = mpf(x)
    if x > 0:
        return m.loggamma(x)
    with mp.workprec(2500):
        r = x - m.nint(x)
        return +m.log(m.pi / abs(m.sin(m.pi * r))) - m.loggamma(1 - x)


def digamma(x):
    if x <= 0 and x == math.floor(x):
        return NAN
    x = mpf(x)
    if x > 0:
        return m.digamma(x)
    with mp.workprec(2500):
        r = x - m.nint(x)
        return m.digamma(1 - x) - m.pi / m.tan(m.pi * r)


def gamma_points(f):
    out = between(f, -20, 20) + between(f, 0, 3) + toward(f, 1.0) + toward(f, 2.0) + toward(f, -3.0) + between(f, -0.9, 0)
    return out + between(f, -200, -20) + between(f, 0, min(1e5, f.max / 2))


def scaled_bessel(n):
    def value(x):
        a = abs(mpf(x))
        sign = -1 if n % 2 and x < 0 else 1
        if a < 400:
            return sign * m.besseli(n, a) * m.exp(-a)
        total, term, mu = mpf(1), mpf(1), 4 * n * n  # Abramowitz and Stegun, 9.7.1
        for k in range(1, 400):
            term *= -(mu - (2 * k - 1) ** 2) / (k * 8 * a)
            total += term
            if abs(term) < mpf(2) ** -380:
                break
        return sign * total / m.sqrt(2 * m.pi * a)

    return value


def bessel_points(f):
    return between(f, -10, 10) + between(f, -1, 1) + between(f, 0, 100) + toward(f, 8.0) + toward(f, -8.0)


def erfc_points(f):
    end = float(m.sqrt(-m.log(mpf(f.tiny)))) + 0.3
    return between(f, -6, 6) + between(f, 0, min(end, f.max)) + between(f, end - 1, end) + toward(f, 0.0)


def cosh_edges(f):
    out = [y for v in (mpf(f.max), mpf(f.max) * 2) for y in f.around(m.log(v), 3)]
    return signed(out) + exp_range(f) + between(f, -0.6, 0.6) + between(f, -25, 25)


def exp2_edges(f):
    out = [y for k in (f.emax, f.emax + 1, f.emin, f.emin - f.p + 1, f.emin - f.p) for y in f.around(float(k), 2)]
    return out + [float(k) for k in range(-24, 16, 3)] + signed([f.nearest(2.0 ** -k) for k in range(1, 2 * f.p, 3)]) + \
        between(f, f.emin - f.p - 1, f.emax + 1) + between(f, f.emin - f.p - 1, f.emin) + between(f, -3, 3)


def root3(x):
    return m.sign(x) * m.cbrt(abs(mpf(x)))


BOUNDED = lambda f: between(f, -1, 1) + toward(f, 1.0) + toward(f, -1.0) + toward(f, 0.5) + between(f, -0.01, 0.01)

ODD = {"Expm1", "Log1p", "Sin", "Tan", "Tanh", "Erf", "Gelu", "GeluApproximate", "Silu", "Sqrt",
       "Asin", "Atan", "Sinh", "Asinh", "Atanh", "Cbrt", "ErfInv", "BesselI1e"}  # f(-0) is -0

UNARY = {
    "Exp": (at(m.exp), 0.0, INF, lambda f: exp_edges(f) + exp_range(f)),
    "Expm1": (at(m.expm1), -1.0, INF, lambda f: exp_edges(f) + exp_range(f) + between(f, -0.6, 0.6)),
    "Log": (lambda x: -INF if x == 0 else NAN if x < 0 else m.log(mpf(x)), NAN, INF, lambda f: between(f, 0.5, 2) + between(f, 0, 100)),
    "Log1p": (lambda x: -INF if x == -1 else NAN if x < -1 else m.log1p(mpf(x)), NAN, INF, lambda f: between(f, -0.999, 1) + between(f, -0.01, 0.01)),
    "Sqrt": (lambda x: NAN if x < 0 else m.sqrt(mpf(x)), NAN, INF, lambda f: between(f, 0, 4)),
    "Rsqrt": (rsqrt, NAN, 0.0, lambda f: between(f, 0, 4)),
    "Sin": (at(m.sin), NAN, NAN, lambda f: trig_edges(f) + between(f, -7, 7)),
    "Cos": (at(m.cos), NAN, NAN, lambda f: trig_edges(f) + between(f, -7, 7)),
    "Tan": (at(m.tan), NAN, NAN, lambda f: trig_edges(f) + between(f, -7, 7)),
    "Tanh": (at(m.tanh), -1.0, 1.0, lambda f: between(f, -1, 1) + between(f, -20, 20)),
    "Erf": (at(m.erf), -1.0, 1.0, lambda f: between(f, -1, 1) + between(f, -6.5, 6.5)),
    "Reciprocal": (lambda x: math.copysign(INF, x) if x == 0 else 1 / mpf(x), -0.0, 0.0, lambda f: between(f, -4, 4)),
    "Square": (lambda x: mpf(x) ** 2, INF, INF, lambda f: between(f, -4, 4)),
    "Abs": (lambda x: abs(x), INF, INF, lambda f: between(f, -4, 4)),
    "Sign": (lambda x: math.copysign(1.0, x) if x else x, -1.0, 1.0, lambda f: between(f, -4, 4)),
    "Floor": (whole(math.floor), -INF, INF, halves),
    "Ceil": (whole(math.ceil), -INF, INF, halves),
    "Round": (whole(round), -INF, INF, halves),
    "Sigmoid": (at(lambda x: 1 / (1 + m.exp(-x))), 0.0, 1.0, lambda f: exp_edges(f) + exp_range(f)),
    "Softplus": (at(lambda x: m.log1p(m.exp(x)) if x < 0 else x + m.log1p(m.exp(-x))), 0.0, INF, lambda f: exp_edges(f) + exp_range(f)),
    "Silu": (at(lambda x: x / (1 + m.exp(-x))), -0.0, INF, lambda f: exp_edges(f) + exp_range(f)),
    "NormalCDF": (at(lambda x: m.erfc(-x / m.sqrt(2)) / 2), 0.0, 1.0, tails),
    "Gelu": (at(gelu), -0.0, INF, tails),
    "GeluApproximate": (at(gelu_approximate), -0.0, INF, tails),
    "Asin": (inside(m.asin, -1, 1), NAN, NAN, BOUNDED),
    "Acos": (inside(m.acos, -1, 1), NAN, NAN, BOUNDED),
    "Atan": (at(m.atan), -m.pi / 2, m.pi / 2, lambda f: between(f, -20, 20) + between(f, -1, 1) + toward(f, 1.0)),
    "Sinh": (at(m.sinh), -INF, INF, cosh_edges),
    "Cosh": (at(m.cosh), INF, INF, cosh_edges),
    "Asinh": (at(m.asinh), -INF, INF, lambda f: between(f, -20, 20) + between(f, -1, 1) + between(f, -0.01, 0.01)),
    "Acosh": (inside(m.acosh, 1, INF), NAN, INF, lambda f: between(f, 1, 20) + toward(f, 1.0) + between(f, 1, 2)),
    "Atanh": (lambda x: math.copysign(INF, x) if abs(x) == 1 else inside(m.atanh, -1, 1)(x), NAN, NAN, BOUNDED),
    "Log2": (lambda x: -INF if x == 0 else NAN if x < 0 else m.log(mpf(x)) / m.log(2), NAN, INF,
             lambda f: between(f, 0.5, 2) + between(f, 0, 100) + toward(f, 1.0) + [f.nearest(2.0**k) for k in range(-14, 15, 3)]),
    "Exp2": (at(lambda x: m.exp(x * m.log(2))), 0.0, INF, exp2_edges),
    "Cbrt": (root3, -INF, INF, lambda f: between(f, -30, 30) + [float(k**3) for k in range(-5, 6)]),
    "Erfc": (lambda x: m.erfc(mpf(x)) if abs(x) < 1000 else 0.0 if x > 0 else 2.0, 2.0, 0.0, erfc_points),
    "ErfInv": (lambda x: math.copysign(INF, x) if abs(x) == 1 else inside(m.erfinv, -1, 1)(x), NAN, NAN, BOUNDED),
    "Lgamma": (lgamma, INF, INF, gamma_points),
    "Digamma": (digamma, NAN, INF, lambda f: gamma_points(f) + toward(f, 1.4616321449683623)),
    "BesselI0e": (scaled_bessel(0), 0.0, 0.0, bessel_points),
    "BesselI1e": (scaled_bessel(1), -0.0, 0.0, bessel_points),
}


def real_value(name, x):
    f, low, high, _ = UNARY[name]
    if x != x:
        return NAN
    if math.isinf(x):
        return high if x > 0 else low
    if x == 0 and name in ODD:
        return x
    return f(x)


# Functions of two real numbers.


def power(x, y):
    if x == 1 or y == 0:
        return 1.0
    if not (math.isfinite(x) and math.isfinite(y)) or x == 0:
        try:
            return math.pow(x, y)
        except ValueError:  # a power of 0 below 0
            return math.copysign(INF, x) if y % 2 == 1 else INF
    whole = y == math.floor(y)
    if x < 0 and not whole:
        return NAN
    v = m.exp(mpf(y) * m.log(abs(mpf(x)))) if abs(y) > 1024 or not whole else abs(mpf(x)) ** int(y)
    return -v if x < 0 and math.fmod(y, 2) != 0 else v


def atan2(y, x):
    if not (math.isfinite(x) and math.isfinite(y)) or x == 0 or y == 0:
        v = math.atan2(y, x)
        if v != v:
            return v
        turns = round(v / math.pi * 4)  # of an eighth
        return m.pi * turns / 4 if turns else v
    return m.atan2(mpf(y), mpf(x))


def remainder(x, y):
    try:
        return math.fmod(x, y)
    except ValueError:
        return NAN


def divide(x, y):
    if math.isfinite(x) and math.isfinite(y) and x and y:
        return mpf(x) / mpf(y)
    with np.errstate(all="ignore"):
        return float(np.float64(x) / np.float64(y))


def add(x, y):
    if math.isfinite(x) and math.isfinite(y):
        with mp.workprec(2500):
            return mpf(x) + mpf(y) or x + y  # float's rules for the sign of a zero
    return x + y


def subtract(x, y):
    return add(x, -y)


def multiply(x, y):
    return mpf(x) * mpf(y) if math.isfinite(x) and math.isfinite(y) and x and y else x * y


def log_add_exp(x, y):
    if x != x or y != y:
        return NAN
    hi, lo = max(x, y), min(x, y)
    if math.isinf(hi) or lo == -INF:
        return hi
    with mp.workprec(2500):
        return mpf(hi) + m.log1p(m.exp(mpf(lo) - mpf(hi)))


def pairs(f, n, *sources):
    """n pairs of numbers from sources of pairs, taken in turn."""
    return [rng.choice(sources)() for _ in range(n)]


def some(f):
    return anywhere(f, 1)[0]


def grid(f, *xs):
    xs = list(xs) or signed([0.0, f.tiny, 1.0, 3.0, f.max, INF]) + [NAN]
    return [(x, y) for x in xs for y in xs]


def pow_pairs(f):
    out = grid(f, *(signed([0.0, 0.5, 1.0, 2.0, 3.0, f.tiny, f.max, INF]) + [NAN]))
    big = float(f.emax)
    for _ in range(3 * COUNT[f.name]):  # results over the whole range
        x = abs(some(f)) or 1.0
        if x in (1.0, INF):
            continue
        y = rng.uniform(-big, big) / math.log2(x)
        out.append((x, max(min(f.nearest(y), f.max), -f.max)))
    for _ in range(COUNT[f.name]):  # near 1, with large exponents
        x = f.nearest(1 + rng.choice((1, -1)) * 2.0 ** -rng.uniform(2, f.p))
        if x != 1:
            out.append((x, f.nearest(max(min(rng.uniform(-big, big) / math.log2(x), f.max / 2), -f.max / 2))))
    for _ in range(COUNT[f.name] // 2):  # whole exponents, denormal bases, negative bases
        out.append((f.nearest(rng.uniform(-20, 20)), float(rng.randrange(-9, 10))))
        out.append((f.nearest(f.normal * rng.random()), f.nearest(rng.uniform(-1.2, 1.2))))
        out.append((some(f), rng.choice((0.5, -0.5, 2.0, 1.0, -1.0, 3.0, -2.0))))
    return out


def atan_pairs(f):
    out = grid(f) + [(some(f), some(f)) for _ in range(3 * COUNT[f.name])]
    for _ in range(2 * COUNT[f.name]):
        x = some(f)
        out.append((f.nearest(x * rng.uniform(-3, 3)) if abs(x) < f.max / 4 else some(f), x))
    if f.name == "float64":
        out += [(-1e-200, -1e200), (1e-200, -1e200), (-1e-200, 1e200), (5e-324, 1e-300), (1e300, -1e-300)]
    return out


def rem_pairs(f):
    out = grid(f) + [(some(f), some(f)) for _ in range(2 * COUNT[f.name])]
    return out + [(f.nearest(rng.uniform(-50, 50)), f.nearest(rng.uniform(-5, 5))) for _ in range(COUNT[f.name])]


def hypot(x, y):
    return c_abs(x, y)[0] if math.isfinite(x) and math.isfinite(y) else INF if math.isinf(x) or math.isinf(y) else NAN


def product_pairs(f):
    return grid(f) + [(some(f), some(f)) for _ in range(COUNT[f.name])]


def lae_pairs(f):
    out = grid(f) + [(some(f), some(f)) for _ in range(COUNT[f.name])]
    for _ in range(COUNT[f.name]):
        x = f.nearest(rng.uniform(-50, 50))
        out.append((x, f.nearest(x + rng.uniform(-40, 40))))
        out.append((f.nearest(rng.uniform(-2, 2)), f.nearest(rng.uniform(-2, 2))))
        x = -rng.expovariate(1)  # a value near 0
        out.append((f.nearest(x), f.nearest(math.log(-math.expm1(x)) if x < 0 else 0.0)))
    return out


BINARY = {"Pow": (power, pow_pairs), "Atan2": (atan2, atan_pairs), "Rem": (remainder, rem_pairs), "Div": (divide, product_pairs),
          "Add": (add, product_pairs), "Sub": (subtract, product_pairs),
          "Mul": (multiply, product_pairs), "LogAddExp": (log_add_exp, lae_pairs), "Hypot": (hypot, atan_pairs)}

# Functions of complex numbers, part by part without cancellation. Parts are mpf, or floats where a zero has a sign.


def times(a, b):
    """The product of a number that is exact, possibly a zero with a sign, and an mpf."""
    if a == 0 or b == 0:
        return math.copysign(0.0, math.copysign(1, a) * (math.copysign(1, b) if isinstance(b, float) else m.sign(b) or 1))
    return mpf(a) * b


def odd(f, x):
    return x if x == 0 else f(mpf(x))


def c_exp(x, y):
    return times(m.exp(mpf(x)), m.cos(mpf(y))), times(odd(m.sin, y), m.exp(mpf(x)))


def c_log(x, y):
    if x == 0 and y == 0:
        return -INF, atan2(y, x)
    with mp.workprec(6000):
        t = (mpf(x) - 1) * (mpf(x) + 1) + mpf(y) ** 2
        t = t if t else 0.0
    re = 0.0 if t == 0 else m.log1p(t) / 2
    if abs(t) > 0.5:
        re = m.log(mpf(x) ** 2 + mpf(y) ** 2) / 2
    return re, atan2(y, x)


def c_sqrt(x, y):
    if x == 0 and y == 0:
        return 0.0, y
    with mp.workprec(2500):
        w = m.sqrt((abs(mpf(x)) + m.sqrt(mpf(x) ** 2 + mpf(y) ** 2)) / 2)
        if x >= 0:
            return w, times(y, 1 / (2 * w))
        return (abs(mpf(y)) / (2 * w) or 0.0), w if math.copysign(1, y) > 0 else -w


def c_reciprocal(x, y):
    if x == 0 and y == 0:
        return c99_div(1.0, 0.0, x, y)
    with mp.workprec(4500):
        n = mpf(x) ** 2 + mpf(y) ** 2
        return times(x, 1 / n), times(-y, 1 / n)


def c_rsqrt(x, y):
    if x == 0 and y == 0:
        return c99_div(1.0, 0.0, 0.0, y)
    a, b = c_sqrt(x, y)
    with mp.workprec(2500):
        n = 1 / m.sqrt(mpf(x) ** 2 + mpf(y) ** 2)
        return (times(a, n) if a != 0 else 0.0), times(-b, n)


def c_sin(x, y):
    return times(odd(m.sin, x), m.cosh(mpf(y))), times(odd(m.sinh, y), m.cos(mpf(x)))


def c_cos(x, y):
    return m.cos(mpf(x)) * m.cosh(mpf(y)), -times(odd(m.sinh, y), odd(m.sin, x))


def c_tanh(x, y):
    sh, ch, s, c = odd(m.sinh, x), m.cosh(mpf(x)), odd(m.sin, y), m.cos(mpf(y))
    n = mpf(sh) ** 2 + c**2
    return times(sh, ch / n), times(s, c / n)


def c_tan(x, y):
    re, im = c_tanh(-y, x)  # tan z = -i·tanh(iz)
    return im, -re


def c_sinh(x, y):
    return times(odd(m.sinh, x), m.cos(mpf(y))), times(odd(m.sin, y), m.cosh(mpf(x)))


def c_cosh(x, y):
    re, im = m.cosh(mpf(x)) * m.cos(mpf(y)), times(odd(m.sinh, x), odd(m.sin, y)) if x == 0 or y == 0 else m.sinh(mpf(x)) * m.sin(mpf(y))
    return re, im


def c_square(x, y):
    with mp.workprec(4500):
        return (mpf(x) - mpf(y)) * (mpf(x) + mpf(y)), times(x, 2 * mpf(y))


def c_abs(x, y):
    with mp.workprec(4500):
        return (m.sqrt(mpf(x) ** 2 + mpf(y) ** 2),)


def c_mul(a, b, c, d):
    with mp.workprec(4500):
        a, b, c, d = mpf(a), mpf(b), mpf(c), mpf(d)
        return a * c - b * d, a * d + b * c


def c_div(a, b, c, d):
    if c == 0 and d == 0:
        return c99_div(a, b, c, d)
    with mp.workprec(6600):
        a, b, c, d = mpf(a), mpf(b), mpf(c), mpf(d)
        n = c * c + d * d
        return (a * c + b * d) / n, (b * c - a * d) / n


# The recommended products and quotients of C99, G.5.1, where a part is not finite or the divisor is 0.


def box(x):
    return math.copysign(1.0 if math.isinf(x) else 0.0, x)


def zero_nan(x):
    return math.copysign(0.0, x) if x != x else x


def c99_mul(a, b, c, d):
    x, y = a * c - b * d, a * d + b * c
    if x != x and y != y:
        again = False
        if math.isinf(a) or math.isinf(b):
            a, b, c, d, again = box(a), box(b), zero_nan(c), zero_nan(d), True
        if math.isinf(c) or math.isinf(d):
            c, d, a, b, again = box(c), box(d), zero_nan(a), zero_nan(b), True
        if again:
            x, y = INF * (a * c - b * d), INF * (a * d + b * c)
    return x, y


def c99_div(a, b, c, d):
    big = max(abs(c), abs(d)) if c == c and d == d else NAN
    k = math.frexp(big)[1] - 1 if big == big and big and not math.isinf(big) else 0
    c, d = math.ldexp(c, -k), math.ldexp(d, -k)
    n = c * c + d * d

    def over(p):
        return p / n if n else (NAN if p == 0 or p != p else math.copysign(INF, p))

    x, y = over(a * c + b * d), over(b * c - a * d)
    if x != x and y != y:
        if n == 0 and (a == a or b == b):
            return math.copysign(INF, c) * a, math.copysign(INF, c) * b
        if (math.isinf(a) or math.isinf(b)) and math.isfinite(c) and math.isfinite(d):
            a, b = box(a), box(b)
            return INF * (a * c + b * d), INF * (b * c - a * d)
        if math.isinf(big) and math.isfinite(a) and math.isfinite(b):
            c, d = box(c), box(d)
            return 0.0 * (a * c + b * d), 0.0 * (b * c - a * d)
    return x, y


def library(f):
    def call(x, y):
        with np.errstate(all="ignore"):
            z = f(np.array([complex(x, y)]))[0]
        return float(z.real), float(z.imag)

    return call


def c99_rsqrt(x, y):
    return c99_div(1.0, 0.0, *library(np.sqrt)(x, y))


COMPLEX = {  # finite parts, other parts, landmarks of the real and of the imaginary part
    "Abs": (c_abs, lambda x, y: (INF if math.isinf(x) or math.isinf(y) else NAN,), None, None),
    "Exp": (c_exp, library(np.exp), exp_edges, trig_edges),
    "Log": (c_log, library(np.log), None, None),
    "Sqrt": (c_sqrt, library(np.sqrt), None, None),
    "Rsqrt": (c_rsqrt, c99_rsqrt, None, None),
    "Square": (c_square, lambda x, y: c99_mul(x, y, x, y), None, None),
    "Reciprocal": (c_reciprocal, lambda x, y: c99_div(1.0, 0.0, x, y), None, None),
    "Sin": (c_sin, library(np.sin), trig_edges, exp_edges),
    "Cos": (c_cos, library(np.cos), trig_edges, exp_edges),
    "Tan": (c_tan, library(np.tan), trig_edges, exp_edges),
    "Tanh": (c_tanh, library(np.tanh), exp_edges, trig_edges),
    "Sinh": (c_sinh, library(np.sinh), exp_edges, trig_edges),
    "Cosh": (c_cosh, library(np.cosh), exp_edges, trig_edges),
}



def by_parts(f):
    return lambda a, b, c, d: (f(a, c), f(b, d))


COMPLEX2 = {"Add": (by_parts(add), by_parts(add)), "Sub": (by_parts(subtract), by_parts(subtract)),
            "Mul": (c_mul, c99_mul), "Div": (c_div, c99_div)}


def points(f, res, ims):
    """Complex numbers: special parts crossed, small, large and mixed parts, and, given landmarks, those."""
    out = grid(f, *(signed([0.0, 1.0, f.tiny, f.max, INF]) + [NAN])) + [(some(f), some(f)) for _ in range(COUNT[f.name] // 2)]
    for scale in (1, 4, 40):
        out += [(f.nearest(rng.uniform(-scale, scale)), f.nearest(rng.uniform(-scale, scale))) for _ in range(COUNT[f.name] // 3)]
    for _ in range(COUNT[f.name] // 3):
        x = some(f)  # parts of like magnitude
        out.append((x, f.nearest(x * rng.uniform(-2, 2)) if abs(x) < f.max / 4 else x))
        out.append(rng.choice(((some(f), f.nearest(rng.uniform(-3, 3))), (f.nearest(rng.uniform(-3, 3)), some(f)))))
        a = rng.uniform(0, 2 * math.pi)  # on the unit circle
        out.append((f.nearest(math.cos(a)), f.nearest(math.sin(a))))
    if res:
        res, ims = [x for x in res(f) if x == x], [y for y in ims(f) if y == y]
        out += [(rng.choice(res), f.nearest(rng.uniform(-4, 4))) for _ in range(COUNT[f.name] // 3)]
        out += [(rng.choice(res), rng.choice(ims)) for _ in range(COUNT[f.name] // 3)]
        out += [(f.nearest(rng.uniform(-4, 4)), rng.choice(ims)) for _ in range(COUNT[f.name] // 3)]
        out += [p for v in (20.0, 88.0, 400.0, 800.0) for p in ((v, 0.0), (-v, 0.5), (0.0, v), (0.5, -v), (v, v))]
    else:
        out += [(x, y) for x in f.around(1.0, 1) for y in (f.tiny, f.nearest(1e-10), f.nearest(2.0 ** -(f.p // 2)), 0.0)]
    return out


def free_signs(name, x, y, value):
    """Whether annex G leaves the signs of zeros and infinities open."""
    if any(v != v for v in value if isinstance(v, float)):
        return True
    nonfinite = not math.isfinite(x) and not math.isfinite(y)
    return nonfinite and name in ("Exp", "Sin", "Cos", "Tan", "Tanh", "Sinh", "Cosh")


def line(dtype, f, ins, outs, free=False):
    mark = "~" if free else ""
    return "%s %s = %s" % (dtype, " ".join(f.hexa(x) for x in ins), " ".join(mark + f.hexa(v) for v in outs))


def unique(list_):
    seen, out = set(), []
    for x in list_:
        key = struct.pack("<%dd" % len(x), *x)
        if key not in seen:
            seen.add(key)
            out.append(x)
    return out


def lines(name):
    rng.seed(name + seed)
    for f in FORMATS:
        if name in UNARY:
            for (x,) in unique([(x,) for x in landmarks(f) + anywhere(f) + UNARY[name][3](f)]):
                yield line(f.name, f, [x], [real_value(name, x)])
        if name in BINARY:
            value, make = BINARY[name]
            for x, y in unique(make(f)):
                yield line(f.name, f, [x, y], [value(x, y)])
    for f in FORMATS[2:]:
        dtype = {"float32": "complex64", "float64": "complex128"}[f.name]
        if name in COMPLEX:
            finite, other, res, ims = COMPLEX[name]
            for x, y in unique(points(f, res, ims)):
                v = finite(x, y) if math.isfinite(x) and math.isfinite(y) else other(x, y)
                yield line(dtype, f, [x, y], v, free_signs(name, x, y, v))
        if name in COMPLEX2:
            finite, other = COMPLEX2[name]
            near = lambda: (f.nearest(rng.uniform(-4, 4)), f.nearest(rng.uniform(-4, 4)))
            like = lambda: (lambda s: (f.nearest(s * rng.uniform(-1, 1)), f.nearest(s * rng.uniform(-1, 1))))(abs(some(f)) / 2)
            special = lambda: tuple(rng.choice(signed([0.0, 1.0, 3.0, f.tiny, f.max, INF]) + [NAN]) for _ in range(2))
            for _ in range(2 * COUNT[f.name]):
                p = rng.choice((near, like, special))() + rng.choice((near, like, special))()
                if not all(v == v for v in p) and rng.random() < 0.5 or any(math.isnan(v) and math.isinf(v) for v in p):
                    continue
                v = (finite if all(math.isfinite(v) for v in p) else other)(*p)
                yield line(dtype, f, p, v, free_signs(name, p[0], p[1], v))


def main():
    global seed
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("op", nargs="*", help="the tables to make; all if none is named")
    args.add_argument("--to", default=".", help="the folder to write to")
    args.add_argument("--seed", default="", help="other random numbers")
    args.add_argument("--times", type=int, default=1, help="so many times as many of them")
    args = args.parse_args()
    seed = args.seed
    for f in COUNT:
        COUNT[f] *= args.times
    mp.prec = 400
    for name in args.op or sorted(set(UNARY) | set(BINARY) | set(COMPLEX) | set(COMPLEX2)):
        text = "".join(s + "\n" for s in lines(name))
        with open(os.path.join(args.to, name + ".txt.gz"), "wb") as out:
            out.write(gzip.compress(text.encode(), 9, mtime=0))
        print(name, text.count("\n"))


if __name__ == "__main__":
    main()
