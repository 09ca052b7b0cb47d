"""Writes vectors.json: the values that optimizers of other libraries give variables in six steps.

    python make.py torch > torch.part      (torch 2.6.0, numpy 2.4.6)
    python make.py optax > optax.part      (optax 0.2.8, jax 0.10.2)
    python make.py numpy > numpy.part      (numpy 2.4.6: what neither has, written from the paper)
    python make.py join torch.part optax.part numpy.part > vectors.json
    python make.py fit > fit.json          (torch 2.6.0, scipy 1.17.1)
    python make.py schedules > schedules.json      (torch 2.6.0, numpy 2.4.6)

All is computed in float64, on gradients that are fed, or, where an optimizer needs a function, on the losses below, which
vectors_test.go has too.
"""
import json
import sys

import numpy as np

STEPS = 6
rng = np.random.default_rng(7)
DATA = {}
for dims in [(3, 3), (2, 4), (4,)]:
    DATA[dims] = (np.round(rng.normal(size=dims), 3), np.round(rng.normal(size=(STEPS,) + dims) * 2, 3))
SCALES = np.array([1.0, 0.5, 3.0, 0.1])


def entry(name, source, start, gradients, values):
    return {"name": name, "source": source, "dims": list(np.shape(start)), "start": np.ravel(start).tolist(),
            "gradients": [np.ravel(g).tolist() for g in gradients], "values": [np.ravel(v).tolist() for v in values]}


def run_torch():
    import torch
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, get_swa_multi_avg_fn
    out = []

    def case(name, make, dims=(2, 4), wrap=None, before=None):
        start, gradients = DATA[dims]
        p = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))
        optimizer, values = make([p]), []
        average = wrap(p) if wrap else None
        for g in gradients:
            p.grad = torch.tensor(g, dtype=torch.float64)
            if before:
                before(p)
            optimizer.step()
            if average is not None:
                average.update_parameters(Holder(p))
                values.append(average.module.p.detach().numpy().copy())
            else:
                values.append(p.detach().numpy().copy())
        out.append(entry(name, "torch " + torch.__version__.split("+")[0], start, gradients, values))

    class Holder(torch.nn.Module):
        def __init__(self, p):
            super().__init__()
            self.p = p

    o = torch.optim
    case("SGD", lambda p: o.SGD(p, lr=0.1))
    case("SGD, momentum", lambda p: o.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01))
    case("SGD, Nesterov", lambda p: o.SGD(p, lr=0.1, momentum=0.9, nesterov=True))
    case("Adam", lambda p: o.Adam(p, lr=0.1))
    case("AdamW", lambda p: o.AdamW(p, lr=0.1, weight_decay=0.2, betas=(0.8, 0.9), eps=1e-3))
    case("AMSGrad", lambda p: o.Adam(p, lr=0.1, amsgrad=True, betas=(0.8, 0.9)))
    case("Adamax", lambda p: o.Adamax(p, lr=0.1, betas=(0.8, 0.9)))
    case("NAdam", lambda p: o.NAdam(p, lr=0.1, weight_decay=0.1, decoupled_weight_decay=True))
    case("RAdam", lambda p: o.RAdam(p, lr=0.1))
    case("RAdam, of short memory", lambda p: o.RAdam(p, lr=0.1, betas=(0.8, 0.9)))
    case("RMSProp", lambda p: o.RMSprop(p, lr=0.1))
    case("RMSProp, centered", lambda p: o.RMSprop(p, lr=0.1, alpha=0.9, momentum=0.8, centered=True, eps=1e-3))
    case("Adagrad", lambda p: o.Adagrad(p, lr=0.1))
    case("Adagrad, begun", lambda p: o.Adagrad(p, lr=0.1, initial_accumulator_value=0.5, eps=1e-3))
    case("Adadelta", lambda p: o.Adadelta(p, lr=1.0))
    case("Adadelta, rho", lambda p: o.Adadelta(p, lr=0.5, rho=0.8, eps=1e-2))
    case("Adafactor", lambda p: o.Adafactor(p, lr=0.1, eps=(2.0**-23, 1e-3), weight_decay=0.0))
    case("Adafactor, vector", lambda p: o.Adafactor(p, lr=0.1, eps=(2.0**-23, 1e-3), weight_decay=0.1, d=1.5, beta2_decay=-0.5), dims=(4,))
    case("EMA", lambda p: o.SGD(p, lr=0.1), wrap=lambda p: AveragedModel(Holder(p), multi_avg_fn=get_ema_multi_avg_fn(0.75)))
    case("SWA", lambda p: o.SGD(p, lr=0.1), wrap=lambda p: AveragedModel(Holder(p), multi_avg_fn=get_swa_multi_avg_fn()))
    case("LimitValue", lambda p: o.SGD(p, lr=0.1), before=lambda p: torch.nn.utils.clip_grad_value_(p, 0.7))
    case("LimitGlobalNorm", lambda p: o.SGD(p, lr=0.1), before=lambda p: torch.nn.utils.clip_grad_norm_(p, 1.5))
    case("Decay", lambda p: o.SGD(p, lr=0.1, weight_decay=0.3))

    def lbfgs(name, **settings):
        start, _ = DATA[(4,)]
        p = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))
        scales = torch.tensor(SCALES)
        optimizer, values = o.LBFGS([p], max_iter=1, **settings), []

        def closure():
            optimizer.zero_grad()
            loss = (scales * p**2 / 2 + p**4 / 10).sum() + (p[0] - p[1] + p[3]) ** 2 / 2
            loss.backward()
            return loss
        for _ in range(10):
            optimizer.step(closure)
            values.append(p.detach().numpy().copy())
        out.append(entry(name, "torch " + torch.__version__.split("+")[0], start, [], values))
    lbfgs("LBFGS", lr=1.0, tolerance_grad=0, tolerance_change=0)
    lbfgs("LBFGS, short", lr=0.5, history_size=2, tolerance_grad=0, tolerance_change=0)
    return out


