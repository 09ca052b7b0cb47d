// Package adapters changes the layers of a model from outside, by the paths of their scopes: for fine-tuning with few parameters, and
// for constraints on weights. The model's function stays as it is.
//
//	store.FreezeVariables("*")                                       // the model as it was trained
//	adapters.LoRA(store, "block?/attn/query/weights", 8, 16)         // and what is learned now
//	adapters.SpectralNorm(store, "discriminator/*/weights")
//
// Patterns are those of [model.Capture]. What is said holds for graphs that are built afterwards, also of models that have been trained.
package adapters

import (
	"errors"
	"fmt"
	"math"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/quant"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/layers/norm"
	"github.com/quire-ml/quire/ml/model"
)

// The names of what LoRA learns, below the path of the weights.
const loraA, loraB = "lora_a", "lora_b"

// check reports arguments that no adapter has.
func check(name string, store *model.Store, rank int, alpha float64) error {
	if store == nil {
		return fmt.Errorf("adapters.%s: the store is nil", name)
	}
	if rank < 1 || math.IsNaN(alpha) || math.IsInf(alpha, 0) {
		return fmt.Errorf("adapters.%s: rank %d and alpha %g, want a rank of 1 or more and a finite alpha", name, rank, alpha)
	}
	return nil
}

// LoRA adds to weights a product of two thin matrices, and trains nothing but these:
//
//	w' = w + alpha/rank · a·b
//
// w is [..., Out], read as a matrix [In, Out]; a is [In, rank], at random, b [rank, Out], 0: the model begins as it was. The weights are frozen, which
// includes those made later; biases and other variables are as they were, see [model.Store.FreezeVariables]. It returns an error if the
// pattern is malformed or rank is below 1.
//
// Source: Hu et al., "LoRA", 2021, arXiv:2106.09685, eq. 3 and section 4.1.
func LoRA(store *model.Store, pattern string, rank int, alpha float64) error {
	if err := check("LoRA", store, rank, alpha); err != nil {
		return err
	}
	err := store.WrapVariables(pattern, func(scope *model.Scope, w *graph.Node) *graph.Node {
		return graph.Add(w, delta(scope, "LoRA", w, rank, alpha))
	})
	return train(store, pattern, err, loraA, loraB)
}

// train freezes the variables of a pattern, but for those that adapters make.
func train(store *model.Store, pattern string, err error, names ...string) error {
	if err != nil {
		return err
	}
	if err := store.FreezeVariables(pattern); err != nil {
		return err
	}
	return unfreeze(store, names...)
}

func unfreeze(store *model.Store, names ...string) error {
	for _, name := range names {
		if err := store.UnfreezeVariables(name); err != nil {
			return err
		}
	}
	return nil
}

// delta returns alpha/rank · a·b in the shape of w.
func delta(scope *model.Scope, name string, w *graph.Node, rank int, alpha float64) *graph.Node {
	if w.Rank() < 2 || !w.DType().IsFloat() {
		graph.Errorf("%s: variable %q is %s, want floats [..., inputs, outputs]", name, scope.Path(), w.Shape())
	}
	scope = scope.Layer(name, w)
	out := w.Dim(-1)
	in := w.Shape().Size() / max(1, out)
	begin := initializers.KaimingUniformFn(1/math.Sqrt(3), false) // as the authors' code: kaiming_uniform_ with a = √5
	a := scope.WithInitializer(begin).VariableWithShape(loraA, shapes.Make(w.DType(), in, rank)).NodeValue(w)
	b := scope.WithInitializer(initializers.Zero).VariableWithShape(loraB, shapes.Make(w.DType(), rank, out)).NodeValue(w)
	return graph.ReshapeWithShape(graph.MulScalar(graph.MatMul(a, b), alpha/float64(rank)), w.Shape())
}

// DoRA is [LoRA] of the direction of weights, with a length that is learned for each output:
//
//	w' = magnitude · v / ‖v‖,   v = w + alpha/rank · a·b
//
// The norm is that over all axes but the last, and counts as a constant in gradients; magnitude is a vector of Out numbers and begins with ‖w‖. See LoRA for the rest.
//
// Source: Liu et al., "DoRA", 2024, arXiv:2402.09353, eq. 5 and section 4.3.
func DoRA(store *model.Store, pattern string, rank int, alpha float64) error {
	if err := check("DoRA", store, rank, alpha); err != nil {
		return err
	}
	err := store.WrapVariables(pattern, func(scope *model.Scope, w *graph.Node) *graph.Node {
		magnitude := norm.Lengths(scope, "magnitude", w)
		v := graph.Add(w, delta(scope, "DoRA", w, rank, alpha))
		return graph.Mul(v, graph.Div(magnitude, graph.StopGradient(norm.ColumnNorms(v))))
	})
	return train(store, pattern, err, loraA, loraB, "magnitude")
}

