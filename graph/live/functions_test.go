package live_test

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/fast"
	"github.com/quire-ml/quire/graph/live"
	"github.com/quire-ml/quire/graph/quant"
	"github.com/quire-ml/quire/graph/random"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/golden"
)

// The names that the calls below use.
var (
	x       = live.Of([][]float32{{1, 2}, {3, 4}})
	y       = live.Of([][]float32{{4, 3}, {2, 1}})
	v       = live.Of([]float32{3, 1, 2})
	w       = live.Of([]float32{1, 2})
	yes     = live.Of([]bool{true, false})
	no      = live.Of([]bool{false, false})
	heads   = live.Of([][][][]float32{{{{1, 0}, {0, 1}}}}) // [batch, heads, time, channels]
	weights = live.Linspace(-1, 1, 64).Reshape(2, 32)
	image   = live.Arange(9).Reshape(1, 3, 3, 1)
	corner  = live.Of([]float32{1, 0, 0, 0}).Reshape(2, 2, 1, 1)
	ctx     = context.Background()
)

// scheme is how weights are held in 8 bits.
var scheme = quant.Scheme{Kind: quant.Affine, Bits: 8, Group: 32}

// function says how the functions of another library are called here, and what the call gives for the arrays above.
type function struct {
	names string // of Ollama's bindings of MLX, those that one call stands for
	call  func() any
	want  any
}