def run_optax():
    import jax
    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    import optax
    out = []
    source = "optax " + optax.__version__

    def case(name, optimizer, dims=(2, 4), loss=None, look=None):
        start, gradients = DATA[dims]
        p = jnp.asarray(start, dtype=jnp.float64)
        state, values = optimizer.init(p), []
        for g in gradients:
            extra = {}
            if loss is not None:
                g, extra = jax.grad(loss)(p), {"obj_fn": loss}
            updates, state = optimizer.update(jnp.asarray(g), state, p, **extra)
            p = optax.apply_updates(p, updates)
            values.append(np.asarray(look(state, p) if look else p))
        out.append(entry(name, source, start, [] if loss is not None else gradients, values))

    case("Lion", optax.lion(0.01, weight_decay=0.1))
    case("LAMB", optax.lamb(0.1, weight_decay=0.1))
    case("LARS", optax.lars(0.5, weight_decay=0.1, trust_coefficient=0.1, momentum=0.8))
    case("Muon", optax.contrib.muon(0.1, consistent_rms=0.2, weight_decay=0.1))
    case("Muon, square, plain", optax.contrib.muon(0.1, consistent_rms=0.2, nesterov=False), dims=(3, 3))
    case("Sophia", optax.contrib.sophia(0.1, update_interval=2, gamma=0.5, b1=0.9, b2=0.8, weight_decay=0.1), dims=(4,),
         loss=lambda x: jnp.sum(jnp.asarray(SCALES) * x**2 / 2 + x**4 / 10))
    case("ScheduleFree", optax.contrib.schedule_free_adamw(0.1, weight_decay=0.1))
    case("ScheduleFree, average", optax.contrib.schedule_free_adamw(0.1), look=optax.contrib.schedule_free_eval_params)
    case("LimitNorm", optax.chain(optax.clip_by_global_norm(1.5), optax.sgd(0.1)))
    case("Centralize", optax.chain(optax.centralize(), optax.sgd(0.1)), dims=(4,))
    return out


