package kernels

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/quire-ml/quire/backends/gocpu/internal/cpu"
	"github.com/quire-ml/quire/backends/gocpu/internal/vector"
	"github.com/quire-ml/quire/graph/dtypes/bfloat16"
	"github.com/quire-ml/quire/graph/dtypes/float16"
	"github.com/quire-ml/quire/internal/golden"

	"github.com/stretchr/testify/require"
)

// programsWithLoops are the programs that run for every row of a matrix, or every block of a product: each of them has a loop
// of its own in package vector, where a processor has vectors of amd64.
func programsWithLoops(tier cpu.Tier) (list []*vector.Program) {
	add := func(p ...*vector.Program) { list = append(list, p...) }
	fold := func(f vector.Fold, t vector.Type) *vector.Program {
		return normProgram(tier, func(c *vector.Code) { c.Accumulate(f, c.Load(0, t)) })
	}
	for _, t := range []vector.Type{vector.Float32, vector.BFloat16, vector.Float16} {
		add(fold(vector.Sum, t), fold(vector.Largest, t), fold(vector.Least, t))
		s := newRowPrograms(tier, t, false)
		add(s.direct, s.scaled, newSums(tier, t))
		n := normForward(tier, t, true)
		add(n.squares, n.out, normForward(tier, t, false).out)
		if t == vector.Float32 {
			add(s.shifted, s.logSums, s.logged)
			n = normBackward(tier, t)
			add(n.means, n.out)
		}
	}
	a := newAttentionPrograms(tier)
	add(a.exponentials, a.times, a.timesNumber, a.slopes)
	return list
}

// TestProgramsWithLoops holds the list that the generator of package vector reads to the programs that there are. Where it changes,
// that package is generated anew.
func TestProgramsWithLoops(t *testing.T) {
	var lines []string
	for _, p := range programsWithLoops(cpu.Portable) {
		if text := p.String(); !slices.Contains(lines, text) {
			lines = append(lines, text)
		}
	}
	golden.Check(t, "../vector/generate/testdata/programs.txt", strings.Join(lines, "\n")+"\n")
}

// loopCase is a program that has a loop, with memory for its operands.
type loopCase struct {
	p        *vector.Program
	elements []vector.Type // of operands, by their number
	scalar   []bool
	folds    []string
	own      [][]byte
}

func newLoopCase(p *vector.Program, n int, rng *rand.Rand) *loopCase {
	c := &loopCase{p: p}
	types := map[string]vector.Type{"Float32": vector.Float32, "BFloat16": vector.BFloat16, "Float16": vector.Float16}
	operand := func(at int, typ string, scalar bool) {
		for len(c.elements) <= at {
			c.elements, c.scalar = append(c.elements, vector.Float32), append(c.scalar, false)
		}
		c.elements[at], c.scalar[at] = types[typ], scalar
	}
	for _, line := range strings.Split(p.String(), "; ") {
		var v, at int
		var word, typ string
		if _, err := fmt.Sscanf(line, "v%d = %s %d %s", &v, &word, &at, &typ); err == nil && (word == "Load" || word == "Scalar") {
			operand(at, typ, word == "Scalar")
		} else if _, err := fmt.Sscanf(line, "Store %d %s", &at, &typ); err == nil {
			operand(at, typ, false)
		} else if word, _, _ := strings.Cut(line, " "); word[0] != 'v' {
			c.folds = append(c.folds, word)
		}
	}
	specials := []float32{0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), 1e-42, 90, -90}
	odd := rng.IntN(3) == 0 // a row with what is rare
	for i, t := range c.elements {
		b := make([]byte, 4*(n+2))
		for k := range n + 2 {
			x := float32(rng.NormFloat64())
			if odd && !c.scalar[i] && rng.IntN(8) == 0 {
				x = specials[rng.IntN(len(specials))]
			}
			switch t {
			case vector.BFloat16:
				Of[bfloat16.BFloat16](b)[k] = bfloat16.FromFloat64(float64(x))
			case vector.Float16:
				Of[float16.Float16](b)[k] = float16.FromFloat64(float64(x))
			default:
				Of[float32](b)[k] = x
			}
		}
		c.own = append(c.own, b)
	}
	return c
}

func (c *loopCase) size(operand int) int {
	if c.elements[operand] == vector.Float32 {
		return 4
	}
	return 2
}

// run runs the program over n elements that begin off their alignment, at most so many at a time, and returns what it leaves in
// memory and what it folds.
func (c *loopCase) run(n, most int) (left [][]byte, acc []float64) {
	acc = make([]float64, len(c.folds))
	for i, f := range c.folds {
		acc[i] = map[string]float64{"Largest": math.Inf(-1), "Least": math.Inf(1)}[f]
	}
	for i := range c.own {
		left = append(left, append(make([]byte, 4*(i%2)), c.own[i]...))
	}
	for from := 0; from < n; from += most {
		mem := make([]unsafe.Pointer, len(left))
		for i, b := range left {
			at := 4 * (i % 2)
			if !c.scalar[i] {
				at += from * c.size(i)
			}
			mem[i] = unsafe.Pointer(&b[at])
		}
		part := make([]float64, len(acc))
		c.p.Run(mem, min(most, n-from), part)
		for i, f := range c.folds {
			switch f {
			case "Largest":
				acc[i] = max(acc[i], part[i])
			case "Least":
				acc[i] = min(acc[i], part[i])
			default:
				acc[i] += part[i]
			}
		}
	}
	return left, acc
}

// A loop does what the pieces do that a program is made of otherwise: a run of fewer elements than a block has no other.
func TestLoopsAreTheirPieces(t *testing.T) {
	const few = 31
	for _, tier := range cpu.Tiers() {
		rng := rand.New(rand.NewPCG(1, 2))
		for _, p := range programsWithLoops(tier) {
			for _, n := range []int{32, 64, 100, 128, 960, 1024, 1100, 5000} {
				for range 4 {
					c := newLoopCase(p, n, rng)
					want, sums := c.run(n, few)
					got, acc := c.run(n, n)
					for i := range want {
						require.Equal(t, want[i], got[i], "%s, %d elements, operand %d: %s", tier, n, i, p)
					}
					for i, f := range c.folds {
						delta := 0.0
						switch f {
						case "Sum":
							delta = 1e-12
						case "RoughSum":
							delta = 3e-6
						}
						near(t, sums[i], acc[i], delta*float64(n), "%s, %d elements: %s of %s", tier, n, f, p)
					}
				}
			}
		}
	}
}

// near fails unless numbers are equal, NaN equal to itself, or within delta.
func near(t *testing.T, want, got, delta float64, what string, args ...any) {
	t.Helper()
	if want == got && math.Signbit(want) == math.Signbit(got) || want != want && got != got || math.IsInf(want, 0) && delta > 0 && got != got {
		return
	}
	require.InDelta(t, want, got, max(delta, delta*math.Abs(want)), append([]any{what}, args...)...)
}
