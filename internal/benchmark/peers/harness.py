"""Measures cases as the Go command does: samples of many calls, interleaved rounds, one line of JSON a case.

A sample is clean if the threads of this process waited for a processor for less than 3 % of it. Wall times are the median of the
clean samples, CPU times the least, user and system, of all threads.
"""
import gc
import glob
import json
import sys
import time

CLEAN_SHARE = 0.03


class Case:
    def __init__(self, name, call, flops=0, elements=0):
        self.name, self.call, self.flops, self.elements = name, call, flops, elements
        self.wall, self.cpu, self.clean = [], [], []
        self.calls = 1

    def repeat(self):
        for _ in range(self.calls):
            self.call()

    def prepare(self, sample):
        """Finds out how many calls a sample has; nanoseconds."""
        self.call()
        self.call()
        while True:
            start = time.perf_counter_ns()
            self.repeat()
            took = time.perf_counter_ns() - start
            if took >= sample / 4 or self.calls >= 1 << 24:
                self.calls = max(1, int(self.calls * sample / max(took, 1)))
                return
            self.calls *= 2

    def sample(self):
        start = time.perf_counter_ns()
        while time.perf_counter_ns() - start < 5_000_000:  # the caches have another case's data
            self.call()
        gc.collect()
        self.call()
        waited, cpu, start = queue_time(), time.process_time_ns(), time.perf_counter_ns()
        self.repeat()
        wall = time.perf_counter_ns() - start
        cpu, waited = time.process_time_ns() - cpu, queue_time() - waited
        self.wall.append(wall / self.calls)
        self.cpu.append(cpu / self.calls)
        if waited < CLEAN_SHARE * wall:
            self.clean.append(wall / self.calls)

    def line(self, system, threads):
        ns = median(self.clean or self.wall)
        line = dict(case=self.name, threads=threads, ns=ns, unit="ns/op", system=system, min_ns=min(self.wall),
                    all_median_ns=median(self.wall), cpu_ns=min(self.cpu), clean=len(self.clean), samples=len(self.wall))
        work, unit = (self.flops, "GFLOP/s") if self.flops else (self.elements, "Gelem/s")
        if work:
            line.update(rate=work / ns, max_rate=work / min(self.wall), rate_unit=unit)
        return line


class Bench:
    """Collects cases: add(name, call, flops=…) or add(name, call, elements=…)."""

    def __init__(self, wanted, excluded):
        self.wanted, self.excluded, self.cases = wanted, excluded, []

    def add(self, name, call, flops=0, elements=0):
        if (not self.wanted or any(w in name for w in self.wanted)) and not any(e in name for e in self.excluded):
            self.cases.append(Case(name, call, flops, elements))

    def run(self, system, threads, rounds, sample):
        ready = []
        for c in self.cases:
            try:
                c.prepare(sample)
                ready.append(c)
            except Exception as e:  # a peer that lacks an op has no line for it
                print(f"{system}: {c.name}: {e!r:.200}", file=sys.stderr)
        for _ in range(rounds):
            for c in ready:
                c.sample()
        for c in ready:
            print(json.dumps(c.line(system, threads)), flush=True)


def median(samples):
    return sorted(samples)[len(samples) // 2]


def queue_time():
    """Nanoseconds that the threads of this process have waited for a processor."""
    total = 0
    for name in glob.glob("/proc/self/task/*/schedstat"):
        try:
            with open(name) as f:
                total += int(f.read().split()[1])
        except OSError:  # the thread has ended
            pass
    return total
