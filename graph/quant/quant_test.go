package quant_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/quant"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// schemes are one of each kind and number of bits. off is how far a number may be from what is held, beside the largest of its group: half of
// the largest distance between what codes mean, for affine ones, of which none may be left for the far end, a whole one.
var schemes = []struct {
	quant.Scheme
	bits int
	off  float64
}{
	{quant.Scheme{}, 4, 2. / 16},
	{quant.Scheme{Bits: 2}, 2, 2. / 4},
	{quant.Scheme{Bits: 8, Group: 32}, 8, 2. / 256},
	{quant.Scheme{Kind: quant.Symmetric, Bits: 2}, 2, 1. / 2},
	{quant.Scheme{Kind: quant.Symmetric}, 4, 1. / 14},
	{quant.Scheme{Kind: quant.Symmetric, Bits: 8, Group: quant.WholeTensor}, 8, 1. / 254},
	{quant.Scheme{Kind: quant.NF4}, 4, 0.152},
	{quant.Scheme{Kind: quant.E4M3FN, Group: 128}, 8, 1. / 28},
	{quant.Scheme{Kind: quant.E5M2, Group: quant.WholeTensor}, 8, 1. / 14},
}

func normal(seed uint64, dims ...int) *tensors.Tensor {
	rng := rand.New(rand.NewPCG(seed, 0))
	t := tensors.FromShape(shapes.Make(dtypes.Float32, dims...))
	flat := make([]float32, t.Size())
	for i := range flat {
		flat[i] = float32(rng.NormFloat64())
	}
	return tensors.FromFlatDataAndDimensions(flat, dims...)
}

// The parts of quantised numbers are ordinary tensors: they are kept, and given to a program that computes with them, whose parameters have
// Bits/8 bytes for a weight, and a scale a group.
func TestProgramsHoldCodes(t *testing.T) {
	backend := backends.MustNew("go")
	w, x := normal(1, 96, 128), normal(2, 3, 128)
	for _, c := range schemes {
		scheme := c.Scheme
		parts := graph.MustCallOnceN(backend, func(w *graph.Node) []*graph.Node { return quant.Quantize(w, scheme).Nodes() }, w)
		held := graph.MustCallOnce(backend, func(in []*graph.Node) *graph.Node { return quant.Dequantize(scheme.Of(in...)) }, anys(parts)...)
		exec := graph.MustNewExec(backend, func(in []*graph.Node) *graph.Node {
			return quant.MatMulTransposed(in[0], scheme.Of(in[1:]...))
		})
		got, g, err := exec.CallWithGraph(append([]any{x}, anys(parts)...)...)
		require.NoError(t, err)
		require.Equal(t, 96*128*c.bits/8, parts[0].ByteSize(), "%v", scheme)
		total := 0
		for _, p := range g.Parameters() {
			total += p.Shape().ByteSize()
		}
		scales := 0
		for _, part := range parts[1:] {
			scales += part.ByteSize()
		}
		require.Equal(t, x.ByteSize()+96*128*c.bits/8+scales, total, "%v: bytes of the program's inputs", scheme)

		want := graph.MustCallOnce(backend, func(x, w *graph.Node) *graph.Node {
			return graph.MatMul(x, graph.Transpose(w, 0, 1))
		}, x, held)
		require.InDeltaSlice(t, tensors.MustCopyFlatData[float32](want), tensors.MustCopyFlatData[float32](got[0]), 1e-4, "%v", scheme)
		require.NoError(t, exec.Close())
	}
}

func anys(list []*tensors.Tensor) (out []any) {
	for _, t := range list {
		out = append(out, t)
	}
	return out
}

// What is held is as near as a scheme's codes allow, in float32 as in other dtypes.
func TestHowFarHeldNumbersAre(t *testing.T) {
	backend := backends.MustNew("go")
	for _, d := range []dtypes.DType{dtypes.Float32, dtypes.Float64, dtypes.Float16, dtypes.BFloat16} {
		for _, c := range schemes {
			scheme := c.Scheme
			x, err := normal(3, 16, 128).ConvertDType(d)
			require.NoError(t, err)
			checkHeld(t, backend, x, scheme, c.off)
		}
	}
}