def run_numpy():
    out = []

    def power(a, p):
        w, v = np.linalg.eigh(a)
        return (v * w**p) @ v.T

    def shampoo(name, dims, every=1, beta=0.9, epsilon=1e-4, rate=0.1):
        start, gradients = DATA[dims]
        x, values = start.copy(), []
        left, right, m = np.zeros((dims[0],) * 2), np.zeros((dims[1],) * 2), np.zeros(dims)
        for t, g in enumerate(gradients):
            left, right = left + g @ g.T, right + g.T @ g
            if t % every == 0:
                pl = power(left + epsilon * np.eye(dims[0]), -0.25)
                pr = power(right + epsilon * np.eye(dims[1]), -0.25)
            m = beta * m + pl @ g @ pr
            x = x - rate * m
            values.append(x.copy())
        out.append(entry(name, "numpy, Gupta et al. 2018, algorithm 1", start, gradients, values))
    shampoo("Shampoo", (3, 3))
    shampoo("Shampoo, every other step", (2, 4), every=2)

    def soap(name, every, b1=0.95, b2=0.95, keep=0.95, epsilon=1e-8, rate=0.1):
        start, gradients = DATA[(3, 3)]
        x, values = start.copy(), []
        left, right, m, v = (np.zeros((3, 3)) for _ in range(4))
        for t, g in enumerate(gradients):
            left, right = keep * left + (1 - keep) * g @ g.T, keep * right + (1 - keep) * g.T @ g
            if t == 0:
                p, q = np.linalg.eigh(left)[1], np.linalg.eigh(right)[1]
            elif t % every == 0:
                p, q = np.linalg.qr(left @ p)[0], np.linalg.qr(right @ q)[0]
            m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * (p.T @ g @ q) ** 2
            step = (p.T @ m @ q / (1 - b1 ** (t + 1))) / (np.sqrt(v / (1 - b2 ** (t + 1))) + epsilon)
            x = x - rate * p @ step @ q.T
            values.append(x.copy())
        out.append(entry(name, "numpy, Vyas et al. 2024, algorithm 3", start, gradients, values))
    soap("SOAP", 2)

    start, gradients = DATA[(2, 4)]
    x, slow, values = start.copy(), start.copy(), []
    for t, g in enumerate(gradients):
        x = x - 0.1 * g
        if (t + 1) % 2 == 0:
            slow = slow + 0.5 * (x - slow)
            x = slow.copy()
        values.append(x.copy())
    out.append(entry("Lookahead", "numpy, Zhang et al. 2019, algorithm 1", start, gradients, values))
    x, values = start.copy(), []
    for g in gradients:
        x = x - 0.1 * (g - g.mean(axis=0, keepdims=True))
        values.append(x.copy())
    out.append(entry("Centralize, matrix", "numpy, Yong et al. 2020, eq. 1", start, gradients, values))
    return out


def run_schedules():
    import warnings

    import torch
    from torch.optim import lr_scheduler as s
    warnings.filterwarnings("ignore")
    out = []

    def case(name, make, steps=40):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        schedule, factors = make(optimizer), []
        for _ in range(steps):
            factors.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        out.append({"name": name, "source": "torch " + torch.__version__.split("+")[0], "factors": factors})

    def formula(name, source, fn, steps=40):
        out.append({"name": name, "source": "numpy, " + source, "factors": [float(fn(t)) for t in range(steps)]})
    case("Constant", lambda o: s.ConstantLR(o, factor=1.0))
    case("Cosine", lambda o: s.CosineAnnealingLR(o, T_max=10), 11)
    case("Linear", lambda o: s.LinearLR(o, start_factor=1.0, end_factor=0.0, total_iters=10))
    case("Polynomial", lambda o: s.PolynomialLR(o, total_iters=10, power=2))
    case("Polynomial of power 1/2", lambda o: s.PolynomialLR(o, total_iters=4, power=0.5))
    case("Exponential", lambda o: s.ExponentialLR(o, gamma=0.25**0.25))
    case("Step", lambda o: s.StepLR(o, step_size=3, gamma=0.5))
    case("StepAt", lambda o: s.MultiStepLR(o, milestones=[3, 5], gamma=0.5))
    case("OneCycle", lambda o: s.OneCycleLR(o, max_lr=1.0, total_steps=10), 9)
    case("CosineRestarts", lambda o: s.CosineAnnealingWarmRestarts(o, T_0=4, T_mult=2))
    case("Repeat", lambda o: s.CosineAnnealingWarmRestarts(o, T_0=4))
    case("DownTo", lambda o: s.LinearLR(o, start_factor=1.0, end_factor=0.2, total_iters=10))
    case("WarmUp", lambda o: s.SequentialLR(o, [s.LinearLR(o, start_factor=0.25, end_factor=1.0, total_iters=3), s.CosineAnnealingLR(o, T_max=10, eta_min=0.1)], [3]), 14)
    case("Then", lambda o: s.SequentialLR(o, [s.LinearLR(o, start_factor=1.0, end_factor=0.0, total_iters=8), s.StepLR(o, step_size=2, gamma=0.5)], [4]))
    formula("InverseSqrt", "Vaswani et al. 2017, section 5.3", lambda t: min((t + 1) ** -0.5, (t + 1) * 4**-1.5) / 4**-0.5)
    formula("WSD", "Hägele et al. 2024, eq. 1", lambda t: (t + 1) / 5 if t < 4 else 1 if t < 8 else 1 - np.sqrt(min(t - 8, 4) / 4))
    return out


