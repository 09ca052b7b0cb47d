package graphtest

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"
)

// Functions that are made of ops, and so are no rows, are held to values that other libraries gave. testdata/arrays/make.py makes
// the file of them, and says with which versions.

//go:embed testdata/arrays/arrays.json
var arraysFile []byte

// arrayCase is a call of a function and its results.
type arrayCase struct {
	Func     string
	Name     string
	Args     arrayArgs
	In, Out  []arrayValue
	ULP      float64  // how far a result may be off, beside the largest one; 0 for not at all
	Abs      *float64 // how far it may be off beside 1; ULP if it is not said, 0 for results that are all tiny
	Gradient bool     // whether it has one there, of first and second order
}

type arrayArgs map[string]any

func (a arrayArgs) int(name string) int { return int(a.float(name)) }
func (a arrayArgs) float(name string) float64 {
	v, ok := a[name].(float64)
	if !ok {
		panic(fmt.Sprintf("argument %s is missing", name))
	}
	return v
}
func (a arrayArgs) has(name string) bool  { return a[name] != nil }
func (a arrayArgs) bool(name string) bool { return a[name] == true }
func (a arrayArgs) text(name string) string {
	text, _ := a[name].(string)
	return text
}

// channels says where the channels of pictures are.
func (a arrayArgs) channels() graph.ChannelsAxisConfig {
	if a.bool("last") {
		return graph.ChannelsLast
	}
	return graph.ChannelsFirst
}

func (a arrayArgs) pairs(name string) (list [][2]int) {
	for _, v := range a[name].([]any) {
		pair := v.([]any)
		list = append(list, [2]int{int(pair[0].(float64)), int(pair[1].(float64))})
	}
	return list
}
func (a arrayArgs) ints(name string) (list []int) {
	for _, v := range a[name].([]any) {
		list = append(list, int(v.(float64)))
	}
	return list
}

// arrayValue is an array in JSON, which has no words for infinities.
type arrayValue struct{ *tensors.Tensor }

func (v *arrayValue) UnmarshalJSON(text []byte) error {
	var array struct {
		DType string
		Dims  []int
		Data  []any
	}
	if err := json.Unmarshal(text, &array); err != nil {
		return err
	}
	d, err := dtypes.Parse(array.DType)
	if err != nil {
		return err
	}
	number := func(x any) float64 {
		switch x := x.(type) {
		case float64:
			return x
		case bool:
			if x {
				return 1
			}
		case string:
			return map[string]float64{"nan": math.NaN(), "inf": math.Inf(1), "-inf": math.Inf(-1)}[x]
		}
		return 0
	}
	flat := make([]complex128, len(array.Data))
	for i, x := range array.Data {
		if pair, ok := x.([]any); ok {
			flat[i] = complex(number(pair[0]), number(pair[1]))
		} else {
			flat[i] = complex(number(x), 0)
		}
	}
	v.Tensor, err = tensors.FromFlatDataAndDimensions(flat, array.Dims...).ConvertDType(d)
	return err
}

// Arrays checks the functions that are made of ops on a backend, against values that NumPy, SciPy and PyTorch gave, and their gradients of
// first and second order against central differences. together is that of [Conform]; gradients, which are made of rows that
// [Gradients] checks, and all but one case of each function are then checked with QUIRE_SWEEP=1 only.
func Arrays(t *testing.T, newBackend func() ir.Backend, together ...int) {
	var file struct{ Cases []arrayCase }
	if err := json.Unmarshal(arraysFile, &file); err != nil {
		t.Fatal(err)
	}
	b := newBackend()
	t.Cleanup(func() { b.Close() })
	n := atOnce(together)
	brief := n > 1 && !sweep()
	for name, fn := range arrayFunctions {
		t.Run(name, func(t *testing.T) {
			if n > 1 {
				t.Parallel()
			}
			var checks []check
			for i, c := range file.Cases {
				if c.Func == name {
					c.Gradient = c.Gradient && !brief
					checks = append(checks, check{fmt.Sprintf("%d %s", i, c.Name), func(run runner) error { return c.check(run, fn) }})
				}
			}
			if len(checks) == 0 {
				t.Fatal("there are no values of it: see testdata/arrays/make.py")
			}
			if brief {
				checks = checks[len(checks)/2:][:1]
			}
			report(t, b, checks, n)
		})
	}
	for _, c := range file.Cases {
		if arrayFunctions[c.Func] == nil {
			t.Errorf("there are values of %s, which is no function", c.Func)
		}
	}
}

