package gocpu

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// layouts are ways in which the operands of a product may lie: x is [m, k] and w is [k, n], or each the other way around, or there
// is a batch of them.
var layouts = []struct {
	name    string
	batch   int // 0 for none
	x, w    func(m, k int) []int
	product func(x, w *graph.Node) *graph.Node
}{
	{"plain", 0, asIs, asIs, graph.MatMul},
	{"w across", 0, asIs, across, func(x, w *graph.Node) *graph.Node { return graph.MatMul(x, graph.Transpose(w, 0, 1)) }},
	{"x across", 0, across, asIs, func(x, w *graph.Node) *graph.Node { return graph.MatMul(graph.Transpose(x, 0, 1), w) }},
	{"both across", 0, across, across, func(x, w *graph.Node) *graph.Node {
		return graph.MatMul(graph.Transpose(x, 0, 1), graph.Transpose(w, 0, 1))
	}},
	{"a batch", 3, asIs, asIs, graph.MatMul},
}

func asIs(m, k int) []int   { return []int{m, k} }
func across(m, k int) []int { return []int{k, m} }

// epilogue is what is done with a product y of n columns, given a row, a column, a number, and a tensor of y's shape.
type epilogue struct {
	name  string
	fn    func(y, row, column, number, other *graph.Node) []*graph.Node
	short bool // with rows of fewer than minRow it is none
}

func epilogues() []epilogue {
	one := func(name string, fn func(y, row, column, number, other *graph.Node) *graph.Node) epilogue {
		return epilogue{name: name, fn: func(y, row, column, number, other *graph.Node) []*graph.Node {
			return []*graph.Node{fn(y, row, column, number, other)}
		}}
	}
	short := func(e epilogue) epilogue { e.short = true; return e }
	list := []epilogue{
		one("bias", func(y, row, _, _, _ *graph.Node) *graph.Node { return graph.Add(y, row) }),
		one("residual", func(y, row, _, _, other *graph.Node) *graph.Node { return graph.Add(graph.Add(y, row), other) }),
		short(one("column", func(y, _, column, _, _ *graph.Node) *graph.Node { return graph.Mul(y, column) })),
		short(one("row, column and number", func(y, row, column, number, _ *graph.Node) *graph.Node {
			return graph.Mul(graph.Add(graph.Mul(y, number), row), column)
		})),
		one("gradient of relu", func(y, _, _, _, other *graph.Node) *graph.Node {
			return graph.Where(graph.IsPositive(other), y, graph.ZerosLike(y))
		}),
		{name: "two results", fn: func(y, row, _, _, other *graph.Node) []*graph.Node {
			sum := graph.Add(y, row)
			return []*graph.Node{sum, graph.Mul(graph.Tanh(sum), other)}
		}},
		{name: "the product itself, too", fn: func(y, row, _, _, _ *graph.Node) []*graph.Node { return []*graph.Node{graph.Add(y, row), y} }},
		{name: "a mask", fn: func(y, row, _, _, _ *graph.Node) []*graph.Node { return []*graph.Node{graph.GreaterThan(y, row)} }},
	}
	for _, d := range []dtypes.DType{dtypes.Float32, dtypes.BFloat16, dtypes.Float16} {
		list = append(list, one("to "+d.String(), func(y, row, _, _, _ *graph.Node) *graph.Node {
			return graph.ConvertDType(graph.Square(graph.Add(y, row)), d)
		}))
	}
	for name, f := range map[string]func(x *graph.Node) *graph.Node{"Relu": graph.Relu, "Gelu": graph.Gelu, "GeluApproximate": graph.GeluApproximate,
		"Tanh": graph.Tanh, "Sigmoid": graph.Sigmoid, "Silu": graph.Silu} {
		list = append(list,
			one(name, func(y, row, _, _, _ *graph.Node) *graph.Node { return f(graph.Add(y, row)) }),
			one("gradient of "+name, func(y, _, _, _, other *graph.Node) *graph.Node { // of what y is the gradient of
				return graph.Gradient(graph.ReduceAllSum(graph.Mul(f(other), graph.StopGradient(y))), other)[0]
			}))
	}
	return list
}