// Numbers of float16 that are so small that a scale of theirs has few digits, or none.
func TestHowFarSmallHeldNumbersAre(t *testing.T) {
	flat := tensors.MustCopyFlatData[float32](normal(3, 16, 128))
	for i := range flat {
		flat[i] *= 1e-3 / 4
	}
	x, err := tensors.FromFlatDataAndDimensions(flat, 16, 128).ConvertDType(dtypes.Float16)
	require.NoError(t, err)
	for _, c := range schemes {
		// Half of the smallest number of float16 is lost of a scale, as often as a code says.
		lost := 0x1p-25 * float64(int(1)<<c.bits) / 2e-4
		checkHeld(t, backends.MustNew("go"), x, c.Scheme, c.off+lost)
	}
}

// checkHeld checks how far numbers are off, beside the largest of them.
func checkHeld(t *testing.T, backend ir.Backend, x *tensors.Tensor, scheme quant.Scheme, allowed float64) {
	t.Helper()
	d := x.DType()
	out := graph.MustCallOnceN(backend, func(x *graph.Node) []*graph.Node {
		y, wide := quant.FakeQuantize(x, scheme), dtypes.Float64
		off := graph.Sub(graph.ConvertDType(x, wide), graph.ConvertDType(y, wide))
		return []*graph.Node{y, graph.ReduceAllMax(graph.Abs(off)), graph.ReduceAllMax(graph.Abs(graph.ConvertDType(x, wide)))}
	}, x)
	require.Equal(t, d, out[0].DType())
	off, most := out[1].Value().(float64), out[2].Value().(float64)
	require.LessOrEqual(t, off, most*(allowed+dtypes.Epsilon(d)), "%v in %s", scheme, d)
	require.Greater(t, off, 0.0, "%v in %s", scheme, d)
}

// Numbers whose range is more than the largest number have codes that are spread over it.
func TestCodesOfAWideRange(t *testing.T) {
	out := graph.MustCallOnceN(backends.MustNew("go"), func(x *graph.Node) []*graph.Node {
		q := quant.Quantize(x, quant.Scheme{Group: 4})
		return append(q.Nodes(), quant.Unpack(q.Codes, 4, false))
	}, []float32{-3e38, -1e38, 0, 3e38})
	require.Equal(t, []float32{3e38}, out[2].Value())
	require.InEpsilon(t, -3e38/8, float64(out[1].Value().([]float32)[0]), 1e-6)
	require.Equal(t, []uint8{15, 11, 8, 0}, out[3].Value())
}

// Through FakeQuantize gradients flow as if it were not there, and through Quantize none.
func TestStraightThrough(t *testing.T) {
	for _, c := range schemes {
		scheme := c.Scheme
		out := graph.MustCallOnceN(backends.MustNew("go"), func(x *graph.Node) []*graph.Node {
			weight := graph.AddScalar(graph.IotaFull(x.Graph(), x.Shape()), 1)
			through := graph.ReduceAllSum(graph.Mul(quant.FakeQuantize(x, scheme), weight))
			none := graph.ReduceAllSum(graph.Add(x, quant.Dequantize(quant.Quantize(x, scheme))))
			return append(graph.Gradient(through, x), weight, graph.Gradient(none, x)[0])
		}, normal(4, 2, 128))
		require.Equal(t, out[1].Value(), out[0].Value(), "%v", scheme)
		for _, d := range tensors.MustCopyFlatData[float32](out[2]) {
			require.Equal(t, float32(1), d, "%v", scheme)
		}
	}
}

// A group with a NaN or an infinity is not held as if it had none, and others are.
func TestNotFinite(t *testing.T) {
	for _, c := range schemes {
		scheme := c.Scheme
		if scheme.Group == quant.WholeTensor {
			continue
		}
		for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
			x := tensors.MustCopyFlatData[float32](normal(5, 256))
			x[3] = bad
			y := tensors.MustCopyFlatData[float32](graph.MustCallOnce(backends.MustNew("go"), func(x *graph.Node) *graph.Node {
				return quant.FakeQuantize(x, scheme)
			}, x))
			require.False(t, finite(y[3]), "%v: %v became %v", scheme, bad, y[3])
			for i := 128; i < len(y); i++ {
				require.True(t, finite(y[i]), "%v: %v in another group made %v", scheme, bad, y[i])
			}
		}
	}
}

