package gocpu

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu/internal/kernels"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// TestValuesThatLiveTogetherDoNotOverlap replays random programs: every step owns the memory it writes, and a
// value that is read must still own all of its memory.
func TestValuesThatLiveTogetherDoNotOverlap(t *testing.T) {
	for seed := range uint64(80) {
		fn, in := graphtest.RandomProgram(seed, 5+int(seed%40), seed%2 == 0)
		c := compileFunction(t, fn, in)
		checkMemory(t, seed, c)
	}
}

func compileFunction(t *testing.T, fn func(g *graph.Graph, in []*graph.Node) []*graph.Node, in []*tensors.Tensor) *code {
	t.Helper()
	return compileAs(t, Options{Workers: 2}, fn, in)
}

func compileAs(t *testing.T, o Options, fn func(g *graph.Graph, in []*graph.Node) []*graph.Node, in []*tensors.Tensor) *code {
	t.Helper()
	g := graph.NewGraph(nil, "plan")
	var nodes []*graph.Node
	for _, x := range in {
		nodes = append(nodes, graph.Parameter(g, "", x.Shape()))
	}
	p, err := graph.NewProgram(g, fn(g, nodes)...)
	require.NoError(t, err)
	p, err = ir.Lower(p, (&backend{workers: 2}).Lowers)
	require.NoError(t, err)
	c, err := compileWith(context.Background(), p, o, newLibrary())
	require.NoError(t, err)
	return c
}

// checkMemory follows who wrote which byte: of the arena, of every output, and of every input, some of which
// an output may overwrite because they are all donated.
func checkMemory(t *testing.T, seed uint64, c *code) {
	type place struct{ memory, offset int } // memory: -1 the arena, else the value that owns it
	owner := map[place]int{}
	at := func(id int) place {
		memory, offset := c.memoryOf(id)
		return place{memory, offset}
	}
	write := func(id int) {
		p := at(id)
		for i := range c.values[id].size {
			owner[place{p.memory, p.offset + i}] = id
		}
	}
	made := map[int]bool{}
	for _, s := range c.steps {
		for _, id := range s.out {
			made[id] = true
		}
	}
	content := func(id int) int { // the value whose content id shows: a view's is its operand's
		for !made[id] {
			if c.values[id].root != id {
				id = c.values[id].root
			} else if c.values[id].lies == partOf {
				id = c.values[id].base
			} else {
				break
			}
		}
		return id
	}
	within := func(id int) (list []int) { // what id is put into when that is put together
		for c.values[id].lies != whole {
			id = content(c.values[id].base)
			list = append(list, id)
		}
		return list
	}
	read := func(id int, what string) {
		p, want := at(id), content(id)
		if c.kindOf(id) == constant {
			return
		}
		others := within(want)
		for i := range c.values[id].size {
			if got := owner[place{p.memory, p.offset + i}]; got != want && !slices.Contains(others, got) {
				t.Fatalf("seed %d: %s reads value %d, but its byte %d belongs to value %d", seed, what, id, i, got)
			}
		}
	}
	for _, id := range c.inputs {
		write(id)
	}
	for i, s := range c.steps {
		for _, id := range s.in {
			read(id, fmt.Sprintf("step %d, %s,", i, s.op.Name))
		}
		if s.scratch >= 0 {
			write(s.scratch)
			for _, id := range s.in { // scratch memory must not lie on operands
				read(id, fmt.Sprintf("step %d, %s, beside its scratch memory,", i, s.op.Name))
			}
		}
		for _, id := range s.out {
			if c.values[id].lies != slides {
				write(id)
			}
		}
	}
	for _, id := range c.outputs {
		read(id, "the end")
	}
}

func TestPlaceKeepsSlotsApart(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		slots := make([]slot, 1+rng.IntN(40))
		peak := map[int]int{}
		for i := range slots {
			def := rng.IntN(30)
			slots[i] = slot{def: def, last: def + rng.IntN(8), size: rng.IntN(5000), output: -1}
			for step := def; step <= slots[i].last; step++ {
				peak[step] += kernels.Aligned(slots[i].size)
			}
		}
		total := place(slots, nil)
		for i, a := range slots {
			if a.offset%tensors.Alignment != 0 || a.offset+a.size > total {
				t.Fatalf("slot %+v in an arena of %d", a, total)
			}
			for _, b := range slots[:i] {
				together := a.def <= b.last && b.def <= a.last
				if together && a.offset < b.offset+b.size && b.offset < a.offset+a.size {
					t.Fatalf("%+v and %+v overlap", a, b)
				}
			}
		}
		most := 0
		for _, n := range peak {
			most = max(most, n)
		}
		assert.LessOrEqual(t, total, 2*most, "the arena has %d bytes for %d that live at once", total, most)
	}
}

func TestChainsOfElementwiseOpsWorkInPlace(t *testing.T) {
	x := tensors.FromShape(shapes.Make(dtypes.Float32, 1000))
	c := compileFunction(t, func(_ *graph.Graph, in []*graph.Node) []*graph.Node {
		y := graph.Exp(in[0])
		for range 10 {
			y = graph.Tanh(graph.Add(graph.Mul(y, y), in[0]))
		}
		return []*graph.Node{graph.ReduceSum(y)}
	}, []*tensors.Tensor{x})
	assert.LessOrEqual(t, c.arena, 2*4096, "the arena has %d bytes for one value of 4000 at a time", c.arena)
}

// TestBothPlacementsKeepApartWhatLivesTogether places random slots in both ways.
func TestBothPlacementsKeepApartWhatLivesTogether(t *testing.T) {
	for name, place := range map[string]func([]*slot) int{"by size": func(list []*slot) int { return placeBySize(list, nil) }, "by time": placeByTime} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(30) {
				rng := rand.New(rand.NewPCG(seed, 0))
				slots := make([]*slot, 200)
				for i := range slots {
					def := rng.IntN(100)
					slots[i] = &slot{def: def, last: def + rng.IntN(20), size: 1 + rng.IntN(4)*100, output: -1}
				}
				total := place(slices.Clone(slots))
				for i, a := range slots {
					if a.offset%tensors.Alignment != 0 || a.offset+a.size > total {
						t.Fatalf("seed %d: slot %d at %d of %d bytes", seed, i, a.offset, total)
					}
					for k, b := range slots[:i] {
						together := a.def <= b.last && b.def <= a.last
						if together && a.offset < b.offset+b.size && b.offset < a.offset+a.size {
							t.Fatalf("seed %d: slots %d and %d overlap", seed, k, i)
						}
					}
				}
			}
		})
	}
}

// BenchmarkCompileChain compiles the gradient of chains of ops: time and memory per op must not depend on the length.
func BenchmarkCompileChain(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				g := graph.NewGraph(New(), "chain")
				x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32))
				y := x
				for range n {
					y = graph.Sin(y)
				}
				if err := g.Compile(graph.Gradient(y, x)...); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/op-of-chain")
		})
	}
}