// TestEpiloguesMeanWhatFollowsTheProduct compares the bits of products that finish what follows them with those of a step for each,
// over dtypes, layouts, epilogues and sizes: of one block and of several, with few rows or columns, with parts of the sum.
func TestEpiloguesMeanWhatFollowsTheProduct(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	sizes := [][3]int{{1, 1, 1}, {3, 70, 5}, {70, 3, 130}, {9, 17, 33}, {1, 200, 300}, {200, 1, 300}, {150, 10, 20}, {130, 129, 40}, {20, 1100, 8}, {290, 260, 30}, {33, 40, 4000}}
	for _, dtype := range []dtypes.DType{dtypes.Float32, dtypes.BFloat16, dtypes.Float16} {
		for _, l := range layouts {
			for s, size := range sizes {
				for e, c := range epilogues() {
					if (dtype != dtypes.Float32 || testing.Short()) && (s+e)%3 > 0 { // every epilogue, and every size
						continue
					}
					m, n, k := size[0], size[1], size[2]
					of := func(dims ...int) *tensors.Tensor {
						if l.batch > 0 && len(dims) == 2 {
							dims = append([]int{l.batch}, dims...)
						}
						x, err := floats(rng, dims...).ConvertDType(dtype)
						require.NoError(t, err)
						return x
					}
					in := []*tensors.Tensor{of(l.x(m, k)...), of(l.w(k, n)...), of(n), of(m, 1), of(), of(m, n)}
					fn := func(_ *graph.Graph, in []*graph.Node) []*graph.Node {
						return c.fn(l.product(in[0], in[1]), in[2], in[3], in[4], in[5])
					}
					name := fmt.Sprintf("%s, %s, %v: %s", dtype, l.name, size, c.name)
					_, apart, fused := Fusions(Options{Workers: 1 + s%3})
					assert.Equal(t, results(t, apart, fn, in), results(t, fused, fn, in), name)
					code := compileAs(t, fused, fn, in)
					for _, step := range code.steps {
						if c.short && n < minRow {
							break // short rows of single numbers make no group
						}
						assert.True(t, step.op != ops.DotGeneral, "%s: the product is a step of its own", name)
					}
					require.NoError(t, checkPlan(code, (&Steps{f: &frame{code: code}}).After), name)
				}
			}
		}
	}
}

// TestEpiloguesOverwriteNoFactor: results lie on operands where they may, but not on what the product still reads, and what takes
// the product's place is written before its operands are read.
func TestEpiloguesOverwriteNoFactor(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	const n = 160
	in := []*tensors.Tensor{floats(rng, n, n), floats(rng, n, n), floats(rng, n, n)}
	for name, fn := range map[string]func(x, w, z *graph.Node) []*graph.Node{
		"a factor is added": func(x, w, _ *graph.Node) []*graph.Node { return []*graph.Node{graph.Add(graph.MatMul(x, w), x)} },
		"both are": func(x, w, _ *graph.Node) []*graph.Node {
			return []*graph.Node{graph.Add(graph.Add(graph.MatMul(x, w), x), w)}
		},
		"one matrix is both": func(x, _, z *graph.Node) []*graph.Node {
			return []*graph.Node{graph.Mul(graph.MatMul(x, x), x), graph.Exp(z)}
		},
		"what is subtracted from": func(x, w, z *graph.Node) []*graph.Node { return []*graph.Node{graph.Sub(z, graph.MatMul(x, w)), x} },
		"two results": func(x, w, z *graph.Node) []*graph.Node {
			y := graph.MatMul(x, w)
			return []*graph.Node{graph.Sub(y, z), graph.Add(y, x)}
		},
		"an operand is packed for two": func(x, w, z *graph.Node) []*graph.Node {
			return []*graph.Node{graph.Relu(graph.MatMul(x, w)), graph.Tanh(graph.MatMul(z, w))}
		},
		"a value within": func(x, w, z *graph.Node) []*graph.Node {
			y := graph.Exp(z)
			return []*graph.Node{graph.Tanh(graph.Add(graph.MatMul(x, w), y))}
		},
		"a value that is a factor": func(x, w, z *graph.Node) []*graph.Node {
			y := graph.Exp(z)
			return []*graph.Node{graph.Tanh(graph.Add(graph.MatMul(y, w), y)), x}
		},
	} {
		build := func(_ *graph.Graph, in []*graph.Node) []*graph.Node { return fn(in[0], in[1], in[2]) }
		for workers := range 3 {
			plain, _, fused := Fusions(Options{Workers: 1 + workers})
			_, apart, _ := Fusions(plain)
			assert.Equal(t, results(t, apart, build, in), results(t, fused, build, in), name)
		}
	}
}
