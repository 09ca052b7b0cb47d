package graphtest

import (
	"errors"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
)

func TestRowsAreComplete(t *testing.T) { Complete(t) }

func TestReferenceConforms(t *testing.T) { Conform(t, Reference) }

func TestReferenceConformsBriefly(t *testing.T) { ConformBriefly(t, Reference, 32) }

func TestReferenceGradients(t *testing.T) { Gradients(t, Reference) }

func TestReferenceTransforms(t *testing.T) { Transforms(t, Reference) }

// The checks themselves must be able to fail.
func TestAnIncompleteRowIsNamed(t *testing.T) {
	got := strings.Join(lacks(&ir.Op{Name: "Half"}), "; ")
	for _, want := range []string{"Family is empty", "Doc is empty", "VJP or a reason", "Samples is empty"} {
		assert.Contains(t, got, want)
	}
}

func TestAWrongValueIsFound(t *testing.T) {
	x := tensors.FromValue([]float32{1, 2, 3})
	for _, c := range []struct {
		name string
		y    *tensors.Tensor
		tol  ir.Tolerance
		ok   bool
	}{
		{"equal values pass", tensors.FromValue([]float32{1, 2, 3}), ir.Tolerance{}, true},
		{"one more bit fails", tensors.FromValue([]float32{1, 2, 3.0000002}), ir.Tolerance{}, false},
		{"one more bit passes with an ulp", tensors.FromValue([]float32{1, 2, 3.0000002}), ir.Tolerance{ULP: 1}, true},
		{"another shape fails", tensors.FromValue([]float32{1, 2}), ir.Tolerance{ULP: 1}, false},
		{"another dtype fails", tensors.FromValue([]float64{1, 2, 3}), ir.Tolerance{ULP: 1}, false},
	} {
		err := Diff(x, c.y, c.tol)
		assert.Equal(t, c.ok, err == nil, "%s: got %v", c.name, err)
	}
}

func TestAWrongGradientIsFound(t *testing.T) {
	half := func(_ *graph.Graph, in []*graph.Node) *graph.Node {
		return graph.ReduceAllSum(graph.IdentityWithCustomGradient(in[0], func(_, v *graph.Node) *graph.Node { return graph.MulScalar(v, 0.5) }))
	}
	in := []*tensors.Tensor{ir.Ramp(3).Tensor(dtypes.Float64)}
	assert.Error(t, checkDirections(alone(Reference()), half, in, rand.New(rand.NewPCG(1, 2))), "a gradient that is half of the right one passed")
}

// Many checks together find what each finds alone: the wrong one, the one that cannot be built, and no other.
func TestChecksTogether(t *testing.T) {
	want := func(f func(x *graph.Node) *graph.Node, want float32) check {
		return check{"", func(run runner) error {
			for range 3 { // rounds
				out, err := run(func(_ *graph.Graph, in []*graph.Node) []*graph.Node { return []*graph.Node{f(in[0])} },
					[]*tensors.Tensor{tensors.FromScalar(float32(3))})
				if err != nil {
					return err
				}
				if err := Diff(out[0], tensors.FromScalar(want), ir.Tolerance{}); err != nil {
					return err
				}
			}
			return nil
		}}
	}
	checks := []check{
		want(func(x *graph.Node) *graph.Node { return graph.Add(x, x) }, 6),
		want(func(x *graph.Node) *graph.Node { return graph.Add(x, x) }, 7),
		want(func(x *graph.Node) *graph.Node { return graph.Transpose(x, 0, 1) }, 3),
		{"", func(runner) error { panic("odd") }},
		want(func(x *graph.Node) *graph.Node { return graph.Mul(x, x) }, 9),
	}
	for _, together := range []int{1, 2, 5, 100} {
		if together == 1 {
			checks[3].run = func(runner) error { return errors.New("odd") }
		} else {
			checks[3].run = func(runner) error { panic("odd") }
		}
		for i, err := range checkAll(Reference(), checks, together) {
			if (err == nil) != (i == 0 || i == 4) {
				t.Errorf("%d together: check %d: %v", together, i, err)
			}
		}
	}
}

func TestRandomProgramsRun(t *testing.T) { Programs(t, Reference, 50) }

func TestReductionsOfTheReference(t *testing.T) { Reductions(t, Reference) }

// The truth about exponentials is that of mpmath 1.4.1, mp.dps = 60: exp(-41.3), log(1.0000000001), log(123456.789).
func TestBigExponentialsAndLogarithms(t *testing.T) {
	text := func(x float64, f func(*big.Float) *big.Float) string {
		return f(new(big.Float).SetPrec(expBits).SetFloat64(x)).Text('e', 29)
	}
	for _, c := range [][2]string{
		{text(-41.3, bigExp), "1.15781160263829736462294761301e-18"},
		{text(1.0000000001, bigLog), "1.00000008269037099081966940804e-10"},
		{text(123456.789, bigLog), "1.17236464871858810160296312529e+01"},
	} {
		assert.Equal(t, c[1], c[0])
	}
}

func TestReferenceIsTrue(t *testing.T) { Truth(t, Reference) }
