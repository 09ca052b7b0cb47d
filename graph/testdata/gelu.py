# Makes gelu.txt: per line x, Φ(x), gelu(x), gelu'(x), geluApproximate(x) and geluApproximate'(x), rounded to float64.
# pip install mpmath==1.4.1; python gelu.py > gelu.txt
from mpmath import mp, mpf, erfc, sqrt, exp, tanh, pi, diff

mp.dps = 60


def cdf(x):
    return erfc(-x / sqrt(mpf(2))) / 2


def approximate(x):
    e = exp(-2 * sqrt(2 / pi) * (x + mpf("0.044715") * x**3))
    return x / (1 + e)


def approximate_slope(x):
    e = exp(-2 * sqrt(2 / pi) * (x + mpf("0.044715") * x**3))
    du = 2 * sqrt(2 / pi) * (1 + 3 * mpf("0.044715") * x**2)
    return 1 / (1 + e) + x * e * du / (1 + e) ** 2


for k in [0, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.25, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 20, 30, 37]:
    for s in [-1, 1] if k else [1]:
        x = mpf(s * k)
        density = exp(-x * x / 2) / sqrt(2 * pi)
        values = [x, cdf(x), x * cdf(x), cdf(x) + x * density, approximate(x), approximate_slope(x)]
        print(*[float(v) for v in values])
