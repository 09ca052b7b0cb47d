package main

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// functions returns functions of elements, conversions, and random numbers.
func functions() []*benchCase {
	const group = "functions"
	list := []*benchCase{
		unary(group, "add_scalar_10k", func(x *graph.Node) *graph.Node { return graph.AddScalar(x, 1) }, 10_000),
		unary(group, "exp_1m", graph.Exp, million), unary(group, "tanh_1m", graph.Tanh, million), unary(group, "erf_1m", graph.Erf, million),
		unary(group, "gelu_1m", graph.Gelu, million), unary(group, "sin_1m", graph.Sin, million),
		positive(group, "sqrt_1m", graph.Sqrt), positive(group, "log_1m", graph.Log),
		{name: "pow_1m", group: group, elements: million, prepare: func(m *maker) (*work, error) {
			return m.exec(one(func(in []*graph.Node) *graph.Node { return graph.Pow(in[0], in[1]) }), m.positive(million), m.normal(million))
		}},
	}
	for _, c := range []struct {
		name     string
		from, to dtypes.DType
	}{
		{"f32_to_bf16_1m", dtypes.Float32, dtypes.BFloat16}, {"f32_to_f16_1m", dtypes.Float32, dtypes.Float16},
		{"bf16_to_f32_1m", dtypes.BFloat16, dtypes.Float32}, {"f16_to_f32_1m", dtypes.Float16, dtypes.Float32},
	} {
		list = append(list, conversion(group, c.name, c.from, c.to))
	}
	return append(list, random(group, "random_uniform_1m", graph.RandomUniform), random(group, "random_normal_1m", graph.RandomNormal))
}

// positive is the case of a function of a million positive numbers.
func positive(group, name string, fn func(x *graph.Node) *graph.Node) *benchCase {
	return &benchCase{name: name, group: group, elements: million, prepare: func(m *maker) (*work, error) {
		return m.exec(one(func(in []*graph.Node) *graph.Node { return fn(in[0]) }), m.positive(million))
	}}
}

func conversion(group, name string, from, to dtypes.DType) *benchCase {
	return &benchCase{name: name, group: group, elements: million, prepare: func(m *maker) (*work, error) {
		x, err := converted(m.normal(million), from)
		if err != nil {
			return nil, err
		}
		return m.exec(one(func(in []*graph.Node) *graph.Node { return graph.ConvertDType(in[0], to) }), x)
	}}
}

// random is the case of a million random numbers, from a state that comes in and goes out.
func random(group, name string, fn func(state *graph.Node, shape shapes.Shape) (*graph.Node, *graph.Node)) *benchCase {
	return &benchCase{name: name, group: group, elements: million, prepare: func(m *maker) (*work, error) {
		state, err := graph.RNGStateFromSeed(1)
		if err != nil {
			return nil, err
		}
		return m.exec(func(in []*graph.Node) []*graph.Node {
			state, values := fn(in[0], shapes.Make(dtypes.Float32, million))
			return []*graph.Node{state, values}
		}, state)
	}}
}