func finite(x float32) bool { return !math.IsNaN(float64(x)) && !math.IsInf(float64(x), 0) }

// MLX holds codes as words of 32 bits, whose bytes are ours.
func TestWordsOfMLX(t *testing.T) {
	words := [][]uint32{{0x76543210, 0xFEDCBA98}}
	got := graph.MustCallOnce(backends.MustNew("go"), func(words, scales, biases *graph.Node) *graph.Node {
		codes := graph.Reshape(graph.Bitcast(words, dtypes.Uint8), 1, -1)
		return quant.Dequantize(quant.Scheme{Bits: 4, Group: 8}.Of(codes, scales, biases))
	}, words, [][]float32{{1, 0.5}}, [][]float32{{0, 10}})
	require.Equal(t, [][]float32{{0, 1, 2, 3, 4, 5, 6, 7, 14, 14.5, 15, 15.5, 16, 16.5, 17, 17.5}}, got.Value())
}

// What does not fit is said in a sentence that names the function, the shapes and the remedy.
func TestWhatDoesNotFit(t *testing.T) {
	g := graph.NewGraph(nil, "g")
	of := func(d dtypes.DType, dims ...int) *graph.Node { return graph.Parameter(g, "", shapes.Make(d, dims...)) }
	f := func(dims ...int) *graph.Node { return of(dtypes.Float32, dims...) }
	u := func(dims ...int) *graph.Node { return of(dtypes.Uint8, dims...) }
	nf4 := quant.Scheme{Kind: quant.NF4}
	w := nf4.Of(u(6, 32), f(6, 1)) // [6 64]
	for want, fn := range map[string]func(){
		"quant.Quantize float32[2 30]: the last axis, of 30, does not divide into groups of 64 (choose another Scheme.Group, or pad the axis)": func() { quant.Quantize(f(2, 30), quant.Scheme{}) },
		"quant.Quantize float32[2 3]: the last axis, of 3 codes of 4 bits, does not fill whole bytes (pad it to a multiple of 2)":              func() { quant.Quantize(f(2, 3), quant.Scheme{Group: 3}) },
		"quant.Quantize float32[]: a scalar has no axis along which numbers form groups":                                                       func() { quant.Quantize(f(), quant.Scheme{}) },
		"quant.Quantize uint8[64]: uint8 is not a dtype that it takes: float (convert it with ConvertDType)":                                   func() { quant.Quantize(u(64), quant.Scheme{}) },
		`quant.Quantize: there is no kind "int4": use one of the constants, such as quant.Affine`:                                              func() { quant.Quantize(f(64), quant.Scheme{Kind: "int4"}) },
		"quant.Quantize: nf4 has codes of [4] bits, not of 8":                                                                                  func() { quant.Quantize(f(64), quant.Scheme{Kind: quant.NF4, Bits: 8}) },
		"quant.Quantize: a group cannot have -2 numbers (quant.WholeTensor is one group of all)":                                               func() { quant.Quantize(f(64), quant.Scheme{Group: -2}) },
		"quant.Quantize: an operand is nil":                                                                                 func() { quant.Quantize(nil, nf4) },
		"quant.Of: 3 parts, but these numbers have 2: [codes scales]":                                                       func() { nf4.Of(u(32), f(1), f(1)) },
		"quant.Of: the scales of float32[2 64] in groups of 64 are float32[2 1], not float32[2 2]":                          func() { nf4.Of(u(2, 32), f(2, 2)) },
		"quant.Of: biases and scales have one shape, not float32[] and float32[1]":                                          func() { quant.Scheme{}.Of(u(32), f(1), f()) },
		"quant.Of uint32[8]: codes are uint8, not uint32 (see Pack, and Bitcast for uint32 and float8)":                     func() { nf4.Of(of(dtypes.Uint32, 8), f(1)) },
		"quant.Dequantize: a part of the quantised numbers is nil":                                                          func() { quant.Dequantize(quant.Quantized{}) },
		"quant.MatMulTransposed float32[2 6] · float32[6 64]: inner axes differ: 6 against 64":                              func() { quant.MatMulTransposed(f(2, 6), w) },
		"quant.MatMul float32[2 64] · float32[6 64]: inner axes differ: 64 against 6":                                       func() { quant.MatMul(f(2, 64), w) },
		"quant.MatMul int32[6] · float32[6 64]: x is a float, not int32 (convert it with ConvertDType)":                     func() { quant.MatMul(of(dtypes.Int32, 6), w) },
		"quant.Rows float32[2]: indices are integers, not float32 (convert them with ConvertDType)":                         func() { quant.Rows(w, f(2)) },
		"quant.GatherMatMul float32[6 64]: the quantised array has three axes: experts, rows and columns of their matrices": func() { quant.GatherMatMul(f(2, 64), w, of(dtypes.Int32, 2)) },
		"quant.Pack uint8[2 5]: the last axis, of 5 codes of 2 bits, does not fill whole bytes (pad it to a multiple of 4)": func() { quant.Pack(u(2, 5), 2) },
		"quant.Pack uint8[8]: codes have 1 to 6 or 8 bits, not 7":                                                           func() { quant.Pack(u(8), 7) },
		"quant.Pack uint8[6]: the last axis, of 6 codes of 6 bits, does not fill whole bytes (pad it to a multiple of 4)":   func() { quant.Pack(u(6), 6) },
		"quant.Unpack uint8[4]: 4 bytes are no whole number of codes of 3 bits":                                             func() { quant.Unpack(u(4), 3, false) },
		"quant.Dequantize uint8[4]: 4 bytes are no whole number of codes of 5 bits": func() {
			quant.Dequantize(quant.Quantized{Scheme: quant.Scheme{Bits: 5}, Codes: u(4), Scales: f(1), Biases: f(1)})
		},
		"quant.Of float32[1]: scales of mxfp4 are uint8, not float32":         func() { quant.Scheme{Kind: quant.MXFP4}.Of(u(16), f(1)) },
		"quant.Unpack float32[8]: bytes are uint8, not float32 (see Bitcast)": func() { quant.Unpack(f(8), 4, true) },
	} {
		require.ErrorContains(t, graph.Catch(fn), want)
	}
	require.NoError(t, graph.Catch(func() { require.Equal(t, "float32[6 64]", w.Shape().String()) }))
}

