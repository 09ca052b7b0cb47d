package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
)

// settings say what is measured, and how long.
type settings struct {
	threads []int
	rounds  int
	sample  time.Duration
	system  string
	log     io.Writer // progress
}

// sampled is a case at a number of threads, with the samples taken of it: nanoseconds a call.
type sampled struct {
	*benchCase
	*work
	backend graph.Backend
	threads int
	calls   int // in a sample

	wall, cpu, clean []float64
}

// measure takes one sample of each case in each round, so that what disturbs the machine disturbs all alike. A case that fails is
// told of and left out; the error says that there were some.
func measure(ctx context.Context, list []*benchCase, s settings) ([]*sampled, error) {
	procs := runtime.GOMAXPROCS(slices.Max(s.threads)) // the engine's workers are started for this many
	defer runtime.GOMAXPROCS(procs)
	var all []*sampled
	defer func() {
		for _, m := range all {
			m.close()
		}
	}()
	var failed error
	for _, threads := range s.threads {
		backend, err := backends.New(fmt.Sprintf("go:workers=%d", threads))
		if err != nil {
			return nil, err
		}
		defer backend.Close()
		fmt.Fprintf(s.log, "preparing %d cases for %d threads\n", len(list), threads)
		for _, c := range list {
			m, err := prepare(c, backend, threads, s.sample)
			if err != nil {
				failed = errors.Join(failed, fmt.Errorf("%s: %w", c.name, err))
				continue
			}
			all = append(all, m)
		}
	}
	for round := range s.rounds {
		fmt.Fprintf(s.log, "round %d of %d\n", round+1, s.rounds)
		for _, m := range all {
			if err := ctx.Err(); err != nil {
				return all, err
			}
			if err := m.sample(ctx); err != nil {
				return nil, fmt.Errorf("%s: %w", m.name, err)
			}
		}
	}
	return all, failed
}

// prepare makes a case ready and finds out how many calls a sample has.
func prepare(c *benchCase, backend graph.Backend, threads int, sample time.Duration) (m *sampled, err error) {
	if c.probe != nil {
		w := &work{close: func() {}, bytes: probed - c.flops} // a copy moves bytes, and computes nothing
		return &sampled{benchCase: c, work: w, backend: backend, threads: threads}, nil
	}
	w, err := build(c, &maker{backend: backend, rng: rand.New(rand.NewPCG(1, 2))})
	if err != nil {
		return nil, err
	}
	m = &sampled{benchCase: c, work: w, backend: backend, threads: threads, calls: 1}
	runtime.GOMAXPROCS(threads)
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	for range 2 { // the first compiles, and makes what the second has again
		if err := m.call(); err != nil {
			return nil, err
		}
	}
	for {
		start := time.Now()
		if err := m.repeat(); err != nil {
			return nil, err
		}
		took := time.Since(start)
		if took >= sample/4 || m.calls >= 1<<24 {
			m.calls = max(1, int(float64(m.calls)*float64(sample)/float64(max(took, 1))))
			return m, nil
		}
		m.calls *= 2
	}
}

// build calls the case's function, which may panic as all that builds graphs may.
func build(c *benchCase, m *maker) (w *work, err error) {
	if caught := graph.Catch(func() { w, err = c.prepare(m) }); caught != nil {
		return nil, caught
	}
	return w, err
}

func (m *sampled) repeat() error {
	for range m.calls {
		if err := m.call(); err != nil {
			return err
		}
	}
	return nil
}

// cleanShare is how much of a sample the process's threads may have waited for a processor: with more of it the sample tells
// about other processes.
const cleanShare = 0.03

func (m *sampled) sample(ctx context.Context) error {
	runtime.GOMAXPROCS(m.threads)
	if m.probe != nil {
		return m.sampleProbe(ctx)
	}
	if err := m.warm(); err != nil {
		return err
	}
	waited, cpu, start := queueTime(), cpuTime(), time.Now()
	if err := m.repeat(); err != nil {
		return err
	}
	wall := time.Since(start)
	cpu, waited = cpuTime()-cpu, queueTime()-waited
	perCall := func(d time.Duration) float64 { return float64(d) / float64(m.calls) }
	m.wall, m.cpu = append(m.wall, perCall(wall)), append(m.cpu, perCall(cpu))
	if float64(waited) < cleanShare*float64(wall) {
		m.clean = append(m.clean, perCall(wall))
	}
	return nil
}

// warm calls a case for a while before its sample: the caches have another case's data, and the heap has given back memory that the
// garbage of many small calls needs. Then it collects, as package testing does: what others left does not fall to this one.
func (m *sampled) warm() error {
	for start := time.Now(); time.Since(start) < 5*time.Millisecond; {
		if err := m.call(); err != nil {
			return err
		}
	}
	runtime.GC()
	return m.call()
}

// queueTime returns how long the threads of this process have waited for a processor, all of them together: Linux tells it in
// the second field of a thread's schedstat. Elsewhere it is 0.
func queueTime() (sum time.Duration) {
	files, _ := filepath.Glob("/proc/self/task/*/schedstat")
	for _, name := range files {
		text, err := os.ReadFile(name)
		if fields := strings.Fields(string(text)); err == nil && len(fields) > 1 {
			n, _ := strconv.ParseInt(fields[1], 10, 64)
			sum += time.Duration(n)
		}
	}
	return sum
}
