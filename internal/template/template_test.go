package template

import (
	"math/rand/v2"
	"testing"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/sizes"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPolynomialsAreFound fits what expressions are at random sizes, and finds them again.
func TestPolynomialsAreFound(t *testing.T) {
	for _, c := range []struct {
		symbols []string
		text    string
	}{
		{[]string{"b"}, "b"}, {[]string{"b"}, "2*b+1"}, {[]string{"b"}, "b^2-3*b"}, {[]string{"b"}, "17"}, {[]string{"b"}, "0"},
		{[]string{"b", "t"}, "b*t"}, {[]string{"b", "t"}, "b*t+3*t^2-b+4"}, {[]string{"b", "t"}, "7*t"},
		{[]string{"a", "b", "c"}, "a*c+b*c-2*a"},
	} {
		want, err := sizes.Parse(c.text)
		require.NoError(t, err)
		rng := rand.New(rand.NewPCG(1, uint64(len(c.text))))
		var at []sizes.Values
		var f *Fitter
		for f == nil { // until the sizes are in no special position
			v := sizes.Values{}
			for _, s := range c.symbols {
				v[s] = 2 + rng.IntN(40)
			}
			at = append(at, v)
			if f, err = NewFitter(c.symbols, at); err != nil {
				require.ErrorIs(t, err, ErrFew)
			}
		}
		require.GreaterOrEqual(t, len(at), Needed(len(c.symbols)))
		var numbers []int
		for _, v := range at {
			n, err := want.Eval(v)
			require.NoError(t, err)
			numbers = append(numbers, n)
		}
		got, err := f.Fit(numbers)
		require.NoError(t, err, c.text)
		assert.True(t, want.Equal(got), "%s, want %s", got, want)

		numbers[len(numbers)-1]++
		_, err = f.Fit(numbers)
		assert.ErrorContains(t, err, "are no polynomial", c.text)
	}
}

// TestSizesInSpecialPositionTellTooLittle: on a line in the plane of two sizes, a sum cannot be told from a product.
func TestSizesInSpecialPositionTellTooLittle(t *testing.T) {
	var at []sizes.Values
	for b := 2; b < 40; b++ {
		at = append(at, sizes.Values{"b": b, "t": 5})
	}
	_, err := NewFitter([]string{"b", "t"}, at)
	assert.ErrorIs(t, err, ErrFew)
	_, err = NewFitter([]string{"b"}, at[:3])
	assert.ErrorIs(t, err, ErrFew)
}

func TestWhatIsNoTrace(t *testing.T) {
	b := ir.NewBuilder("p")
	x, err := b.Input("x", shapes.Make(dtypes.Float32, 3))
	require.NoError(t, err)
	p, err := b.Program(x)
	require.NoError(t, err)
	for _, c := range []struct {
		name   string
		traces []Trace
		want   string
	}{
		{"none", nil, ErrFew.Error()},
		{"no program", []Trace{{Values: sizes.Values{"b": 3}}}, "template.Derive: a trace has no program, or other symbols than the first"},
		{"other symbols", []Trace{{p, sizes.Values{"b": 3}}, {p, sizes.Values{"c": 3}}}, "template.Derive: the size b is 0: want it from 2 on"},
		{"a size of 1", []Trace{{p, sizes.Values{"b": 1}}}, "template.Derive: the size b is 1: want it from 2 on"},
		{"too few", []Trace{{p, sizes.Values{"b": 3}}}, ErrFew.Error()},
	} {
		_, err := Derive(c.traces...)
		assert.EqualError(t, err, c.want, c.name)
	}
}