// Rows are multiplied alike, however many there are: more than 32, of which the engine go makes the numbers of the weights, and fewer. Neither rounds x;
// of narrow dtypes the numbers of weights that are made are rounded to the dtype, once.
func TestManyRowsAreMultipliedAsFewAre(t *testing.T) {
	const n, k = 24, 128
	backend := backends.MustNew("go")
	held := normal(5, n, k)
	for _, scheme := range []quant.Scheme{{Bits: 4, Group: 32}, {Bits: 8, Group: 64}, {Kind: quant.NF4, Bits: 4, Group: 64}} {
		parts := graph.MustCallOnceN(backend, func(w *graph.Node) []*graph.Node {
			q := quant.Quantize(w, scheme)
			return append(q.Nodes(), quant.Dequantize(q))
		}, held)
		w := tensors.MustCopyFlatData[float32](parts[len(parts)-1])
		exec := graph.MustNewExec(backend, func(in []*graph.Node) []*graph.Node {
			return []*graph.Node{graph.ConvertDType(quant.MatMulTransposed(in[0], scheme.Of(in[1:]...)), dtypes.Float64)}
		})
		for _, d := range []dtypes.DType{dtypes.Float32, dtypes.Float16, dtypes.BFloat16} {
			for _, m := range []int{1, 32, 33, 65} {
				x, err := normal(9, m, k).ConvertDType(d)
				require.NoError(t, err)
				y := exec.MustCall(anys(append([]*tensors.Tensor{x}, parts[:len(parts)-1]...))...)[0]
				for i := range m {
					for j := range n {
						sum, size := 0.0, 0.0
						for l := range k {
							p := x.Float64At(i*k+l) * float64(w[j*k+l])
							sum, size = sum+p, size+math.Abs(p)
						}
						bound := 1e-6 * size // sums of float32
						if d != dtypes.Float32 {
							bound += dtypes.Epsilon(d) * size // weights, and the result
						}
						require.InDelta(t, sum, y.Float64At(i*n+j), bound, "%v, %s, %d rows: row %d, column %d", scheme, d, m, i, j)
					}
				}
			}
		}
		require.NoError(t, exec.Close())
	}
}
