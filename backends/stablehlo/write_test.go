package stablehlo

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sampleCall is one row's sample at one dtype.
type sampleCall struct {
	op     *ir.Op
	sample ir.Sample
	dtype  dtypes.DType
	name   string
}

// samples returns every sample of op at every dtype that the row and the sample allow.
func samples(op *ir.Op) (list []sampleCall) {
	for i, s := range op.Samples {
		set := op.DTypes
		if s.DTypes != 0 {
			if set = s.DTypes; op.DTypes != 0 {
				set &= op.DTypes
			}
		}
		types := set.List()
		if set == 0 || len(s.In) == 0 || op.Typed >= len(s.In) || s.In[op.Typed].DType != dtypes.Invalid { // nothing varies
			types = []dtypes.DType{dtypes.Float32}
		}
		for _, d := range types {
			list = append(list, sampleCall{op, s, d, fmt.Sprintf("%s/%d/%s/%s", op.Name, i, s.Name, d)})
		}
	}
	return list
}

func (c sampleCall) inputs() []*tensors.Tensor { return c.sample.Tensors(c.dtype) }

func (c sampleCall) build(g *graph.Graph, in []*graph.Node) []*graph.Node {
	return graphtest.Apply(g, c.op, c.sample, in)
}

// program lowers what build makes of parameters like the inputs.
func program(t testing.TB, name string, build func(g *graph.Graph, in []*graph.Node) []*graph.Node, inputs []*tensors.Tensor) *ir.Program {
	t.Helper()
	g := graph.NewGraph(nil, name)
	var out []*graph.Node
	err := graph.Catch(func() {
		var in []*graph.Node
		for _, x := range inputs {
			in = append(in, graph.Parameter(g, "", x.Shape()))
		}
		out = build(g, in)
	})
	require.NoError(t, err)
	p, err := graph.NewProgram(g, out...)
	require.NoError(t, err)
	p, err = ir.Lower(p, Lowers)
	require.NoError(t, err)
	return p
}

func TestEveryOpIsWrittenOrExpanded(t *testing.T) {
	for _, op := range ir.Ops() {
		if !Lowers(ir.Call{Op: op}) && op.Expand == nil && (op.Regions == nil || op.Regions.Expand == nil) {
			t.Errorf("%s is neither written nor expanded", op.Name)
		}
	}
}

func TestEverySampleIsWritten(t *testing.T) {
	for _, op := range ir.Ops() {
		t.Run(op.Name, func(t *testing.T) {
			for _, c := range samples(op) {
				p := program(t, "sample", c.build, c.inputs())
				text, err := Write(p)
				assert.NoError(t, err, c.name)
				checked, _, err := Options{}.WriteChecked(p)
				assert.NoError(t, err, c.name)
				for _, written := range slices.Compact([]string{text, checked}) {
					_, err := Read(written)
					assert.NoError(t, err, c.name) // which verifies it
				}
			}
		})
	}
}

// TestHLOIsWhatIsWritten gives each row another HLO: what is written is that, so that the field is not an idle remark.
func TestHLOIsWhatIsWritten(t *testing.T) {
	for _, op := range ir.Ops() {
		if op.HLO == "" {
			continue
		}
		require.NotNil(t, loweringOf(op), "%s has an HLO and is expanded", op.Name)
		t.Run(op.Name, func(t *testing.T) {
			real := op.HLO
			defer func() { op.HLO = real }()
			var programs []*ir.Program
			for _, c := range samples(op) {
				programs = append(programs, program(t, "sample", c.build, c.inputs()))
			}
			if op.HLO = "stablehlo.no_such_op"; strings.HasPrefix(real, comparison) {
				op.HLO = comparison + "XX"
			}
			require.True(t, slices.ContainsFunc(programs, func(p *ir.Program) bool {
				text, err := Write(p)
				return err == nil && strings.Contains(text, op.HLO)
			}), "no sample is written as what the row says")
		})
	}
}