// functions are by area.
var functions = []struct {
	area string
	list []function
}{
	{"Properties and values", []function{
		{"Ndim", func() any { return x.Rank() }, 2},
		{"Size", func() any { return x.Size() }, 4},
		{"Dim", func() any { return x.Dim(-1) }, 2},
		{"Shape", func() any { return x.Shape().Dimensions }, []int{2, 2}},
		{"Dtype", func() any { return x.DType() }, dtypes.Float32},
		{"ItemSize", func() any { return x.DType().Size() }, 4},
		{"Nbytes", func() any { return x.ByteSize() }, 16},
		{"Valid IsValid", func() any { return x.Err() == nil }, true},
		{"IsContiguous Contiguous", func() any { return x.Shape().Strides() }, []int{2, 1}},
		{"Kept", func() any { return x.Kept() }, false},
		{"String", func() any { return w.String() }, "float32[2]\n[1 2]"},
		{"Data", func() any { return live.MustValues[float32](x) }, []float32{1, 2, 3, 4}},
		{"DataInt32", func() any { return live.MustValues[int32](x.ConvertDType(dtypes.Int32)) }, []int32{1, 2, 3, 4}},
		{"Item ItemInt32", func() any { return live.MustItem[float32](x.At(1, 0)) }, float32(3)},
		{"Bytes", func() any { return must(yes.Bytes()) }, []byte{1, 0}},
	}},
	{"Making arrays", []function{
		{"NewArray NewArrayFloat32 NewArrayInt32", func() any { return live.Of([]int32{1, 2}) }, []int32{1, 2}},
		{"NewArrayFromBytes", func() any { return live.FromBytes([]byte{1, 2}, dtypes.Uint8, 2) }, []uint8{1, 2}},
		{"NewScalarArray", func() any { return live.Of(float32(3)) }, float32(3)},
		{"Zeros", func() any { return live.Zeros(2) }, []float32{0, 0}},
		{"ZerosLike", func() any { return w.ZerosLike() }, []float32{0, 0}},
		{"Ones", func() any { return live.Ones(2) }, []float32{1, 1}},
		{"Full", func() any { return live.Full(7, 2) }, []float32{7, 7}},
		{"FullDtype", func() any { return live.Full(7, 2).ConvertDType(dtypes.Int8) }, []int8{7, 7}},
		{"Arange", func() any { return live.Arange(0, 1, 0.5) }, []float32{0, 0.5}},
		{"ArangeInt", func() any { return live.Arange(3).ConvertDType(dtypes.Int32) }, []int32{0, 1, 2}},
		{"Linspace", func() any { return live.Linspace(0, 1, 3) }, []float32{0, 0.5, 1}},
		{"Tri", func() any { return live.Tri(2, 2, 0) }, [][]float32{{1, 0}, {1, 1}}},
	}},
	{"Element by element", []function{
		{"Add AddRaw AddScalar", func() any { return x.Add(y) }, [][]float32{{5, 5}, {5, 5}}},
		{"Sub", func() any { return x.Sub(y) }, [][]float32{{-3, -1}, {1, 3}}},
		{"Mul MulScalar", func() any { return x.Mul(0.5) }, [][]float32{{0.5, 1}, {1.5, 2}}},
		{"Div DivScalar DivScalarInt", func() any { return x.Div(2) }, [][]float32{{0.5, 1}, {1.5, 2}}},
		{"FloorDivideScalar", func() any { return x.FloorDiv(2) }, [][]float32{{0, 1}, {1, 2}}},
		{"Pow", func() any { return x.Pow(y) }, [][]float32{{1, 8}, {9, 4}}},
		{"Max", func() any { return x.Maximum(y) }, [][]float32{{4, 3}, {3, 4}}},
		{"Min", func() any { return x.Minimum(y) }, [][]float32{{1, 2}, {2, 1}}},
		{"Neg", func() any { return w.Neg() }, []float32{-1, -2}},
		{"Abs", func() any { return w.Neg().Abs() }, []float32{1, 2}},
		{"Sqrt", func() any { return x.Sqrt().At(1, 1) }, float32(2)},
		{"RSqrt", func() any { return x.Rsqrt().At(1, 1) }, float32(0.5)},
		{"Square", func() any { return w.Square() }, []float32{1, 4}},
		{"Exp", func() any { return w.Exp() }, []float32{2.7182817, 7.389056}},
		{"Log", func() any { return w.Log() }, []float32{0, 0.6931472}},
		{"Sin", func() any { return w.Sin() }, []float32{0.84147098, 0.90929743}},
		{"Cos", func() any { return w.Cos() }, []float32{0.54030231, -0.41614684}},
		{"Erf", func() any { return w.Erf() }, []float32{0.84270079, 0.99532227}},
		{"Tanh", func() any { return w.Tanh() }, []float32{0.76159416, 0.96402758}},
		{"Sigmoid", func() any { return w.Sigmoid() }, []float32{0.73105858, 0.88079708}},
		{"ReLU", func() any { return w.Sub(1.5).Relu() }, []float32{0, 0.5}},
		{"SiLU", func() any { return w.Silu() }, []float32{0.73105858, 1.76159416}},
		{"GELU", func() any { return w.Gelu() }, []float32{0.84134475, 1.95449974}},
		{"Clip ClipScalar", func() any { return v.Clip(1.5, 2.5) }, []float32{2.5, 1.5, 2}},
		{"Where", func() any { return w.Where(yes, 9) }, []float32{1, 9}},
	}},
	{"Comparisons", []function{
		{"LessScalar LessArray", func() any { return w.Less(2) }, []bool{true, false}},
		{"GreaterEqual", func() any { return w.GreaterOrEqual(2) }, []bool{false, true}},
		{"LogicalAnd", func() any { return yes.And(no) }, []bool{false, false}},
		{"IsClose", func() any { return w.IsClose([]float64{1, 2.1}, 1e-5, 1e-8) }, []bool{true, false}},
		{"IsCloseEqualNaN", func() any { return w.IsClose(w, 1e-5, 1e-8).Or(w.IsNaN().And(w.IsNaN())) }, []bool{true, true}},
		{"AllClose", func() any { return w.AllClose(w, 1e-5, 1e-8) }, true},
		{"AllCloseEqualNaN", func() any { return w.IsClose(w, 1e-5, 1e-8).Or(w.IsNaN().And(w.IsNaN())).All() }, true},
		{"ArrayEqual", func() any { return x.ArrayEqual(y) }, false},
		{"ArrayEqualNaN", func() any { return x.Equal(x).Or(x.IsNaN().And(x.IsNaN())).All() }, true},
	}},
	{"Reductions and order", []function{
		{"Sum", func() any { return x.Sum(0) }, []float32{4, 6}},
		{"SumAll", func() any { return x.Sum() }, float32(10)},
		{"Mean", func() any { return x.Mean(1) }, []float32{1.5, 3.5}},
		{"MeanAll", func() any { return x.Mean() }, float32(2.5)},
		{"Var", func() any { return x.Var() }, float32(1.25)},
		{"ReduceMax", func() any { return x.Max(0) }, []float32{3, 4}},
		{"Argmax", func() any { return y.ArgMax(1) }, []int32{0, 0}},
		{"ArgmaxAll", func() any { return y.ArgMax() }, int32(0)},
		{"ArgmaxKeepArray", func() any { return y.ArgMax(1).ExpandDims(1) }, [][]int32{{0}, {0}}},
		{"SampleArgmax", func() any { return live.Normal(3).Mul(0).Add(v).ArgMax() }, int32(0)},
		{"Softmax", func() any { return live.Zeros(4).Softmax() }, []float32{0.25, 0.25, 0.25, 0.25}},
		{"Cumsum", func() any { return v.CumSum() }, []float32{3, 4, 6}},
		{"TopK", func() any { values, _ := v.TopK(2, 0); return values }, []float32{3, 2}},
		{"Argsort Argpartition", func() any { return v.ArgSort() }, []int32{1, 2, 0}},
	}},
	{"Shapes and indices", []function{
		{"Reshape View", func() any { return x.Reshape(4) }, []float32{1, 2, 3, 4}},
		{"Transpose", func() any { return x.Transpose(1, 0) }, [][]float32{{1, 3}, {2, 4}}},
		{"Flatten", func() any { return x.Flatten() }, []float32{1, 2, 3, 4}},
		{"FlattenRange", func() any { return image.Reshape(3, -1).At(0) }, []float32{0, 1, 2}},
		{"Squeeze", func() any { return image.Squeeze(0, 3).At(2) }, []float32{6, 7, 8}},
		{"ExpandDims", func() any { return w.ExpandDims(1) }, [][]float32{{1}, {2}}},
		{"BroadcastTo", func() any { return w.BroadcastTo(2, 2) }, [][]float32{{1, 2}, {1, 2}}},
		{"Tile", func() any { return w.Tile(2) }, []float32{1, 2, 1, 2}},
		{"Pad", func() any { return w.Pad(0, [2]int{1, 1}) }, []float32{0, 1, 2, 0}},
		{"Concat Concatenate", func() any { return live.Concatenate(0, w, v) }, []float32{1, 2, 3, 1, 2}},
		{"Stack", func() any { return live.Stack(0, w, w) }, [][]float32{{1, 2}, {1, 2}}},
		{"Slice SliceStride SliceAxis", func() any { return v.Slice("::2") }, []float32{3, 2}},
		{"SliceUpdate SliceUpdateInplace", func() any { return v.SetSlice("1:", 0) }, []float32{3, 0, 0}},
		{"AsStrided", func() any { return live.Stack(0, v.Slice("0:2"), v.Slice("1:3")) }, [][]float32{{3, 1}, {1, 2}}},
		{"AsType", func() any { return w.ConvertDType(dtypes.Int64) }, []int64{1, 2}},
		{"ToBFloat16", func() any { return w.ConvertDType(dtypes.BFloat16).ConvertDType(dtypes.Float32) }, []float32{1, 2}},
		{"Take Gather EmbeddingLookup", func() any { return x.Take([]int{1, 1, 0}, 0) }, [][]float32{{3, 4}, {3, 4}, {1, 2}}},
		{"TakeAlongAxis", func() any { return x.TakeAlongAxis([][]int{{1}, {0}}, 1) }, [][]float32{{2}, {3}}},
		{"PutAlongAxis", func() any { return x.PutAlongAxis([][]int{{1}, {0}}, 0, 1) }, [][]float32{{1, 0}, {0, 4}}},
	}},
	{"Matrices and convolutions", []function{
		{"Matmul Linear", func() any { return x.MatMul(y) }, [][]float32{{8, 5}, {20, 13}}},
		{"AddMM", func() any { return x.AddMM(x, y, 2, 1) }, [][]float32{{17, 12}, {43, 30}}},
		{"GatherMM", func() any { return x.ExpandDims(1).MatMul(live.Stack(0, x, y).Take([]int{1, 0}, 0)).Squeeze(1) }, [][]float32{{8, 5}, {15, 22}}},
		{"Conv2d Conv1d Conv3d DepthwiseConv1d", func() any {
			return live.Call1(func(x, k *graph.Node) *graph.Node { return graph.Convolve(x, k).Done() }, image, corner).Flatten()
		}, []float32{0, 1, 3, 4}},
		{"ConvTranspose1d", func() any {
			return live.Call1(func(x, k *graph.Node) *graph.Node {
				return graph.Convolve(x, k).PaddingPerDim([][2]int{{1, 1}, {1, 1}}).Done()
			}, image, corner).At(0, 3, 3, 0)
		}, float32(8)},
	}},
	{"Fast", []function{
		{"RMSNorm", func() any {
			return live.Call1(func(x, w *graph.Node) *graph.Node { return fast.RMSNorm(x, w, 0) }, []float32{3, 3}, []float32{1, 2})
		}, []float32{1, 2}},
		{"RMSNormNoWeight", func() any {
			return live.Call1(func(x *graph.Node) *graph.Node { return fast.RMSNorm(x, nil, 0) }, []float32{3, 3})
		}, []float32{1, 1}},
		{"LayerNorm", func() any {
			return live.Call1(func(x *graph.Node) *graph.Node { return fast.LayerNorm(x, nil, nil, 0) }, []float32{1, 3})
		}, []float32{-1, 1}},
		{"LayerNormWithWeightBias", func() any {
			return live.Call1(func(x, w, b *graph.Node) *graph.Node { return fast.LayerNorm(x, w, b, 0) }, []float32{1, 3}, []float32{1, 1}, []float32{1, 1})
		}, []float32{0, 2}},
		{"RoPE", func() any {
			return live.Call1(func(x *graph.Node) *graph.Node { return fast.RoPE(x).Done() }, heads).At(0, 0, 1)
		}, []float32{-0.84147098, 0.54030231}},
		{"RoPEWithFreqs", func() any {
			return live.Call1(func(x, f *graph.Node) *graph.Node { return fast.RoPE(x).Frequencies(f).Done() }, heads, []float32{1}).At(0, 0, 1)
		}, []float32{-0.84147098, 0.54030231}},
		{"ScaledDotProductAttention", func() any {
			return live.Call1(func(q, k, v *graph.Node) *graph.Node {
				return fast.ScaledDotProductAttention(q, k, v).Causal(true).Done()
			}, heads, heads, heads).At(0, 0, 0)
		}, []float32{1, 0}},
		{"ScaledDotProductAttentionWithSinks", func() any {
			return live.Call1(func(q, k, v, s *graph.Node) *graph.Node {
				return fast.ScaledDotProductAttention(q, k, v).Causal(true).Sinks(s).Done()
			}, heads, heads, heads, []float32{0}).At(0, 0, 0)
		}, []float32{0.6697615, 0}},
	}},
	{"Few bits", []function{
		{"Quantize", func() any {
			return live.Call(func(w *graph.Node) []*graph.Node { return quant.Quantize(w, scheme).Nodes() }, weights)[0].Shape().String()
		}, "uint8[2 32]"},
		{"Dequantize", func() any {
			parts := live.Call(func(w *graph.Node) []*graph.Node { return quant.Quantize(w, scheme).Nodes() }, weights)
			back := live.Call1(func(p []*graph.Node) *graph.Node { return quant.Dequantize(scheme.Of(p...)) }, parts[0], parts[1], parts[2])
			return back.AllClose(weights, 0, 0.01)
		}, true},
		{"QuantizedMatmul", func() any {
			parts := live.Call(func(w *graph.Node) []*graph.Node { return quant.Quantize(w, scheme).Nodes() }, weights)
			y := live.Call1(func(p []*graph.Node) *graph.Node { return quant.MatMulTransposed(p[0], scheme.Of(p[1:]...)) }, live.Ones(1, 32), parts[0], parts[1], parts[2])
			return y.AllClose(weights.Sum(1), 0, 0.3)
		}, true},
		{"GatherQMM", func() any {
			parts := live.Call(func(w *graph.Node) []*graph.Node { return quant.Quantize(w, scheme).Nodes() }, weights.Reshape(2, 1, 32))
			y := live.Call1(func(p []*graph.Node) *graph.Node { return quant.GatherMatMul(p[0], scheme.Of(p[2:]...), p[1]) }, live.Ones(2, 1, 32), live.Of([]int32{1, 0}), parts[0], parts[1], parts[2])
			return y.At(0, 0, 0).AllClose(weights.At(1).Sum(), 0, 0.3)
		}, true},
	}},
	{"Random numbers", []function{
		{"RandomState", func() any { live.Seed(1); return live.Normal(2).Size() }, 2},
		{"RandomKey RandomSplit", func() any { return live.Key().ArrayEqual(live.Key()) }, false},
		{"RandomNormal RandN", func() any { return live.Normal(1000).Mean().Abs().Less(0.2) }, true},
		{"RandomNormalWithDtype", func() any { return live.Normal(3).ConvertDType(dtypes.Float16).DType() }, dtypes.Float16},
		{"RandomUniform", func() any { return live.Uniform(100).Clip(0, 1).Size() }, 100},
		{"RandomCategorical RandomCategoricalWithKey", func() any {
			_, i := live.Call2(func(key, logits *graph.Node) (next, i *graph.Node) { return random.Categorical(key, logits) }, live.Key(), []float32{-100, 0, -100})
			return i.Equal(1).All()
		}, true},
	}},
	{"Evaluation and memory", []function{
		{"Eval Sync Synchronize", func() any { return live.Eval(ctx, x.Add(1)) }, nil},
		{"AsyncEval", func() any { return live.AsyncEval(ctx, x.Add(1)).Wait(ctx) }, nil},
		{"Keep", func() any { z := x.Add(1); live.Keep(z); return z.Kept() }, true},
		{"Free FreeStruct ReleaseAll", func() any { z := x.Add(1); live.Release(z); return z.Evaluated() }, false},
		{"DebugArrays DebugArraysVerbose MetalGetActiveMemory MetalGetPeakMemory MetalGetCacheMemory", func() any { return live.Memory().Live > 0 }, true},
		{"MetalResetPeakMemory", func() any { live.ResetPeak(); return live.Memory().Peak == live.Memory().Live }, true},
		{"ClearCache SetCacheLimit", func() any { tensors.TrimPool(); return tensors.Stats().Pooled }, int64(0)},
		{"SetMemoryLimit GetMemoryLimit MetalSetWiredLimit", func() any { live.SetLimit(1 << 30); return live.Memory().Limit }, int64(1 << 30)},
		{"Compile CompileShapeless Call CallEval EnableCompile DisableCompile SetCompileMode", func() any {
			return live.Call1(func(x *graph.Node) *graph.Node { return graph.Mul(x, graph.Sigmoid(x)) }, live.Zeros(1))
		}, []float32{0}},
		{"SetDefaultDeviceCPU SetDefaultDeviceGPU GetDefaultDeviceType", func() any {
			s := must(live.NewSession(backends.MustNew("go")))
			return must(s.Backend()).Name()
		}, "go"},
		{"GPUIsAvailable MetalIsAvailable IsMLXAvailable", func() any { return len(backends.List()) > 0 }, true},
	}},
	{"Files", []function{
		{"LoadNpy", func() any { return live.Load("testdata/none.npy").Err() != nil }, true},
	}},
}

