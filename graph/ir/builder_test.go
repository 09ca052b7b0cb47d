package ir_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ops"
	"github.com/quire-ml/quire/graph/shapes"
)

// TestAFunctionIsCheckedOnce counts how often the shapes of a function's body are inferred that is called many times.
func TestAFunctionIsCheckedOnce(t *testing.T) {
	inferred := 0
	counted := &ir.Op{Name: "Counted", Infer: func(_ any, in []shapes.Shape) (shapes.Shape, error) {
		inferred++
		return in[0], nil
	}}
	body := ir.NewBuilder("body")
	x, err := body.Input("x", vector)
	require.NoError(t, err)
	y, err := body.Apply(counted, nil, x)
	require.NoError(t, err)
	f, err := body.Program(y...)
	require.NoError(t, err)

	b := ir.NewBuilder("p")
	v, err := b.Input("x", vector)
	require.NoError(t, err)
	inferred = 0
	for range 100 {
		out, err := b.Call(ops.Call, nil, []ir.Value{v}, 0, f)
		require.NoError(t, err)
		v = out[0]
	}
	require.Equal(t, 0, inferred)
}

// TestDropKeepsWhatFunctionsDoOutside drops a call whose results nobody needs, and not one that runs a function that is
// seen from outside.
func TestDropKeepsWhatFunctionsDoOutside(t *testing.T) {
	for _, c := range []struct {
		op   *ir.Op
		want int
	}{{ops.Neg, 0}, {printed, 1}} {
		body := ir.NewBuilder("body")
		x, err := body.Input("x", vector)
		require.NoError(t, err)
		y, err := body.Apply(c.op, nil, x)
		require.NoError(t, err)
		f, err := body.Program(y...)
		require.NoError(t, err)

		outer := ir.NewBuilder("outer")
		x, err = outer.Input("x", vector)
		require.NoError(t, err)
		_, err = outer.Call(ops.Call, nil, []ir.Value{x}, 0, f)
		require.NoError(t, err)
		g, err := outer.Program(x)
		require.NoError(t, err)

		b := ir.NewBuilder("p")
		v, err := b.Input("x", vector)
		require.NoError(t, err)
		_, err = b.Call(ops.Call, nil, []ir.Value{v}, 0, g)
		require.NoError(t, err)
		p, err := b.Program(v)
		require.NoError(t, err)
		low, err := ir.Lower(p, nil)
		require.NoError(t, err)
		require.Len(t, low.Instrs, c.want, "%s", c.op)
	}
}

// TestMergeTellsAttributesApart keeps two calls whose attributes look alike where words are put side by side.
func TestMergeTellsAttributesApart(t *testing.T) {
	type words struct{ Words []string }
	op := &ir.Op{Name: "Worded", Attrs: words{}, Infer: func(_ any, in []shapes.Shape) (shapes.Shape, error) { return in[0], nil }}
	b := ir.NewBuilder("p")
	v, err := b.Input("x", vector)
	require.NoError(t, err)
	x, err := b.Apply(op, words{[]string{"a b", "c"}}, v)
	require.NoError(t, err)
	y, err := b.Apply(op, words{[]string{"a", "b c"}}, v)
	require.NoError(t, err)
	z, err := b.Apply(op, words{[]string{"a", "b c"}}, v)
	require.NoError(t, err)
	p, err := b.Program(x[0], y[0], z[0])
	require.NoError(t, err)
	low, err := ir.Lower(p, nil)
	require.NoError(t, err)
	require.Len(t, low.Instrs, 2)
}
