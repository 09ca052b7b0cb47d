package gocpu

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// randomCode compiles a random program for the order Dataflow.
func randomCode(t *testing.T, seed uint64) (*code, []*tensors.Tensor) {
	fn, in := graphtest.RandomProgram(seed, 5+int(seed%40), seed%2 == 0)
	return compileAs(t, Options{Workers: 2, Order: Dataflow}, fn, in), in
}

// runAs runs c on copies of the inputs, all of which are donated.
func runAs(t *testing.T, c *code, r Runner, in []*tensors.Tensor) [][]byte {
	t.Helper()
	c.runner = r
	given := make([][]byte, len(in))
	for i, x := range in {
		given[i] = aligned(x.Shape().ByteSize())
		x.MustConstBytes(func(data []byte) { copy(given[i], data) })
	}
	out := make([][]byte, len(c.outputs))
	for o, id := range c.outputs {
		if out[o] = aligned(c.values[id].size); c.donors[o] >= 0 {
			out[o] = given[c.donors[o]]
		}
	}
	require.NoError(t, c.exec(context.Background(), given, out, nil))
	return out
}

// anyOrder runs the steps one by one, each time one of those that are ready.
type anyOrder struct{ rng *rand.Rand }

func (r anyOrder) Run(ctx context.Context, s *Steps) error {
	done := make([]bool, s.Len())
	for range s.Len() {
		var ready []int
		for i := range s.Len() {
			if !done[i] && !slices.ContainsFunc(s.After(i), func(j int) bool { return !done[j] }) {
				ready = append(ready, i)
			}
		}
		i := ready[r.rng.IntN(len(ready))]
		if err := s.Do(ctx, i); err != nil {
			return err
		}
		done[i] = true
	}
	return nil
}

// atOnce runs every step that is ready, on a few goroutines.
type atOnce struct{ goroutines int }

func (r atOnce) Run(ctx context.Context, s *Steps) error {
	type end struct {
		step int
		err  error
	}
	work, ended := make(chan int, s.Len()), make(chan end, s.Len())
	for range r.goroutines {
		go func() {
			for i := range work {
				ended <- end{i, s.Do(ctx, i)}
			}
		}()
	}
	defer close(work)
	waits, next := make([]int, s.Len()), make([][]int, s.Len())
	under := 0
	for i := range s.Len() {
		waits[i] = len(s.After(i))
		for _, j := range s.After(i) {
			next[j] = append(next[j], i)
		}
		if waits[i] == 0 {
			work <- i
			under++
		}
	}
	var err error
	for ; under > 0; under-- {
		e := <-ended
		if e.err != nil && err == nil {
			err = e.err
		}
		for _, i := range next[e.step] {
			if waits[i]--; waits[i] == 0 && err == nil {
				work <- i
				under++
			}
		}
	}
	return err
}

func sameBits(a, b [][]byte) bool { return slices.EqualFunc(a, b, bytes.Equal) }

func TestEveryOrderGivesTheSameBits(t *testing.T) {
	for seed := range uint64(40) {
		fn, _ := graphtest.RandomProgram(seed, 5+int(seed%40), seed%2 == 0)
		c, in := randomCode(t, seed)
		want := runAs(t, compileFunction(t, fn, in), sequential{}, in)
		for k := range uint64(5) {
			if !sameBits(runAs(t, c, anyOrder{rand.New(rand.NewPCG(seed, k))}, in), want) {
				t.Errorf("seed %d: order %d gives other bits than the program's order", seed, k)
			}
		}
		assert.True(t, sameBits(runAs(t, c, atOnce{3}, in), want), "seed %d: steps that run at once give other bits than one after the other", seed)
	}
}