// absent are those that have nothing in their place here, with the reason.
var absent = []struct{ names, why string }{
	{"NewStream SetDefaultStream GetDefaultStream SynchronizeStream", "an engine orders its work itself; what is to run beside other work is begun by live.AsyncEval"},
	{"Collect", "arrays need no list of what is to be kept: what is not held is collected"},
	{"MetalStartCapture MetalStopCapture", "graph.WithProfile tells of what an Exec runs"},
	{"LoadSafetensorsNative Get Set GetMetadata Count SaveSafetensors SaveSafetensorsWithMetadata", "package ml/checkpoints/safetensors reads and writes tensors, which live.Of takes"},
	{"InitMLX GetMLXInitError RestoreDefaultErrorHandler", "nothing is to be begun or ended; errors are values"},
}

// Every function has a call here that gives what it must (M6).
func TestFunctions(t *testing.T) {
	defer live.SetLimit(0)
	count := 0
	for _, area := range functions {
		for _, f := range area.list {
			count += len(strings.Fields(f.names))
			t.Run(strings.Fields(f.names)[0], func(t *testing.T) {
				got := f.call()
				a, isArray := got.(*live.Array)
				if !isArray {
					if err, isError := got.(error); isError {
						require.NoError(t, err)
					}
					assert.Equal(t, f.want, got)
					return
				}
				value, err := a.Tensor()
				require.NoError(t, err)
				want := tensors.FromValue(f.want)
				require.Equal(t, want.Shape().String(), value.Shape().String())
				assert.True(t, value.Equal(want) || want.DType().IsFloat() && value.InDelta(want, 1e-5), "%v, want %v", value, want)
			})
		}
	}
	assert.Greater(t, count, 130)
}

