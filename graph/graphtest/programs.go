package graphtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// RandomProgram returns a function that builds a random graph of about size calls, made of all rows of the
// table, each row as often as any other, over two inputs, which are returned too. The same seed gives the same
// program. Every call is one of its row's samples, with float operands that are moved a little by values computed before, so that the
// program is connected and stays within what its ops accept. Floats are float64 or, with narrow, float32.
func RandomProgram(seed uint64, size int, narrow bool) (fn func(g *graph.Graph, in []*graph.Node) []*graph.Node, inputs []*tensors.Tensor) {
	d := dtypes.Float64
	if narrow {
		d = dtypes.Float32
	}
	rng := rand.New(rand.NewPCG(seed, 7))
	inputs = []*tensors.Tensor{random(rng, []int{3, 4}, d), random(rng, []int{5}, d)}
	fn = func(g *graph.Graph, in []*graph.Node) []*graph.Node {
		rng := rand.New(rand.NewPCG(seed, 8))
		pool := slices.Clone(in)
		all := programCalls(d)
		for range size {
			list := all[rng.IntN(len(all))]
			c := list[rng.IntN(len(list))]
			args := make([]*graph.Node, len(c.sample.In))
			for i, t := range c.inputs() {
				args[i] = moved(rng, graph.ConstTensor(g, t), pool)
			}
			for _, y := range c.apply(g, args) {
				if y.DType() == d && y.Shape().Size() > 0 {
					pool = append(pool, graph.Tanh(y)) // values stay bounded, errors stay small
				} else {
					pool = append(pool, y)
				}
			}
		}
		return pool[max(0, len(pool)-size):]
	}
	return fn, inputs
}

// programCalls returns, per row, the calls that random programs in floats d are made of.
func programCalls(d dtypes.DType) [][]call {
	if all, ok := programs.Load(d); ok {
		return all.([][]call)
	}
	var all [][]call
	for _, op := range ir.Ops() {
		list := slices.DeleteFunc(calls(op), func(c call) bool {
			return c.sample.Pole || c.dtype != d && op.DTypes&dtypes.Floats != 0
		})
		if len(list) > 0 {
			all = append(all, list)
		}
	}
	programs.Store(d, all)
	return all
}

var programs sync.Map // what programCalls returned, by dtype: the table of ops does not change

// moved returns x, a sample's operand, with a twentieth of some value of the pool added if it is a float.
func moved(rng *rand.Rand, x *graph.Node, pool []*graph.Node) *graph.Node {
	by := pool[rng.IntN(len(pool))]
	if !x.DType().IsFloat() || by.DType() != x.DType() || by.Shape().Size() == 0 || x.Shape().Size() == 0 {
		return x
	}
	e := graph.ReduceAllSum(by) // a scalar: it goes with any shape
	zero := graph.ScalarZero(x.Graph(), x.DType())
	e = graph.Where(graph.IsFinite(e), e, zero)
	return graph.Add(x, graph.MulScalar(graph.Tanh(e), 0.05))
}

// CompareRandom runs the random program of a seed on a backend and on the reference and compares all results.
// The error names the seed and prints the program.
func CompareRandom(b ir.Backend, seed uint64, size int, narrow bool) error {
	fn, in := RandomProgram(seed, size, narrow)
	want, err := runOn(Reference(), fn, in)
	if err != nil {
		return fmt.Errorf("seed %d, size %d: reference: %w", seed, size, err)
	}
	got, err := runOn(b, fn, in)
	if err == nil {
		err = diffProgram(got, want, narrow)
	}
	if err != nil {
		return fmt.Errorf("seed %d, size %d, narrow %v: %w\n%s", seed, size, narrow, err, listing(fn, in))
	}
	return nil
}

// diffProgram compares the results of a random program. A chain of calls adds up rounding; and what one op turns into
// another order of magnitude is relative to the tensor's largest element.
func diffProgram(got, want []*tensors.Tensor, narrow bool) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d results, want %d", len(got), len(want))
	}
	for k := range want {
		tol := ir.Tolerance{ULP: 1 << 14, Abs: 1 << 10}
		if d := want[k].DType(); narrow && (d == dtypes.Float64 || d == dtypes.Complex128) { // made of float32
			scale := dtypes.Epsilon(dtypes.Float32) / dtypes.Epsilon(dtypes.Float64)
			tol.ULP, tol.Abs = tol.ULP*scale, tol.Abs*scale
		}
		if err := Diff(got[k], want[k], tol); err != nil {
			return fmt.Errorf("result %d: %w", k, err)
		}
	}
	return nil
}

func listing(fn func(g *graph.Graph, in []*graph.Node) []*graph.Node, in []*tensors.Tensor) string {
	g := graph.NewGraph(nil, "random")
	var nodes []*graph.Node
	for _, t := range in {
		nodes = append(nodes, graph.Parameter(g, "", t.Shape()))
	}
	p, err := graph.NewProgram(g, fn(g, nodes)...)
	if err != nil {
		return err.Error()
	}
	return p.String()
}

