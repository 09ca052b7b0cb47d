package live

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/quire-ml/quire/graph/ir"
)

// EvalReport is what evaluations of a session did.
type EvalReport struct {
	Evals      int // runs of programs
	Hits       int // of these, of a program that was compiled before
	Failed     int // that ended with an error
	Implicit   int // that were asked for by reading a value rather than by Eval
	Compiles   []Compile
	Recomputed []Recomputed
	Fences     []Fence
}

// Fence is that evaluations of a stream waited for what another one was computing.
type Fence struct {
	Stream string // that waited; "" for evaluations of no stream
	For    string // the stream that computed
	Place  string // where such an evaluation was begun first
	Times  int
}

// Compile is why and where a program was compiled.
type Compile struct {
	Place  string // of the Eval, or of what asked for the value
	Reason string
	Calls  int
	Took   time.Duration
}

// Recomputed is an array that was computed more than once on the way to others.
type Recomputed struct {
	Place string
	What  string // the function
	Times int
}

// maxCompiles is how many compiles a report tells of, the latest ones.
const maxCompiles = 100

// reporter makes reports.
type reporter struct {
	mu         sync.Mutex
	report     EvalReport
	latest     map[string]*signature // of the program that was compiled last at a place
	recomputed map[ir.Site]*Recomputed
	fences     map[[2]string]*Fence
}

func (r *reporter) init() {
	r.latest, r.recomputed, r.fences = map[string]*signature{}, map[ir.Site]*Recomputed{}, map[[2]string]*Fence{}
}

func (r *reporter) asked() {
	r.mu.Lock()
	r.report.Implicit++
	r.mu.Unlock()
}

// fenced notes that a stream waits for another one.
func (r *reporter) fenced(stream, of string, at ir.Site) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := [2]string{stream, of}
	if r.fences[key] == nil {
		r.fences[key] = &Fence{Stream: stream, For: of, Place: at.String()}
	}
	r.fences[key].Times++
}

func (r *reporter) hit() {
	r.mu.Lock()
	r.report.Hits++
	r.mu.Unlock()
}

// ended notes that a run has ended.
func (r *reporter) ended(of *run, err error) {
	if err == errAgain {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.report.Evals++
	if err != nil {
		r.report.Failed++
	}
	for _, c := range of.calls {
		if n := c.computed.Load(); n > 1 {
			known := r.recomputed[c.site]
			if known == nil {
				known = &Recomputed{What: c.op.name}
				r.recomputed[c.site] = known
			}
			known.Times = max(known.Times, int(n))
		}
	}
}

// signature is what a program is made of, for comparisons.
type signature struct {
	names  []string
	shapes []string // of the operands that are at hand, by their first use
	places []string // of the calls that read them
	key    string
}

func signatureOf(r *run) *signature {
	s := &signature{key: string(r.key)}
	for _, c := range r.calls {
		s.names = append(s.names, c.op.name)
		for _, a := range c.in {
			s.shapes = append(s.shapes, a.shape.String())
			s.places = append(s.places, c.op.name+" at "+c.site.String())
		}
	}
	return s
}

// compiled notes that the program of a run was compiled.
func (r *reporter) compiled(of *run, took time.Duration) {
	place, now := of.site.String(), signatureOf(of)
	r.mu.Lock()
	defer r.mu.Unlock()
	c := Compile{Place: place, Reason: now.reason(r.latest[place]), Calls: len(of.calls), Took: took}
	r.latest[place] = now
	if r.report.Compiles = append(r.report.Compiles, c); len(r.report.Compiles) > maxCompiles {
		r.report.Compiles = slices.Delete(r.report.Compiles, 0, 1)
	}
}

// reason says what differs from before, the program that was compiled at the same place.
func (s *signature) reason(before *signature) string {
	switch {
	case before == nil:
		return "the first evaluation here"
	case s.key == before.key:
		return fmt.Sprintf("it was compiled before, and %d others since", maxPrograms)
	case len(s.names) != len(before.names):
		return fmt.Sprintf("it has %d calls, and had %d", len(s.names), len(before.names))
	}
	for i, name := range s.names {
		if name != before.names[i] {
			return fmt.Sprintf("call %d is %s, and was %s", i+1, name, before.names[i])
		}
	}
	for i, shape := range s.shapes {
		if i < len(before.shapes) && shape != before.shapes[i] {
			return fmt.Sprintf("an operand of %s is %s, and was %s", s.places[i], shape, before.shapes[i])
		}
	}
	return "the calls read other values, are set otherwise, or others of them are asked for"
}

// Report returns what evaluations did so far: how many programs were run and compiled, why they were, and what was computed again and again.
func Report() EvalReport { return Default().Report() }

// Report is [Report] of the session s.
func (s *Session) Report() EvalReport {
	r := &s.made().report
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.report
	out.Compiles = slices.Clone(out.Compiles)
	for site, c := range r.recomputed {
		c.Place = site.String()
		out.Recomputed = append(out.Recomputed, *c)
	}
	for _, f := range r.fences {
		out.Fences = append(out.Fences, *f)
	}
	slices.SortFunc(out.Fences, func(a, b Fence) int {
		return cmp.Or(cmp.Compare(a.Stream, b.Stream), cmp.Compare(a.For, b.For))
	})
	sort.Slice(out.Recomputed, func(i, j int) bool {
		a, b := out.Recomputed[i], out.Recomputed[j]
		return a.Times > b.Times || a.Times == b.Times && a.Place < b.Place
	})
	return out
}

// String writes the report, what was compiled and what was computed again a line each.
func (r EvalReport) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d of a program compiled before, %s, %d asked for by reading a value", plural(r.Evals, "eval"), r.Hits, plural(len(r.Compiles), "compile"), r.Implicit)
	if r.Failed > 0 {
		fmt.Fprintf(&b, ", %d failed", r.Failed)
	}
	for _, c := range r.Compiles {
		fmt.Fprintf(&b, "\ncompiled at %s in %s (%s): %s", c.Place, c.Took.Round(10*time.Microsecond), plural(c.Calls, "call"), c.Reason)
	}
	for _, c := range r.Recomputed {
		fmt.Fprintf(&b, "\n%s at %s was computed %d times: Keep it?", c.What, c.Place, c.Times)
	}
	for _, f := range r.Fences {
		fmt.Fprintf(&b, "\n%s waited for %s %s, first at %s", streamName(f.Stream), streamName(f.For), plural(f.Times, "time"), f.Place)
	}
	return b.String()
}

func streamName(name string) string {
	if name == "" {
		return "an evaluation of no stream"
	}
	return fmt.Sprintf("stream %q", name)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
