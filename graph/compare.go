package graph

import "github.com/quire-ml/quire/graph/dtypes"

// GreaterThan returns lhs > rhs, element by element, with broadcasting, as bools. With NaN it is false.
func GreaterThan(lhs, rhs *Node) *Node { return Apply(greaterThan, nil, lhs, rhs) }

// LessThan returns lhs < rhs, element by element, with broadcasting, as bools. With NaN it is false.
func LessThan(lhs, rhs *Node) *Node { return Apply(lessThan, nil, lhs, rhs) }

var greaterThan, lessThan *Op

func init() {
	samples := []Sample{
		{In: []Input{Values(-1, 0, 1, 2, 2), Values(1, 0, -1, 2, 3)}},
		{Name: "row", In: []Input{Ramp(2, 3), Ramp(3)}},
	}
	greaterThan = Define(Op{
		Name: "GreaterThan", Family: "comparison", Doc: "x > y", DTypes: dtypes.Reals, HLO: "stablehlo.compare",
		Infer:    compareRule,
		Ref:      byKind(0, map2(greater[float64]), map2(greater[int64]), map2(greater[uint64]), nil),
		ZeroGrad: "the result is a bool", Samples: samples,
	})
	lessThan = Define(Op{
		Name: "LessThan", Family: "comparison", Doc: "x < y", DTypes: dtypes.Reals, HLO: "stablehlo.compare",
		Infer:    compareRule,
		Ref:      byKind(0, map2(less[float64]), map2(less[int64]), map2(less[uint64]), nil),
		ZeroGrad: "the result is a bool", Samples: samples,
	})
}

func greater[T float64 | int64 | uint64](x, y T) uint64 { return truth(x > y) }
func less[T float64 | int64 | uint64](x, y T) uint64    { return truth(x < y) }

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