// TestSameProgramSameText builds random programs twice, which must give the same bytes both times: a cache of
// compiled programs is keyed by them.
func TestSameProgramSameText(t *testing.T) {
	for seed := range uint64(30) {
		sameTwice(t, seed, 4+int(seed), seed%2 == 1)
	}
}

func sameTwice(t *testing.T, seed uint64, size int, narrow bool) {
	t.Helper()
	fn, in := graphtest.RandomProgram(seed, size, narrow)
	p := program(t, "random", fn, in)
	first, err := Write(p)
	require.NoError(t, err, "seed %d: %v\n%s", seed, err, p)
	_, err = Read(first)
	require.NoError(t, err, "seed %d: %v\n%s", seed, err, first)
	for _, again := range []*ir.Program{p, program(t, "random", fn, in)} {
		text, err := Write(again)
		require.NoError(t, err, "seed %d: the text differs from the first one", seed)
		require.Equal(t, first, text, "seed %d: the text differs from the first one", seed)
	}
}

// FuzzWrite writes random programs, each twice, and reads them back. It runs some hundreds of times a second, not thousands:
// an execution builds a program of four calls on average, with all that they expand to, twice, writes it twice and
// reads it, each a millisecond or less with the fuzzer's instrumentation. Its texts are rarely wrong in a new way; FuzzCalls is for that.
func FuzzWrite(f *testing.F) {
	f.Add(uint64(1), uint8(2), false)
	f.Add(uint64(2), uint8(7), true)
	f.Fuzz(func(t *testing.T, seed uint64, size uint8, narrow bool) {
		sameTwice(t, seed, 1+int(size%8), narrow)
	})
}

func TestWhatCannotBeWritten(t *testing.T) {
	ok := lowered(t, "p", func(g *graph.Graph) []*graph.Node { return []*graph.Node{graph.Neg(param(g, "x", dtypes.Float32, 2))} })
	without := *ok
	without.Outputs = nil
	broken := *ok
	broken.Outputs = []ir.Value{7}
	g := graph.NewGraph(nil, "p")
	unexpanded, err := graph.NewProgram(g, graph.Softplus(param(g, "x", dtypes.Float32, 2)))
	require.NoError(t, err)
	unexpanded.Instrs[0].Place = ir.SiteOf(ir.Place{File: "main.go", Line: 3})
	endless := *ok
	yes := lowered(t, "cond", func(g *graph.Graph) []*graph.Node { return []*graph.Node{graph.Const(g, true)} })
	endless.Instrs = append(endless.Instrs[:1:1], ir.Instr{Op: ops.While, Regions: []*ir.Program{yes, {}}})
	many := lowered(t, "p", func(g *graph.Graph) []*graph.Node {
		return []*graph.Node{graph.ExpandAxes(param(g, "x", dtypes.Float32), upTo(0, maxRank+1)...)}
	})
	for _, c := range []struct {
		name string
		p    *ir.Program
		o    Options
		want string
	}{
		{"no outputs", &without, Options{}, `writing program "p": it has no outputs, and a module needs one`},
		{"not well formed", &broken, Options{}, `writing program "p": output 7 is not defined`},
		{"an op to expand", unexpanded, Options{}, `writing program "p": main.go:3: Softplus has no form in StableHLO: it must be expanded (give stablehlo.Lowers to ir.Lower)`},
		{"a loop without a state", &endless, Options{}, `writing program "p": While without a state runs never or for ever: give it the values that change`},
		{"too many axes", many, Options{}, `writing program "p": a value has 129 axes, of which compilers take at most 128: Reshape it`},
		{"donation of something else", ok, Options{Donate: make([]bool, 2)}, `writing program "p": donation is given for 2 inputs, it has 1`},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := c.o.Write(c.p)
			assert.EqualError(t, err, c.want, "error %v, want %s\n%s", err, c.want, text)
		})
	}
}

