package graphtest

import (
	"math"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"

	"github.com/stretchr/testify/assert"
)

// The check of true values must be able to fail.
func TestAnUntrueValueIsFound(t *testing.T) {
	f := math.Float64bits
	one, next, after := f(1), f(1)+1, f(1)+2
	zero, negZero, inf, nan := f(0), f(math.Copysign(0, -1)), f(math.Inf(1)), f(math.NaN())
	exact, ulp := []ir.Accuracy{{}}, []ir.Accuracy{{ULP: 1}}
	norm, absolute := []ir.Accuracy{{ULP: 1, Norm: true}}, []ir.Accuracy{{ULP: 1, Abs: 4}}
	above := []ir.Accuracy{
		{ULP: 1, Domain: "where x > 0", In: func(x []complex128) bool { return real(x[0]) > 0 }},
		{ULP: 2, DTypes: dtypes.Floats | dtypes.Complexes},
	}
	for _, c := range []struct {
		name      string
		in        []uint64
		want, got []uint64
		free      bool
		promise   []ir.Accuracy
		ok        bool
	}{
		{"the same bits pass", []uint64{one}, []uint64{one}, []uint64{one}, false, exact, true},
		{"the next number fails where the nearest is promised", []uint64{one}, []uint64{one}, []uint64{next}, false, exact, false},
		{"the next number passes with an ulp", []uint64{one}, []uint64{one}, []uint64{next}, false, ulp, true},
		{"the one after it fails", []uint64{one}, []uint64{one}, []uint64{after}, false, ulp, false},
		{"a denormal counts like any number", []uint64{one}, []uint64{1}, []uint64{3}, false, ulp, false},
		{"the other sign of a zero fails", []uint64{one}, []uint64{zero}, []uint64{negZero}, false, ulp, false},
		{"the other sign of a zero passes where it is open", []uint64{one}, []uint64{zero}, []uint64{negZero}, true, ulp, true},
		{"infinity for the largest number fails", []uint64{one}, []uint64{inf - 1}, []uint64{inf}, false, ulp, false},
		{"a number for NaN fails", []uint64{one}, []uint64{nan}, []uint64{one}, false, ulp, false},
		{"NaN for a number fails", []uint64{one}, []uint64{one}, []uint64{nan}, false, ulp, false},
		{"a small error beside a large part passes by the norm", []uint64{one, one}, []uint64{one, f(1e-17)}, []uint64{one, f(-1e-17)}, false, norm, true},
		{"and fails part by part", []uint64{one, one}, []uint64{one, f(1e-17)}, []uint64{one, f(-1e-17)}, false, ulp, false},
		{"a large error fails by the norm", []uint64{one, one}, []uint64{one, f(1e-17)}, []uint64{one, f(1e-15)}, false, norm, false},
		{"an error that is allowed for any value passes", []uint64{one}, []uint64{f(1e-20)}, []uint64{f(8e-16)}, false, absolute, true},
		{"one above it fails", []uint64{one}, []uint64{f(1e-20)}, []uint64{f(9e-16)}, false, absolute, false},
		{"all lines that apply hold", []uint64{one}, []uint64{one}, []uint64{after}, false, above, false},
		{"those of another domain do not apply", []uint64{f(-1)}, []uint64{one}, []uint64{after}, false, above, true},
		{"what no line covers fails", []uint64{f(-1)}, []uint64{one}, []uint64{one}, false, above[:1], false},
	} {
		d := dtypes.Float64
		if len(c.in) == 2 {
			d = dtypes.Complex128
		}
		_, ok := (fact{in: c.in, out: c.want, free: c.free}).compare(&ir.Op{Accuracy: c.promise}, d, c.got)
		assert.Equal(t, c.ok, ok, "%s: it did not", c.name)
	}
}

func TestARowWithoutTruthIsNamed(t *testing.T) {
	row := func(change func(op *ir.Op)) *ir.Op {
		op := *ir.OpByName("Exp")
		op.Name = "Untold"
		change(&op)
		return &op
	}
	for _, c := range []struct {
		op   *ir.Op
		want string
	}{
		{row(func(op *ir.Op) { op.Accuracy = nil }), "Accuracy or a reason (Exact) is missing"},
		{row(func(op *ir.Op) {}), "0 true values at bfloat16"},
		{row(func(op *ir.Op) { op.Exact = "why not" }), "both are set"},
		{row(func(op *ir.Op) { op.Accuracy = []ir.Accuracy{{Domain: "for small x"}} }), "only one is set"},
		{row(func(op *ir.Op) { op.Name, op.Accuracy, op.Exact = "Exp", nil, "it is not" }), "a table of true values, but no Accuracy"},
	} {
		assert.Contains(t, strings.Join(lacks(c.op), "; "), c.want)
	}
}

// Every table belongs to a row that is held to it.
func TestNoTableIsForgotten(t *testing.T) {
	files, err := embedded.ReadDir("testdata/truth")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d tables, %v", len(files), err)
	}
	for _, f := range files {
		op := ir.OpByName(strings.TrimSuffix(f.Name(), ".txt.gz"))
		if op == nil || len(op.Accuracy) == 0 {
			t.Errorf("%s: no row of this name promises anything", f.Name())
		}
	}
}