// docs/live-functions.md lists them as the source of this test has them.
func TestFunctionsAreListed(t *testing.T) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "functions_test.go", nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	calls := map[string]string{} // by names
	ast.Inspect(file, func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if !ok || len(lit.Elts) != 3 {
			return true
		}
		names, ok := lit.Elts[0].(*ast.BasicLit)
		fn, isFunc := lit.Elts[1].(*ast.FuncLit)
		if ok && isFunc {
			var text []string
			for _, s := range fn.Body.List {
				var b bytes.Buffer
				if r, isReturn := s.(*ast.ReturnStmt); isReturn {
					require.NoError(t, printer.Fprint(&b, set, r.Results[0]))
				} else {
					require.NoError(t, printer.Fprint(&b, set, s))
				}
				text = append(text, strings.Join(strings.Fields(b.String()), " "))
			}
			calls[strings.Trim(names.Value, `"`)] = strings.Join(text, "; ")
		}
		return true
	})
	var b strings.Builder
	b.WriteString("# Functions of MLX, and their calls here\n\n")
	b.WriteString("Written by `go test ./graph/live -run FunctionsAreListed -update` from `graph/live/functions_test.go`, which runs each call and compares what it gives. The\n")
	b.WriteString("names are those of Ollama's Go bindings; x, y, v and w are arrays. [Live arrays](live.md) says what they are.\n")
	for _, area := range functions {
		fmt.Fprintf(&b, "\n## %s\n| there | here |\n|---|---|\n", area.area)
		for _, f := range area.list {
			call := calls[f.names]
			require.NotEmpty(t, call, f.names)
			fmt.Fprintf(&b, "| %s | `%s` |\n", strings.ReplaceAll(f.names, " ", ", "), strings.ReplaceAll(call, "|", "\\|"))
		}
	}
	b.WriteString("\n## Without a call\n| there | why |\n|---|---|\n")
	for _, a := range absent {
		fmt.Fprintf(&b, "| %s | %s |\n", strings.ReplaceAll(a.names, " ", ", "), a.why)
	}
	golden.Check(t, "../../docs/live-functions.md", b.String())
}
