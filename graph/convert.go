package graph

import (
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// ConvertDType returns x with its elements converted to dtype, by the rules of package dtypes: floats
// become integers towards zero and saturate, anything becomes a bool by x ≠ 0, complex numbers lose
// their imaginary part. It is the way into and out of the dtypes for storage ([dtypes.Storage]), which
// ops other than those that move elements refuse; through them, as through integers, no gradient flows.
func ConvertDType(x *Node, dtype dtypes.DType) *Node {
	if x.DType() == dtype {
		return x
	}
	return Apply(convertDType, ir.DTypeAttrs{DType: dtype}, x)
}

var convertDType *ir.Op

func init() {
	samples := []ir.Sample{}
	for _, d := range dtypes.All() {
		samples = append(samples,
			// Seen closely, rounding to a narrower float is a staircase.
			ir.Sample{Name: "to " + d.String(), In: []ir.Input{ir.Values(-2.7, -0.5, 0, 0.3, 1, 2.5, 100)}, Attrs: ir.DTypeAttrs{DType: d}, Kink: d.IsHalf() || d.IsStorage() || d.Real() == dtypes.Float32},
			ir.Sample{Name: "NaN and too large to " + d.String(), Pole: true, DTypes: dtypes.Floats, In: []ir.Input{ir.Values(nan, inf, -inf, 60000, -60000, negZero)}, Attrs: ir.DTypeAttrs{DType: d}},
			ir.Sample{Name: "large integers to " + d.String(), DTypes: dtypes.SetOf(dtypes.Int32, dtypes.Uint32, dtypes.Int64, dtypes.Uint64), In: []ir.Input{ir.Values(1<<24+1, 1<<31-1, -70000, 255, 256)}, Attrs: ir.DTypeAttrs{DType: d}})
	}
	convertDType = Define(ir.Op{
		Name: "ConvertDType", Family: "shape", Elementwise: true, Cost: movesOnly, Simplify: simplerConvert, Doc: "x in another dtype", DTypes: dtypes.Any | dtypes.Storage, Attrs: ir.DTypeAttrs{}, HLO: "stablehlo.convert",
		Infer: func(attrs any, in []shapes.Shape) (shapes.Shape, error) {
			return in[0].WithDType(attrs.(ir.DTypeAttrs).DType), nil
		},
		Ref: func(attrs any, out, in []*tensors.Tensor) {
			t, err := in[0].ConvertDType(attrs.(ir.DTypeAttrs).DType)
			if err != nil {
				panic(err)
			}
			copyRef(nil, out, []*tensors.Tensor{t})
		},
		Samples: samples,
	}, Rule{
		JVPMulti: linear,
		VJP:      func(y, dy *Node) []*Node { return []*Node{ConvertDType(dy, y.Input(0).DType())} },
	})
}