// Programs compares n random programs on a backend with the reference.
func Programs(t *testing.T, newBackend func() ir.Backend, n int) {
	b := newBackend()
	t.Cleanup(func() { b.Close() })
	for seed := range uint64(n) {
		if err := CompareRandom(b, seed, 4+int(seed%24), seed%2 == 1); err != nil {
			t.Error(err)
		}
	}
}

// FuzzPrograms lets the fuzzer choose random programs of up to eight calls to compare on a backend with the reference.
// An execution builds and compiles a program twice; on the go engine, with the fuzzer's instrumentation, some hundreds
// do so in a second and core, each with four calls on average, where programs of up to forty were 18 a second.
func FuzzPrograms(f *testing.F, newBackend func() ir.Backend) {
	b := newBackend()
	f.Cleanup(func() { b.Close() })
	f.Add(uint64(1), uint8(8), false)
	f.Add(uint64(2), uint8(20), true)
	f.Fuzz(func(t *testing.T, seed uint64, size uint8, narrow bool) {
		if err := CompareRandom(b, seed, 1+int(size%8), narrow); err != nil {
			t.Error(err)
		}
	})
}

// FuzzOps lets the fuzzer choose the values of the operands of any row's sample, as raw bits: whatever they
// are, a backend returns results of the reference's shapes, or both return an error that is no panic. Values are not compared:
// for arbitrary bits no tolerance holds; [Conform] and [FuzzPrograms] compare them.
func FuzzOps(f *testing.F, newBackend func() ir.Backend) {
	b := newBackend()
	f.Cleanup(func() { b.Close() })
	var all []call
	for _, op := range ir.Ops() {
		all = append(all, calls(op)...)
	}
	f.Add(uint16(3), []byte{1, 2, 3, 4})
	f.Add(uint16(77), []byte{0, 0, 192, 127, 255, 255, 255, 127})
	f.Fuzz(func(t *testing.T, which uint16, bits []byte) {
		c := all[int(which)%len(all)]
		in := c.inputs()
		for i, x := range in {
			if c.sample.In[i].DType == dtypes.Invalid && len(bits) > 0 {
				in[i] = withBits(x.Shape(), bits[min(i, len(bits)-1):])
			}
		}
		want, errWant := runOn(Reference(), c.apply, in)
		got, err := runOn(b, c.apply, in)
		if (err == nil) != (errWant == nil) || brokeDown(err) {
			t.Fatalf("%s %s: error %v, reference %v", c.op.Name, c.name(0), err, errWant)
		}
		if err == nil && len(got) != len(want) {
			t.Fatalf("%s: %d results, want %d", c.op.Name, len(got), len(want))
		}
		for k := range got {
			if !got[k].Shape().Equal(want[k].Shape()) {
				t.Fatalf("%s: result %d is %s, want %s", c.op.Name, k, got[k].Shape(), want[k].Shape())
			}
		}
	})
}

// brokeDown reports whether an error is a panic that was caught, in a graph function or in a backend.
func brokeDown(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "the function panicked: ") || strings.Contains(err.Error(), " broke: "))
}

func withBits(s shapes.Shape, bits []byte) *tensors.Tensor {
	data := make([]byte, s.ByteSize())
	for i := range data {
		data[i] = bits[i%len(bits)]
	}
	if s.DType == dtypes.Bool {
		for i := range data {
			data[i] &= 1
		}
	}
	t, err := tensors.FromBytes(s, data)
	if err != nil {
		panic(err)
	}
	return t
}

// Benchmark times every row's largest sample in float32, on a backend.
func Benchmark(b *testing.B, newBackend func() ir.Backend) {
	backend := newBackend()
	b.Cleanup(func() { backend.Close() })
	for _, op := range ir.Ops() {
		var best *call
		size := -1
		for _, c := range calls(op) {
			n := 0
			for _, x := range c.sample.In {
				n += len(x.Data)
			}
			if (c.dtype == dtypes.Float32 || op.DTypes&dtypes.Floats == 0) && n > size {
				best, size = &c, n
			}
		}
		if best == nil {
			continue
		}
		b.Run(op.Name, func(b *testing.B) {
			g := graph.NewGraph(backend, op.Name)
			var in []*graph.Node
			var bufs []ir.Buffer
			for _, t := range best.inputs() {
				in = append(in, graph.Parameter(g, "", t.Shape()))
				buf, err := backend.Put(t)
				if err != nil {
					b.Fatal(err)
				}
				bufs = append(bufs, buf)
			}
			if err := g.Compile(best.apply(g, in)...); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				out, err := g.RunWithBuffers(b.Context(), bufs, nil)
				if err != nil {
					b.Fatal(err)
				}
				for _, o := range out {
					o.Close()
				}
			}
		})
	}
}
