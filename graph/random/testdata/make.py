"""Makes quantiles.json: where distributions have their quantiles, by SciPy. pip install scipy==1.17.1; python make.py > quantiles.json"""

import json

import numpy as np
import scipy
from scipy import stats

parts = [0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999]
continuous = {
    "Exponential": stats.expon(),
    "Gumbel": stats.gumbel_r(),
    "Laplace": stats.laplace(),
    "TruncatedNormal -1 2": stats.truncnorm(-1, 2),
    "TruncatedNormal 2 3": stats.truncnorm(2, 3),
    "Gamma 0.1": stats.gamma(0.1),
    "Gamma 0.9": stats.gamma(0.9),
    "Gamma 1": stats.gamma(1),
    "Gamma 30": stats.gamma(30),
    "Chi2 0.4": stats.chi2(0.4),
    "Chi2 7": stats.chi2(7),
    "StudentT 0.7": stats.t(0.7),
    "StudentT 5": stats.t(5),
    "Beta 0.5 0.5": stats.beta(0.5, 0.5),
    "Beta 2 5": stats.beta(2, 5),
    "Dirichlet": stats.beta(0.5, 4.5),  # the first part of alpha 0.5 1.5 3
    "MultivariateNormal": stats.norm(1, 2 ** 0.5),  # the first element
}
discrete = {f"Poisson {r}": stats.poisson(r) for r in (0.1, 3, 9.9, 10, 25, 400)}
points = {name: [[x, p] for x, p in zip(d.ppf(parts), parts)] for name, d in continuous.items()}
for name, d in discrete.items():
    points[name] = [[int(k), d.cdf(k)] for k in np.unique(d.ppf(parts))]
print(json.dumps({"made by": f"make.py with scipy {scipy.__version__}", "points": points}, indent=0))