// QLoRA is [LoRA] of weights that are held in few bits: those of the pattern, matrices of floats that must exist, are quantised on
// backend by the scheme, and taken out of the store; in their place there are codes, scales and perhaps biases below their path, and layers get
//
//	w' = dequantised(w) + alpha/rank · a·b
//
// It returns an error if no variable has such a path, or if one is no matrix that the scheme can take.
//
// Source: Dettmers et al., "QLoRA", 2023, arXiv:2305.14314, eq. 5, without the second quantisation of scales.
func QLoRA(backend graph.Backend, store *model.Store, pattern string, rank int, alpha float64, scheme quant.Scheme) error {
	if err := check("QLoRA", store, rank, alpha); err != nil {
		return err
	}
	if backend == nil {
		return errors.New("adapters.QLoRA: the backend that quantises is nil")
	}
	vars, err := store.MatchVariables(pattern)
	if err != nil {
		return err
	}
	if len(vars) == 0 {
		return fmt.Errorf("adapters.QLoRA: the store has no variable %q: run the model once, or load its checkpoint, before", pattern)
	}
	quantised := map[string][]*tensors.Tensor{}
	for _, v := range vars {
		if v.Shape().Rank() != 2 || !v.DType().IsFloat() {
			return fmt.Errorf("adapters.QLoRA: variable %q is %s, want a matrix of floats", v.Path(), v.Shape())
		}
		value, err := v.Value()
		if err != nil {
			return err
		}
		parts, err := graph.CallOnceN(backend, func(w *graph.Node) []*graph.Node { return quant.Quantize(w, scheme).Nodes() }, value)
		if err != nil {
			return fmt.Errorf("adapters.QLoRA: variable %q: %w", v.Path(), err)
		}
		quantised[v.Path()] = parts
	}
	for _, v := range vars {
		for i, part := range quantised[v.Path()] {
			if _, err := store.CreateVariable(model.JoinPath(v.Path(), quantisedNames[i]), part); err != nil {
				return err
			}
		}
		if err := store.DeleteVariable(v.Path()); err != nil {
			return err
		}
	}
	err = store.ReplaceVariables(pattern, func(scope *model.Scope, g *graph.Graph, shape shapes.Shape) *graph.Node {
		var parts []*graph.Node
		for _, name := range quantisedNames {
			if v := scope.GetVariable(name); v != nil {
				parts = append(parts, v.SetTrainable(false).NodeValue(g))
			}
		}
		if len(parts) == 0 {
			graph.Errorf("QLoRA: variable %q was not there when weights were quantised", scope.Path())
		}
		w := graph.ConvertDType(quant.Dequantize(scheme.Of(parts...)), shape.DType)
		return graph.Add(w, delta(scope, "QLoRA", w, rank, alpha))
	})
	if err != nil {
		return err
	}
	return unfreeze(store, loraA, loraB)
}

// quantisedNames are those of the variables that hold quantised weights, in the order of [quant.Quantized.Nodes].
var quantisedNames = []string{"codes", "scales", "quantisation_biases"}

// SpectralNorm divides weights by their largest singular value, see [norm.Spectral]:
//
//	w' = w / σ(w)
//
// Source: Miyato, Kataoka, Koyama and Yoshida, "Spectral Normalization for Generative Adversarial Networks", 2018, arXiv:1802.05957.
func SpectralNorm(store *model.Store, pattern string) error {
	if err := check("SpectralNorm", store, 1, 1); err != nil {
		return err
	}
	return store.WrapVariables(pattern, norm.Spectral)
}

// WeightNorm learns the length of weights apart from their direction, see [norm.Weight]:
//
//	w' = gain · w / ‖w‖
//
// Source: Salimans and Kingma, "Weight Normalization", 2016, arXiv:1602.07868.
func WeightNorm(store *model.Store, pattern string) error {
	if err := check("WeightNorm", store, 1, 1); err != nil {
		return err
	}
	return store.WrapVariables(pattern, norm.Weight)
}

// Bottleneck adds a small layer behind the layers of a pattern:
//
//	y' = y + relu(y·down)·up
//
// y is a layer's result, [..., C]; down is [C, width], up [width, C] and begins with 0, both with biases: the model begins as it was. It is
// made of the paths of layers, not of variables, and freezes nothing.
//
// Source: Houlsby et al., "Parameter-Efficient Transfer Learning for NLP", 2019, arXiv:1902.00751, figure 2.
func Bottleneck(store *model.Store, pattern string, width int) error {
	if err := check("Bottleneck", store, 1, 1); err != nil {
		return err
	}
	if width < 1 {
		return fmt.Errorf("adapters.Bottleneck: a width of %d, want 1 or more", width)
	}
	return store.WrapResults(pattern, func(scope *model.Scope, y *graph.Node) *graph.Node {
		scope = scope.In("adapter")
		h := graph.Relu(layers.Dense(scope.In("down"), y, true, width))
		up := scope.In("up").WithInitializer(initializers.Zero)
		return graph.Add(y, layers.Dense(up, h, true, y.Dim(-1)))
	})
}