def run_fit():
    """What LBFGS with a search of the strong conditions of Wolfe makes of losses, after each number of iterations, and where SciPy finds the minimum."""
    import scipy
    import scipy.optimize
    import torch
    out = []

    def rosenbrock(p):
        return (100 * (p[1:] - p[:-1] ** 2) ** 2 + (1 - p[:-1]) ** 2).sum()

    def quartic(p):
        return (torch.tensor(SCALES) * p**2 / 2 + p**4 / 10).sum() + (p[0] - p[1] + p[3]) ** 2 / 2

    def steep(p):
        return torch.exp(3 * p).sum() - 2 * p.sum() + 10 * torch.sin(p[0] * p[1]) + (p**2).sum()

    def case(name, fn, start, history=100, lr=1.0):
        values, losses, evaluations = [], [], []
        for most in list(range(1, 13)) + [60]:
            p = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))
            o = torch.optim.LBFGS([p], lr=lr, max_iter=most, max_eval=1000, history_size=history, line_search_fn="strong_wolfe")

            def closure():
                o.zero_grad()
                loss = fn(p)
                loss.backward()
                return loss
            o.step(closure)
            values.append(p.detach().numpy().tolist())
            losses.append(float(fn(p)))
            evaluations.append(o.state[p]["func_evals"])

        def numpy_loss(x):
            p = torch.tensor(x, dtype=torch.float64, requires_grad=True)
            loss = fn(p)
            loss.backward()
            return float(loss), p.grad.numpy()
        best = scipy.optimize.minimize(numpy_loss, start, jac=True, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-10})
        out.append({"name": name, "source": "torch " + torch.__version__.split("+")[0] + ", scipy " + scipy.__version__, "start": start, "history": history, "rate": lr,
                    "iterations": list(range(1, 13)) + [60], "values": values, "losses": losses, "evaluations": evaluations, "minimum": float(best.fun)})
    case("rosenbrock", rosenbrock, [-1.2, 1.0, -0.5, 0.8])
    case("rosenbrock, short", rosenbrock, [-1.2, 1.0, -0.5, 0.8], history=3, lr=0.5)
    case("quartic", quartic, [1.0, -2.0, 3.0, 0.5])
    case("steep", steep, [1.5, -1.0])
    return out


if sys.argv[1] == "join":
    parts = [e for name in sys.argv[2:] for e in json.load(open(name))]
    print("[\n" + ",\n".join(json.dumps({**e, **{k: [[float(f"{x:.12g}") for x in r] for r in e[k]] for k in ("gradients", "values")}}) for e in parts) + "\n]")
else:
    json.dump({"torch": run_torch, "optax": run_optax, "numpy": run_numpy, "fit": run_fit, "schedules": run_schedules}[sys.argv[1]](), sys.stdout)
