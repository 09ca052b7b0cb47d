//go:build cgo

package xla_test

import (
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/backends/xla"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/golden"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// docs/xla.md holds the tables of options and of differences, between marks.
func TestDocs(t *testing.T) {
	const path = "../../docs/xla.md"
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	text := string(data)
	for name, table := range map[string]string{"options": xla.OptionsTable(), "differences": xla.DifferencesTable()} {
		begin, end := "<!-- "+name+": written by go test ./backends/xla -run Docs -update -->\n", "<!-- end of "+name+" -->"
		before, rest, ok := strings.Cut(text, begin)
		_, after, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("%s lacks the marks of the table of %s", path, name)
		}
		text = before + begin + table + end + after
	}
	golden.Check(t, path, text)
}

// The smallest numbers are flushed, which the table of differences says; the smallest normal one is not.
func TestDenormals(t *testing.T) {
	e := open(t, "")
	y, err := graph.CallOnce(e, func(x *graph.Node) *graph.Node { return graph.MulScalar(x, 0.5) }, []float32{0x1p-126, 0x1p-125, 0x1p-130})
	require.NoError(t, err)
	if got := tensors.Flat[float32](y); got[0] != 0 || got[1] != 0x1p-126 || got[2] != 0 {
		t.Errorf("got %v: the table of differences says that denormal numbers are 0, and only they", got)
	}
}

// Where a padded window holds nothing but the padding's own value, XLA may select the padding: the table of differences
// says so.
func TestSelectingPadding(t *testing.T) {
	for _, op := range ir.Ops() {
		for _, s := range op.Samples {
			if op.Name != "SelectAndGather" || s.Name != "min, padding" {
				continue
			}
			s.In = slices.Clone(s.In)
			for i := range s.In {
				s.In[i].Data = slices.Clone(s.In[i].Data)
				for k := range s.In[i].Data {
					s.In[i].Data[k] = 127
				}
			}
			c := specialCall{op, s, dtypes.Int8, []*tensors.Tensor{s.In[0].Tensor(dtypes.Int8), s.In[1].Tensor(dtypes.Int8)}}
			got, err := runCalls(open(t, ""), []specialCall{c})
			require.NoError(t, err)
			for _, v := range tensors.Flat[int8](got[0][0]) {
				if v == 0 {
					return
				}
			}
			t.Errorf("got %v, with no 0 for padding", got[0][0])
		}
	}
}

// Elementwise ops of transposed values that come from constants alone: a pass that takes their elements in another
// order is off.
func TestTransposedConstants(t *testing.T) {
	filled := func(dims ...int) *tensors.Tensor {
		x := tensors.FromShape(shapes.Make(dtypes.Float32, dims...))
		for i := range tensors.Flat[float32](x) {
			tensors.Flat[float32](x)[i] = float32(math.Sin(float64(i)))
		}
		return x
	}
	fn := func(g *graph.Graph) *graph.Node {
		image, kernel := graph.ConstTensor(g, filled(2, 2, 4, 3)), graph.ConstTensor(g, filled(2, 2, 2, 3))
		return graph.Tanh(graph.Convolve(image, kernel).ChannelsAxis(graph.ChannelsFirst).NoPadding().Done())
	}
	got, err := graph.CallOnce(open(t, ""), fn)
	require.NoError(t, err)
	want, err := graph.CallOnce(gocpu.New(), fn)
	require.NoError(t, err)
	assert.True(t, got.InDelta(want, 1e-5), "got\n%v\nwant\n%v", got, want)
}

// Random numbers are the same bits for the same seed on every engine.
func TestRandomBits(t *testing.T) {
	e := open(t, "")
	fn := func(g *graph.Graph) []*graph.Node {
		key := graph.RNGStateFromSeedForGraph(g, 42)
		key, bits := graph.RandomBits(key, shapes.Make(dtypes.Uint32, 1000))
		key, uniform := graph.RandomUniform(key, graph.ConstTensor(g, ramp(100, 0)).Shape())
		_, normal := graph.RandomNormal(key, graph.ConstTensor(g, ramp(100, 0)).Shape())
		return []*graph.Node{bits, uniform, normal}
	}
	got, err := graph.CallOnceN(e, fn)
	require.NoError(t, err)
	want, err := graph.CallOnceN(gocpu.New(), fn)
	require.NoError(t, err)
	for i := range want[:2] {
		assert.True(t, sameBits(got[i], want[i]), "stream %d: other bits", i)
	}
	for i, v := range tensors.Flat[float32](got[2]) {
		if w := tensors.Flat[float32](want[2])[i]; math.Abs(float64(v-w)) > 1e-5 {
			t.Errorf("normal number %d is %v, want %v", i, v, w)
		}
	}
}
