package initializers

import (
	"math/rand/v2"
	"reflect"

	"github.com/quire-ml/quire/graph/shapes"
)

// draws is a distribution: the normal one of mean 0 and a standard deviation, or even numbers from [from, to).
type draws struct {
	even     bool
	stddev   float64
	from, to float64
}

func normal(stddev float64) draws { return draws{stddev: stddev} }

func uniform(from, to float64) draws { return draws{even: true, from: from, to: to} }

// fill fills out.
func (d draws) fill(r *rand.Rand, out []float64) {
	s := newStream(r)
	each(len(out), func(from, to int) { d.numbers(s, out[from:to], from) })
}

// numbers fills out, which begins with element from of s.
func (d draws) numbers(s stream, out []float64, from int) {
	if !d.even {
		theZiggurat().normals(s, out, from, d.stddev)
		return
	}
	for i := range out {
		out[i] = d.from + float64((d.to-d.from)*unit(s.at(from+i))) // in two roundings on every processor
	}
}

// known are the functions of this package that draw, and what from. None of them draws anything beyond float32.
var known = []struct {
	initializer Initializer
	of          func(shape shapes.Shape) draws
}{
	{Default, ofDefault}, {He, ofHe}, {LeCun, ofLeCun}, {XavierNormal, ofXavierNormal},
	{HeUniform, ofHeUniform}, {LeCunUniform, ofLeCunUniform}, {XavierUniform, ofXavierUniform},
}

// Float32s returns a function that writes what initializer does, each number rounded to float32: without memory for as many float64s
// and the passes over it, and into memory that may hold anything before. It knows the functions of this package that draw numbers
// and take no arguments of their own, such as [He]; of others it returns nil, and they are to be called.
func Float32s(initializer Initializer) func(r *rand.Rand, shape shapes.Shape, out []float32) {
	code := reflect.ValueOf(initializer).Pointer() // functions cannot be compared, but where their code is can
	for _, k := range known {
		if reflect.ValueOf(k.initializer).Pointer() == code {
			return func(r *rand.Rand, shape shapes.Shape, out []float32) { k.of(shape).fill32(r, out) }
		}
	}
	return nil
}

// fill32 is fill in float32.
func (d draws) fill32(r *rand.Rand, out []float32) {
	s := newStream(r)
	each(len(out), func(from, to int) {
		var numbers [512]float64
		for ; from < to; from += len(numbers) {
			some := numbers[:min(len(numbers), to-from)]
			d.numbers(s, some, from)
			for i, x := range some {
				out[from+i] = float32(x)
			}
		}
	})
}
