"""Makes the tables of true values in this folder, for operations that Read makes of several of Quire's.

    pip install mpmath==1.4.1 numpy
    python make.py [NAME …]     # writes NAME.txt.gz beside this file, NAME being the operation's; all of them without names

A line is a dtype, the bits of the operands (of complex ones real and imaginary part), and those of the result:

    complex64 3f800000 00000000 = 402df854 00000000

A ~ before a part of the result leaves the sign of a zero or infinity open. Values are computed with mpmath from the exact
value of the input, with far more digits than any dtype has, and rounded once. Infinities and NaN follow the limits of the
function, and for sinh and cosh of complex numbers C99's annex G, as the C library has it (numpy calls it).
"""
import gzip
import math
import os
import random
import sys
import warnings

import mpmath as m
import numpy as np
from mpmath import mpc, mpf

warnings.simplefilter("ignore")
m.mp.prec = 400
HERE = os.path.dirname(os.path.abspath(__file__))
INF, NAN = math.inf, math.nan
rng = random.Random(7)


class Format:
    """A binary floating-point format, whose values Python's floats hold exactly."""

    def __init__(self, name, bits, p, emax):
        self.name, self.bits, self.p, self.emax, self.emin = name, bits, p, emax, 1 - emax
        self.max, self.normal, self.tiny = math.ldexp(2 - 2.0 ** (1 - p), emax), math.ldexp(1.0, 1 - emax), math.ldexp(1.0, 2 - emax - p)

    def decode(self, code):
        sign, code = (-1.0 if code >> (self.bits - 1) else 1.0), code & ((1 << (self.bits - 1)) - 1)
        e, f = code >> (self.p - 1), code & ((1 << (self.p - 1)) - 1)
        if e == 2 * self.emax + 1:
            return NAN if f else sign * INF
        return sign * (math.ldexp(f, self.emin - self.p + 1) if e == 0 else math.ldexp(f + (1 << (self.p - 1)), e - self.emax - self.p + 1))

    def encode(self, x):
        """The bits of a float or mpf, rounded to nearest, halves to even."""
        infinite = (2 * self.emax + 1) << (self.p - 1)
        if x != x:
            return infinite | 1 << (self.p - 2)
        sign = int(math.copysign(1, x) < 0 if isinstance(x, float) else x < 0) << (self.bits - 1)
        if x == 0:
            return sign
        if abs(x) == INF:
            return sign | infinite
        x = abs(mpf(x))
        if x >= m.ldexp(1, self.emax + 1):
            return sign | infinite
        last = max(int(m.floor(m.log(x, 2))) - self.p + 1, self.emin - self.p + 1)
        if x < m.ldexp(1, last + self.p - 1):  # the logarithm was rounded up
            last = max(last - 1, self.emin - self.p + 1)
        n = int(m.nint(m.ldexp(x, -last)))  # halves to even
        if n >> self.p:
            n, last = n >> 1, last + 1
        if last + self.p - 1 > self.emax:
            return sign | infinite
        return sign | (n if n < 1 << (self.p - 1) else (last - self.emin + self.p) << (self.p - 1) | n & ((1 << (self.p - 1)) - 1))

    def nearest(self, x):
        return self.decode(self.encode(x))

    def hexa(self, x):
        return format(self.encode(x), "0%dx" % (self.bits // 4))


FORMATS = [Format("float16", 16, 11, 15), Format("bfloat16", 16, 8, 127), Format("float32", 32, 24, 127), Format("float64", 64, 53, 1023)]
COMPLEX = {"float32": "complex64", "float64": "complex128"}


def landmarks(f):
    near = [f.decode(f.encode(v) + k) for v in (1.0, 2.0, 0.5) for k in (-2, -1, 0, 1, 2)]
    xs = [0.0, f.tiny, 3 * f.tiny, f.normal - f.tiny, f.normal, f.max, f.nearest(f.max / 2), 1.5, 2.5, 3.5, 10.0, INF] + near
    return [s * x for x in xs for s in (1.0, -1.0)] + [NAN]


def between(f, lo, hi, n=24):
    return [f.nearest(rng.uniform(lo, hi)) for _ in range(n)]


def anywhere(f, n=24):
    xs = [f.decode(rng.getrandbits(f.bits)) for _ in range(n)]
    return [x for x in xs if x == x]


def toward(f, x, n=16):
    """Numbers that come nearer and nearer to x."""
    return [f.nearest(x + s * 2.0 ** -rng.uniform(1, f.p)) for _ in range(n // 2) for s in (1, -1)]


def lgamma(x):
    x = mpf(x)
    if x <= 0 and x == m.floor(x):
        return INF
    if x > 0.5:
        return m.loggamma(x)
    return m.log(m.pi) - m.log(abs(m.sinpi(x))) - m.loggamma(1 - x)


def digamma(x):
    x = mpf(x)
    if x <= 0 and x == m.floor(x):
        return NAN
    if x > 0.5:
        return m.digamma(x)
    return m.digamma(1 - x) - m.pi * m.cospi(x) / m.sinpi(x)


def away(x):
    n = m.floor(abs(mpf(x)) + mpf(1) / 2)
    return float(math.copysign(float(n), x))


def inside(f, lo, hi):
    return lambda x: f(mpf(x)) if lo <= x <= hi else NAN


def odd(f):
    return lambda x: x if x == 0 else f(mpf(x))


def root3(x):
    return m.sign(x) * m.cbrt(abs(x))


def of(f):
    return lambda x: f(mpf(x))


def overflow(f):
    return between(f, -math.log(f.max) - 1, math.log(f.max) + 1) + between(f, math.log(f.max) - 0.5, math.log(f.max) + 1) + between(f, -3, 3)


# Of one real number: the value of a finite number, what it is at -∞ and ∞, and inputs of interest.
UNARY = {
    "chlo.acos": (inside(m.acos, -1, 1), NAN, NAN, lambda f: between(f, -1, 1) + toward(f, 1) + toward(f, -1)),
    "chlo.acosh": (inside(m.acosh, 1, INF), NAN, INF, lambda f: between(f, 1, 20) + toward(f, 1) + [f.nearest(-31415.9)]),
    "chlo.asin": (lambda x: x if x == 0 else inside(m.asin, -1, 1)(x), NAN, NAN, lambda f: between(f, -1, 1) + toward(f, 1) + toward(f, -1)),
    "chlo.asinh": (odd(m.asinh), -INF, INF, lambda f: between(f, -20, 20) + between(f, -1, 1)),
    "chlo.atan": (odd(m.atan), -m.pi / 2, m.pi / 2, lambda f: between(f, -20, 20) + between(f, -1, 1)),
    "chlo.atanh": (lambda x: x if x == 0 else math.copysign(INF, x) if abs(x) == 1 else m.atanh(mpf(x)) if abs(x) < 1 else NAN, NAN, NAN,
                   lambda f: between(f, -1, 1) + toward(f, 1) + toward(f, -1)),
    "chlo.sinh": (odd(m.sinh), -INF, INF, overflow),
    "chlo.cosh": (of(m.cosh), INF, INF, overflow),
    "chlo.erfc": (lambda x: m.erfc(mpf(x)) if abs(x) < 100 else 0.0 if x > 0 else 2.0, 2.0, 0.0, lambda f: between(f, -6, 6) + between(f, 0, math.sqrt(-math.log(f.tiny)) + 0.2, 40)),
    "chlo.erf_inv": (lambda y: y if y == 0 else math.copysign(INF, y) if abs(y) == 1 else m.erfinv(mpf(y)) if abs(y) < 1 else NAN, NAN, NAN,
                     lambda f: between(f, -1, 1) + toward(f, 1, 40) + toward(f, -1)),
    "chlo.lgamma": (lgamma, INF, INF, lambda f: between(f, -20, 20, 40) + toward(f, 1) + toward(f, 2) + toward(f, -3)),
    "chlo.digamma": (digamma, NAN, INF, lambda f: between(f, -20, 20, 40) + toward(f, -3) + toward(f, 1.4616321449683623)),
    "stablehlo.cbrt": (odd(root3), -INF, INF, lambda f: between(f, -100, 100)),
    "stablehlo.round_nearest_afz": (away, -INF, INF, lambda f: between(f, -9, 9) + [k + 0.5 for k in range(-6, 6)] + [f.nearest(0.5 - 2.0 ** -f.p), 2.0 ** (f.p - 1) - 0.5, 2.0 ** (f.p - 1) + 1]),
}


def hurwitz(s, q):
    if s != s or q != q:
        return NAN
    if s == 1:
        return INF
    if s < 1 or q < 0:
        return NAN
    if q == 0:
        return INF
    if q == INF:
        return 0.0
    if s == INF:
        return 0.0 if q > 1 else 1.0 if q == 1 else INF
    s, q = mpf(s), mpf(q)
    total = sum((q + k) ** -s for k in range(60))
    a = q + 60
    total += a ** (1 - s) / (s - 1) + a**-s / 2
    term = s * a ** (-s - 1)
    for k in range(1, 40):
        total += m.bernoulli(2 * k) / m.factorial(2 * k) * term
        term *= (s + 2 * k - 1) * (s + 2 * k) / a**2
    return total


def polygamma(n, x):
    if n != n or x != x or n < 0 or n != math.floor(n) or x <= 0 and n > 0:
        return NAN if not (x == 0 and n > 0 and n == math.floor(n)) else (INF if n % 2 else -INF)
    if n == 0:
        return digamma(x) if math.isfinite(x) else INF if x > 0 else NAN
    if math.isinf(x):
        return 0.0 if n % 2 else -0.0
    return (-1) ** (int(n) + 1) * m.factorial(int(n)) * hurwitz(n + 1.0, x)


def zeta_pairs(f):
    ss, qs = [1.0, 2.0, 3.0, 0.5, 1.5, 20.0, NAN, INF], [0.0, 0.5, 1.0, 2.0, -1.5, f.nearest(1e4), f.max, f.tiny, INF, NAN]
    out = [(s, q) for s in ss for q in qs]
    return out + [(f.nearest(1 + 2 ** rng.uniform(-6, 5)), f.nearest(2 ** rng.uniform(-6, 8))) for _ in range(40)]


def polygamma_pairs(f):
    out = [(n, x) for n in (0.0, 1.0, 2.0, 5.0, -1.0, 1.5, NAN) for x in (0.5, 1.0, 2.0, 30.0, INF, NAN)]
    return out + [(float(rng.randrange(0, 12)), f.nearest(2 ** rng.uniform(-3, 7))) for _ in range(40)]


BINARY = {"chlo.zeta": (hurwitz, zeta_pairs), "chlo.polygamma": (polygamma, polygamma_pairs)}


class Free(float):
    """A zero or infinity whose sign is open."""


def by_library(f, np_f):
    def value(z):
        if math.isfinite(z.real) and math.isfinite(z.imag):
            v = f(mpc(z.real, z.imag))
            re, im = v.real, v.imag
            exact = np_f(z)  # the signs of zeros
            return [float(e) if e == 0 else p for p, e in ((re, exact.real), (im, exact.imag))]
        v = np_f(z)
        return [Free(p) if p == 0 or math.isinf(p) and not math.isfinite(z.imag) else float(p) for p in (v.real, v.imag)]

    return value


def complex_sign(z):
    if not (math.isfinite(z.real) and math.isfinite(z.imag)):
        return [NAN, NAN]
    v = mpc(z.real, z.imag)
    if v == 0:
        return [z.real, z.imag]
    return [mpf(p) / abs(v) if p else p for p in (z.real, z.imag)]


def complex_cbrt(z):
    v = mpc(z.real, z.imag)
    if v == 0:
        return [Free(0.0), Free(0.0)]
    w = m.cbrt(abs(v)) * m.expj(m.atan2(v.imag, v.real) / 3) if v.imag != 0 or v.real > 0 else m.cbrt(abs(v)) * m.expj(math.copysign(1, z.imag) * m.pi / 3)
    return [w.real, w.imag if z.imag != 0 or v.real < 0 else Free(0.0)]


def complex_logistic(z):
    if math.isinf(z.real):
        return [1.0 if z.real > 0 else Free(0.0), Free(0.0)]
    w = 1 / (1 + m.exp(-mpc(z.real, z.imag)))
    return [w.real, w.imag if z.imag != 0 else Free(0.0)]


def complex_power(x, y):
    a, b = mpc(x.real, x.imag), mpc(y.real, y.imag)
    if b == 0:
        return [1.0, Free(0.0)]
    if a == 0:
        return [Free(0.0), Free(0.0)]
    argument = m.atan2(a.imag, a.real) if a.imag != 0 or a.real > 0 else math.copysign(1, x.imag) * m.pi
    w = m.exp(b * mpc(m.log(abs(a)), argument))
    return [w.real, w.imag if w.imag != 0 else Free(0.0)]


def grid(*xs):
    xs = [s * x for x in xs for s in (1.0, -1.0)]
    return [complex(a, b) for a in xs for b in xs]


def disc(f, lo, hi, n=40):
    out = []
    for _ in range(n):
        r, t = 2 ** rng.uniform(lo, hi), rng.uniform(-math.pi, math.pi)
        out.append(complex(f.nearest(r * math.cos(t)), f.nearest(r * math.sin(t))))
    return out


def with_specials(zs):
    xs = [0.0, -0.0, 1.0, -1.0, INF, -INF, NAN]
    return zs + [complex(a, b) for a in xs for b in xs]


def hyperbolic(f):
    edge = math.log(f.max)
    far = [complex(s * f.nearest(edge + rng.uniform(-2, 3)), f.nearest(rng.uniform(-4, 4))) for _ in range(12) for s in (1, -1)]
    return with_specials(disc(f, -f.emax // 2, 5) + far + [complex(f.nearest(rng.uniform(-9, 9)), f.nearest(math.pi / 2 * k)) for k in range(-4, 5)])


def quadrant(f, np_f, re, im):
    """An inverse function by its value in the first quadrant, of which re and im make the parts for the signs of z's. Beside infinities it is the C library's."""

    def value(z):
        if not (math.isfinite(z.real) and math.isfinite(z.imag)):
            v = np_f(z)
            return [float(v.real), float(v.imag)]
        w = f(mpc(abs(z.real), abs(z.imag)))
        sx, sy = math.copysign(1, z.real), math.copysign(1, z.imag)
        a, b = abs(w.real), abs(w.imag)
        return [re(a, b, sx, sy), im(a, b, sx, sy)]

    return value


def signed(v, s):
    return math.copysign(0.0, s) if v == 0 else v * s


ALONG_X = lambda a, b, sx, sy: signed(a, sx)
ALONG_Y = lambda a, b, sx, sy: signed(b, sy)


def acosh(z):  # from the first quadrant to all
    w = m.acos(z)
    return mpc(abs(w.imag), abs(w.real))


def inverses(f):
    inf = [complex(a, b) for a in (INF, -INF) for b in (0.0, 1.0, -3.0, INF, -INF)] + [complex(b, a) for a in (INF, -INF) for b in (0.0, 1.0, -3.0)]
    near = [complex(f.nearest(s * (1 + t * 2.0 ** -k)), f.nearest(2.0 ** -j)) for k in (5, 20, f.p - 1, 2000) for j in (3, 15, f.p + 5, -f.emin // 2 + 40) for s in (1, -1) for t in (1, -1)]
    return [(z,) for z in grid(0.0, 1.0, f.tiny, f.max, 0.5, 3.0) + disc(f, f.emin, f.emax - 1) + disc(f, -8, 8, 80) + near + inf]


def complex_log1p(z):
    if not (math.isfinite(z.real) and math.isfinite(z.imag)):
        return [INF, m.atan2(z.imag, z.real)]
    if z.real == -1 and z.imag == 0:
        return [-INF, Free(0.0)]
    w = m.log(1 + mpc(z.real, abs(z.imag)))
    return [w.real, signed(w.imag, math.copysign(1, z.imag))]


def complex_expm1(z):
    w = m.exp(mpc(z.real, z.imag)) - 1
    return [w.real if w.real != 0 else Free(0.0), w.imag if w.imag != 0 else math.copysign(0.0, z.imag)]


def complex_atan2(y, x):
    a, b = mpc(x.real, x.imag), mpc(y.real, y.imag)
    w = m.log((a + mpc(0, 1) * b) / m.sqrt(a * a + b * b))
    return [w.imag, -w.real]


def larger(x, y):
    return [(x if (x.real, x.imag) >= (y.real, y.imag) else y).real, (x if (x.real, x.imag) >= (y.real, y.imag) else y).imag]


def smaller(x, y):
    return [(x if (x.real, x.imag) <= (y.real, y.imag) else y).real, (x if (x.real, x.imag) <= (y.real, y.imag) else y).imag]


def pairs_of(f):
    xs = grid(1.0, 2.0) + disc(f, -3, 3, 12) + [complex(INF, 1), complex(-INF, 1), complex(1, INF)]
    return [(x, y) for x in xs for y in xs]


def complex_square(z):
    x, y = mpf(z.real), mpf(z.imag)
    re, im = x * x - y * y, 2 * x * y
    return [re if re != 0 else Free(0.0), im if im != 0 else Free(0.0)]


def arc_kernel(z):
    x, y = abs(mpf(z.real)), abs(mpf(z.imag))
    a = (m.sqrt((x + 1) ** 2 + y**2) + m.sqrt((x - 1) ** 2 + y**2)) / 2
    return [m.sqrt(a * a - x * x), m.log(a + m.sqrt(a * a - 1))]


COMPLEXES = {
    "chlo.asin": (1, quadrant(m.asin, np.arcsin, ALONG_X, ALONG_Y), inverses),
    "chlo.asinh": (1, quadrant(m.asinh, np.arcsinh, ALONG_X, ALONG_Y), inverses),
    "chlo.acos": (1, quadrant(m.acos, np.arccos, lambda a, b, sx, sy: a if sx > 0 else m.pi - a, lambda a, b, sx, sy: signed(b, -sy)), inverses),
    "chlo.acosh": (1, quadrant(acosh, np.arccosh, lambda a, b, sx, sy: a, lambda a, b, sx, sy: signed(b if sx > 0 else m.pi - b, sy)), inverses),
    "chlo.atan": (1, quadrant(m.atan, np.arctan, ALONG_X, ALONG_Y), inverses),
    "chlo.atanh": (1, quadrant(m.atanh, np.arctanh, ALONG_X, ALONG_Y), inverses),
    "chlo._asin_acos_kernel": (1, arc_kernel, lambda f: [(z,) for z in disc(f, -20, 20, 60)]),
    "chlo.square": (1, complex_square, lambda f: [(z,) for z in disc(f, -f.emax // 2 + 5, f.emax // 2 - 5) + grid(1.0, 3.0, f.nearest(math.sqrt(f.max) / 2))]),
    "stablehlo.log_plus_one": (1, complex_log1p, lambda f: [(z,) for z in disc(f, -f.emax // 2, f.emax - 1) + disc(f, -4, 4, 60) + grid(0.0, 1.0, f.tiny) + [complex(INF, 1.0), complex(-INF, -2.0), complex(0.5, INF)]]),
    "stablehlo.exponential_minus_one": (1, complex_expm1, lambda f: [(z,) for z in disc(f, -f.emax // 2, 3) + grid(0.0, 1.0, 5.0)]),
    "stablehlo.atan2": (2, complex_atan2, lambda f: list(zip(disc(f, -3, 3, 60), disc(f, -3, 3, 60)))),
    "stablehlo.maximum": (2, larger, pairs_of),
    "stablehlo.minimum": (2, smaller, pairs_of),
    "chlo.sinh": (1, by_library(m.sinh, np.sinh), lambda f: [(z,) for z in hyperbolic(f)]),
    "chlo.cosh": (1, by_library(m.cosh, np.cosh), lambda f: [(z,) for z in hyperbolic(f)]),
    "stablehlo.sign": (1, complex_sign, lambda f: [(z,) for z in with_specials(disc(f, f.emin - 10, f.emax - 1) + grid(f.tiny, f.max, 1.0))]),
    "stablehlo.cbrt": (1, complex_cbrt, lambda f: [(z,) for z in [3 + 4j] + disc(f, f.emin, f.emax - 1) + grid(f.tiny, f.normal, f.max, 0.0, 8.0)]),
    "stablehlo.logistic": (1, complex_logistic, lambda f: [(z,) for z in disc(f, -20, 1) + disc(f, 1, 6) + grid(0.0, 1.0, 30.0, math.log(f.max) // 1 + 3, f.max)
                           + [complex(s * INF, b) for s in (1, -1) for b in (0.0, 1.0, -3.0)]]),
    "stablehlo.power": (2, complex_power, lambda f: list(zip(disc(f, -5, 5, 60), disc(f, -5, 3, 60))) + [(x, y) for x in grid(0.0, 1.0, 2.0) for y in (0j, 1 + 0j, 2 + 0j, 0.5 + 1j, 3 - 1j)]),
}


def digits(f, x):
    """The bits of a part; the sign of one that is smaller than any number is open."""
    return ("~" if isinstance(x, Free) or x != 0 and f.nearest(x) == 0 else "") + f.hexa(x)


def main():
    for name in sorted({**UNARY, **BINARY, **COMPLEXES}):
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        lines = []
        rng.seed(name)
        for f in FORMATS:
            if name in UNARY:
                value, low, high, interest = UNARY[name]
                xs = landmarks(f) + anywhere(f) + interest(f)
                for x in xs:
                    y = NAN if x != x else (high if x > 0 else low) if math.isinf(x) else value(x)
                    lines.append(f"{f.name} {f.hexa(x)} = {f.hexa(y)}")
            if name in BINARY:
                value, pairs = BINARY[name]
                for x, y in pairs(f):
                    lines.append(f"{f.name} {f.hexa(x)} {f.hexa(y)} = {f.hexa(value(x, y))}")
            if name in COMPLEXES and f.name in COMPLEX:
                _, value, inputs = COMPLEXES[name]
                with m.workprec(1600):
                    for zs in inputs(f):
                        zs = [complex(f.nearest(z.real), f.nearest(z.imag)) for z in zs]
                        parts = " ".join(f.hexa(p) for z in zs for p in (z.real, z.imag))
                        lines.append(f"{COMPLEX[f.name]} {parts} = " + " ".join(digits(f, p) for p in value(*zs)))
        with open(os.path.join(HERE, name + ".txt.gz"), "wb") as out:
            with gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0) as z:
                z.write(("\n".join(lines) + "\n").encode())


main()