// nested returns a value inside branches, loops or calls, depth deep.
func nested(g *graph.Graph, kind string, depth int) *graph.Node {
	x := param(g, "x", dtypes.Float32)
	var inside func(x *graph.Node, depth int) *graph.Node
	inside = func(x *graph.Node, depth int) *graph.Node {
		if depth == 0 {
			return graph.Neg(x)
		}
		if kind == "If" {
			deeper := graph.NewClosure(g, func(*graph.Graph) []*graph.Node { return []*graph.Node{inside(x, depth-1)} })
			other := graph.NewClosure(g, func(*graph.Graph) []*graph.Node { return []*graph.Node{x} })
			return graph.If(graph.IsPositive(x), deeper, other)[0]
		}
		if kind == "Call" {
			return graph.NewFunction(g, "f", func(g *graph.Graph) []*graph.Node {
				return []*graph.Node{inside(param(g, "s", dtypes.Float32), depth-1)}
			}).Call(x)[0]
		}
		cond := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
			return []*graph.Node{graph.IsPositive(param(g, "s", dtypes.Float32))}
		})
		body := graph.NewClosure(g, func(g *graph.Graph) []*graph.Node {
			return []*graph.Node{inside(param(g, "s", dtypes.Float32), depth-1)}
		})
		return graph.While(cond, body, x)[0]
	}
	return inside(x, depth)
}

func TestNestingHasALimit(t *testing.T) {
	for _, kind := range []string{"If", "While", "Call"} {
		for depth, want := range map[int]string{
			maxNesting:     "",
			maxNesting + 1: kind + ": branches, loops and calls are nested more than 64 deep, which compilers do not bear: choose among values (Where) or repeat (While) instead",
		} {
			p := lowered(t, "deep", func(g *graph.Graph) []*graph.Node { return []*graph.Node{nested(g, kind, depth)} })
			_, err := Write(p)
			if got := fmt.Sprint(err); want == "" && err != nil || !strings.HasSuffix(got, want) && want != "" {
				t.Errorf("%s nested %d deep: error %v, want %q", kind, depth, err, want)
			}
		}
	}
}

func TestDonatedInputsArePairedWithOutputsOfTheirShape(t *testing.T) {
	p := lowered(t, "p", func(g *graph.Graph) []*graph.Node {
		a, b, c := param(g, "a", dtypes.Float32, 2), param(g, "b", dtypes.Float32, 2), param(g, "c", dtypes.Float32, 2)
		return []*graph.Node{graph.ReduceSum(a), graph.Add(a, b), graph.Mul(b, c)}
	})
	text, err := Options{Donate: []bool{true, true, true}}.Write(p)
	want := "%a: tensor<2xf32> {tf.aliasing_output = 1 : i32}, %b: tensor<2xf32> {tf.aliasing_output = 2 : i32}, %c: tensor<2xf32> {jax.buffer_donor = true}"
	require.NoError(t, err)
	assert.Contains(t, text, want)
	if text, _ := Write(p); strings.Contains(text, "{tf.") || strings.Contains(text, "{jax.") {
		t.Errorf("nothing was donated, but:\n%s", text)
	}
}

// TestNoDivisionByZeroIsWritten looks at what kills XLA's compiler: a divisor that constants make zero.
func TestNoDivisionByZeroIsWritten(t *testing.T) {
	divisor := func(v any) string {
		text, err := Write(lowered(t, "p", func(g *graph.Graph) []*graph.Node {
			x := param(g, "x", dtypes.Int32, 2, 2)
			return []*graph.Node{graph.Div(x, graph.Const(g, v)), graph.Rem(x, graph.ExpandAxes(graph.Const(g, v), 0))}
		}))
		require.NoError(t, err)
		return text
	}
	text := divisor([]int32{3, 0})
	assert.Equal(t, 4, strings.Count(text, "stablehlo.select"), "a divisor with a zero is not replaced:\n%s", text)
	assert.NotContains(t, divisor([]int32{3, -1}), "stablehlo.select", "a divisor without a zero is replaced")
}
