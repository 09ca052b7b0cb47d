"""Makes slopes.json: how numbers of the gamma distribution move with alpha, d log(x)/d alpha, from the distribution by mpmath.

pip install mpmath==1.3.0 scipy==1.17.1; python makeslopes.py > slopes.json

Each is -(dP/dalpha)/(dP/dx)/x by a series with 60 digits, and compared here with differences of the inverse of P.
"""

import json

import mpmath as mp
from scipy.special import gammaincinv

mp.mp.dps = 60


def slope(a, x):
    a, x = mp.mpf(a), mp.mpf(x)
    total, c, e, change, n = mp.mpf(1), mp.mpf(1), mp.mpf(0), mp.mpf(0), 0
    while n <= x - a or c * (1 - e) > mp.mpf(10) ** -90 * total:
        n += 1
        c *= x / (a + n)
        e -= 1 / (a + n)
        total += c
        change += c * e
    return -(total * (mp.log(x) - mp.digamma(a + 1)) + change) / a


rows = []
for a in [1e-3, 0.01, 0.1, 0.5, 0.9, 1, 1.5, 3, 10, 40, 100, 1e3, 9e3, 1.1e4, 1e5, 1e7]:
    for q in [1e-6, 0.001, 0.1, 0.5, 0.9, 0.999, 1 - 1e-6]:
        x = float(gammaincinv(a, q))
        if x < 1e-280:
            continue
        y = float(slope(a, x))
        if 0.01 < a <= 100 and 0.001 <= q <= 0.999:
            h = 1e-4 * a
            differences = (gammaincinv(a + h, q) - gammaincinv(a - h, q)) / (2 * h) / x
            assert abs(differences - y) < 1e-4 * abs(y), (a, q, differences, y)
        rows.append([a, x, y])
print(json.dumps({"made by": f"makeslopes.py with mpmath {mp.__version__}", "slopes": rows}, indent=0))