// checkPlan returns an error if a step could run before what it reads is made, or if two values overlap that may live
// at once in an order that the edges allow. It works from the plan's data alone.
func checkPlan(c *code, after func(i int) []int) error {
	before := make([]map[int]bool, len(c.steps)) // per step all that precede it
	for i := range c.steps {
		before[i] = map[int]bool{}
		for _, j := range after(i) {
			before[i][j] = true
			for k := range before[j] {
				before[i][k] = true
			}
		}
	}
	maker, touches := map[int]int{}, map[int][]int{}
	for i, s := range c.steps {
		for _, id := range append(slices.Clone(s.out), s.scratch) {
			if id >= 0 {
				maker[id] = i
				touches[id] = append(touches[id], i)
			}
		}
	}
	content := func(id int) int {
		for maker[id] == 0 && touches[id] == nil {
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
	within := func(x, y int) bool { // whether x lies in y, and is to
		for c.values[x].lies != whole {
			if x = content(c.values[x].base); x == y {
				return true
			}
		}
		return false
	}
	inPlace := func(s *step, x, y int) bool { // whether s may write its result y over x
		places := s.mayTake(slices.Index(s.out, y))
		return c.values[x].size == c.values[y].size && slices.ContainsFunc(places, func(k int) bool { return content(s.in[k]) == x })
	}
	for i, s := range c.steps {
		for _, id := range s.in {
			x := content(id)
			if m, made := maker[x]; made && !before[i][m] {
				return fmt.Errorf("step %d reads value %d, and need not follow step %d that makes it", i, x, m)
			}
			touches[x] = append(touches[x], i)
			for c.values[x].lies != whole { // and of what it lies in that part
				x = content(c.values[x].base)
				touches[x] = append(touches[x], i)
			}
		}
	}
	outputs := map[int]bool{}
	for _, id := range c.outputs {
		outputs[id] = true
	}
	precedes := func(x, y int) bool { // whether x is over in every order when y is made
		m, made := maker[y]
		return made && !outputs[x] && !slices.ContainsFunc(touches[x], func(i int) bool {
			return !before[m][i] && (i != m || !inPlace(&c.steps[m], x, y))
		})
	}
	var ids []int
	for id := range c.values {
		if k := c.values[id].kind; (touches[id] != nil || k == input) && k != constant && content(id) == id && c.values[id].lies != slides && c.values[id].size > 0 {
			ids = append(ids, id)
		}
	}
	for n, x := range ids {
		for _, y := range ids[:n] {
			mx, ox := c.memoryOf(x)
			my, oy := c.memoryOf(y)
			if mx == my && ox < oy+c.values[y].size && oy < ox+c.values[x].size && !within(x, y) && !within(y, x) && !precedes(x, y) && !precedes(y, x) {
				return fmt.Errorf("values %d and %d overlap and may live at once", y, x)
			}
		}
	}
	return nil
}

// memoryOf returns what a value lies in, -1 for the arena and else the value that owns it, and where. All inputs are
// donated.
func (c *code) memoryOf(id int) (memory, offset int) {
	r, at := c.memory(id)
	if c.values[r].kind == temp {
		return -1, c.values[r].offset + at
	}
	if o := slices.Index(c.outputs, r); o >= 0 && c.donors[o] >= 0 {
		return c.inputs[c.donors[o]], at
	}
	return r, at
}

func TestNoTwoValuesOverlapThatMayLiveAtOnce(t *testing.T) {
	for seed := range uint64(80) {
		fn, in := graphtest.RandomProgram(seed, 5+int(seed%40), seed%2 == 0)
		for _, order := range []Order{Sequential, Dataflow} {
			c := compileAs(t, Options{Workers: 2, Order: order}, fn, in)
			assert.NoError(t, checkPlan(c, (&Steps{f: &frame{code: c}}).After), "seed %d, order %d", seed, order)
		}
	}
}

// TestBrokenPlansAreCaught forces overlaps and takes edges away: the checks above would be worth nothing otherwise.
func TestBrokenPlansAreCaught(t *testing.T) {
	overlaps, otherBits, edges := 0, 0, 0
	for seed := range uint64(40) {
		c, in := randomCode(t, seed)
		for i, list := range c.after {
			for k, m := range list {
				if slices.ContainsFunc(list, func(j int) bool { return j != m && ancestorsOf(c.after).before(m, j) }) {
					continue // another edge says the same
				}
				without := func(j int) []int {
					if j == i {
						return slices.Delete(slices.Clone(list), k, k+1)
					}
					return c.after[j]
				}
				edges++
				require.Error(t, checkPlan(c, without), "seed %d: step %d need not follow step %d, and nothing is wrong", seed, i, m)
			}
		}
		want := runAs(t, c, sequential{}, in)
		if loops(c) || !overlapOperands(c) { // a loop that counts wrongly may never end
			continue
		}
		overlaps++
		assert.Error(t, checkPlan(c, func(i int) []int { return c.after[i] }), "seed %d: two operands of one step lie on each other, and nothing is wrong", seed)
		c.drop(map[*code]bool{}) // the frames that wait: they know the old places
		if !sameBits(runAs(t, c, anyOrder{rand.New(rand.NewPCG(seed, 0))}, in), want) {
			otherBits++
		}
	}
	if overlaps == 0 || otherBits == 0 || edges == 0 {
		t.Errorf("%d overlaps were forced, %d seen in the bits, and %d edges taken away: want some of each", overlaps, otherBits, edges)
	}
}

// loops reports whether a step of c runs functions.
func loops(c *code) bool {
	return slices.ContainsFunc(c.steps, func(s step) bool { return s.control != nil })
}

// overlapOperands gives two operands of one step the same place, if a step has two in the arena.
func overlapOperands(c *code) bool {
	for _, s := range c.steps {
		var roots []int
		for _, id := range s.in {
			if r := c.resolve(id); c.values[r].kind == temp && c.values[r].size > 0 && !slices.Contains(roots, r) {
				roots = append(roots, r)
			}
		}
		if len(roots) > 1 {
			small, large := roots[0], roots[1]
			if c.values[small].size > c.values[large].size {
				small, large = large, small
			}
			c.values[small].offset = c.values[large].offset
			return true
		}
	}
	return false
}

// TestDataflowKeepsLivingBranchesApart has two branches that one order runs one after the other and another at once.
func TestDataflowKeepsLivingBranchesApart(t *testing.T) {
	x := tensors.FromValue(make([]float64, 512)) // which is not fused
	fn := func(_ *graph.Graph, in []*graph.Node) []*graph.Node {
		branch := func(k float64) *graph.Node { return graph.ReduceAllSum(graph.Exp(graph.MulScalar(in[0], k))) }
		return []*graph.Node{graph.Add(branch(2), branch(3))}
	}
	one := compileAs(t, Options{Workers: 1}, fn, []*tensors.Tensor{x})
	any := compileAs(t, Options{Workers: 1, Order: Dataflow}, fn, []*tensors.Tensor{x})
	if one.arena >= 2*4096 || any.arena < 2*4096 {
		t.Errorf("arenas of %d and %d bytes: want one value of 4096 at a time in sequence, and two in any order", one.arena, any.arena)
	}
}