type arrayFunction = func(in []*graph.Node, a arrayArgs) []*graph.Node

func (c arrayCase) check(run runner, fn arrayFunction) error {
	in := make([]*tensors.Tensor, len(c.In))
	for i, v := range c.In {
		in[i] = v.Tensor
	}
	build := func(_ *graph.Graph, in []*graph.Node) []*graph.Node { return fn(in, c.Args) }
	got, err := run(build, in)
	if err != nil {
		return err
	}
	if len(got) != len(c.Out) {
		return fmt.Errorf("%d results, want %d", len(got), len(c.Out))
	}
	tol := ir.Tolerance{ULP: c.ULP, Abs: c.ULP}
	if c.Abs != nil {
		tol.Abs = *c.Abs
	}
	for i, want := range c.Out {
		if err := Diff(got[i], want.Tensor, tol); err != nil {
			return fmt.Errorf("result %d: %w", i, err)
		}
	}
	if !c.Gradient {
		return nil
	}
	rng := rand.New(rand.NewPCG(1, 2))
	first := func(g *graph.Graph, in []*graph.Node) *graph.Node { return weighted(g, build(g, in), 1) }
	if err := checkDirections(run, first, in, rng); err != nil {
		return fmt.Errorf("first order: %w", err)
	}
	second := func(g *graph.Graph, in []*graph.Node) *graph.Node {
		wrt := slices.DeleteFunc(slices.Clone(in), func(x *graph.Node) bool { return !dtypes.Inexact.Has(x.DType()) })
		return weighted(g, graph.Gradient(first(g, in), wrt...), 2)
	}
	if err := checkDirections(run, second, in, rng); err != nil {
		return fmt.Errorf("second order: %w", err)
	}
	return nil
}

// ArrayFunctions returns the names of the functions that [Arrays] checks: "Tile", "segment.Sum".
func ArrayFunctions() (names []string) {
	for name := range arrayFunctions {
		names = append(names, strings.Fields(name)[0])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Shapes of cases are small: what depends on size is checked by rows.
func one1(fn func(x *graph.Node, a arrayArgs) *graph.Node) arrayFunction {
	return func(in []*graph.Node, a arrayArgs) []*graph.Node { return []*graph.Node{fn(in[0], a)} }
}

func one2(fn func(x, y *graph.Node, a arrayArgs) *graph.Node) arrayFunction {
	return func(in []*graph.Node, a arrayArgs) []*graph.Node { return []*graph.Node{fn(in[0], in[1], a)} }
}

func of(fn func(x *graph.Node) *graph.Node) arrayFunction {
	return one1(func(x *graph.Node, _ arrayArgs) *graph.Node { return fn(x) })
}

func onAxis(fn func(x *graph.Node, axis int) *graph.Node) arrayFunction {
	return one1(func(x *graph.Node, a arrayArgs) *graph.Node { return fn(x, a.int("axis")) })
}

func ofTwo(fn func(x, y *graph.Node) *graph.Node) arrayFunction {
	return one2(func(x, y *graph.Node, _ arrayArgs) *graph.Node { return fn(x, y) })
}

func segments(fn func(x, ids *graph.Node, n int) *graph.Node) arrayFunction {
	return one2(func(x, ids *graph.Node, a arrayArgs) *graph.Node { return fn(x, ids, a.int("n")) })
}
