package graph_test

import (
	"reflect"
	"testing"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func axis(name string, size int) ir.MeshAxis { return ir.MeshAxis{Name: name, Size: size} }

// mesh makes a mesh of axes that must be right.
func mesh(t testing.TB, axes ...ir.MeshAxis) *ir.Mesh {
	t.Helper()
	m, err := ir.NewMesh(axes...)
	require.NoError(t, err)
	return m
}

// square is mesh[data=2 model=2].
func square(t testing.TB) *ir.Mesh {
	return mesh(t, axis("data", 2), axis("model", 2))
}

// wantErr checks that err's text is want, or that there is none for "".
func wantErr(t *testing.T, err error, want string) {
	t.Helper()
	assert.Equal(t, want, text(err))
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestNewMesh(t *testing.T) {
	type axes = []ir.MeshAxis
	for _, c := range []struct {
		name string
		axes axes
		want string
	}{
		{"two axes", axes{axis("data", 2), axis("model", 4)}, ""},
		{"an axis of one device", axes{axis("data", 1)}, ""},
		{"no axes", nil, "a mesh without axes"},
		{"no name", axes{axis("", 2)}, `mesh axis 0: the name "" is not made of letters, digits and underscores`},
		{"a digit first", axes{axis("data", 2), axis("2d", 2)}, `mesh axis 1: the name "2d" is not made of letters, digits and underscores`},
		{"a comma", axes{axis("data,model", 2)}, `mesh axis 0: the name "data,model" is not made of letters, digits and underscores`},
		{"a name twice", axes{axis("data", 2), axis("data", 3)}, `mesh axis 1: the name "data" is taken`},
		{"no devices", axes{axis("data", 0)}, `mesh axis "data" has size 0: the sizes must be positive, with a product of at most 65536`},
		{"a negative size", axes{axis("data", -1)}, `mesh axis "data" has size -1: the sizes must be positive, with a product of at most 65536`},
		{"too many devices", axes{axis("data", 1<<10), axis("model", 1<<10)}, `mesh axis "model" has size 1024: the sizes must be positive, with a product of at most 65536`},
		{"a product that overflows", axes{axis("data", 2), axis("model", 1<<62)}, `mesh axis "model" has size 4611686018427387904: the sizes must be positive, with a product of at most 65536`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ir.NewMesh(c.axes...)
			wantErr(t, err, c.want)
		})
	}
}

func TestMesh(t *testing.T) {
	axes := []ir.MeshAxis{axis("data", 2), axis("model", 4)}
	m := mesh(t, axes...)
	axes[0].Size = 7
	if m.NumDevices() != 8 || m.AxisSize("data") != 2 || m.AxisSize("model") != 4 || m.AxisSize("pipe") != 0 {
		t.Errorf("%s: %d devices, sizes %d, %d, %d", m, m.NumDevices(), m.AxisSize("data"), m.AxisSize("model"), m.AxisSize("pipe"))
	}
	assert.Equal(t, "mesh[data=2 model=4]", m.String())
	if !m.Equal(mesh(t, m.Axes...)) || m.Equal(square(t)) || m.Equal(nil) || !(*ir.Mesh)(nil).Equal(nil) {
		t.Error("Equal is wrong")
	}
}

func TestShardingCheck(t *testing.T) {
	m := mesh(t, axis("data", 2), axis("model", 4))
	shape := shapes.Make(dtypes.Float32, 8, 12, 3)
	for _, c := range []struct {
		name     string
		sharding ir.Sharding
		want     string
	}{
		{"no sharding", nil, ""},
		{"whole", ir.Sharding{"", "", ""}, ""},
		{"one axis", ir.Sharding{"data", "", ""}, ""},
		{"two axes", ir.Sharding{"data", "model", ""}, ""},
		{"two mesh axes along one axis", ir.Sharding{"model,data", "", ""}, ""},
		{"an open axis", ir.Sharding{"data", ir.Open, ""}, ""},
		{"an entry too few", ir.Sharding{"data", ""}, "the sharding [data -] has 2 entries for the 3 axes of float32[8 12 3]"},
		{"an entry too many", ir.Sharding{"data", "", "", ""}, "the sharding [data - - -] has 4 entries for the 3 axes of float32[8 12 3]"},
		{"an unknown axis", ir.Sharding{"batch", "", ""}, `the sharding [batch - -] names the axis "batch", which mesh[data=2 model=4] does not have`},
		{"a blank", ir.Sharding{"data, model", "", ""}, `the sharding [data, model - -] names the axis " model", which mesh[data=2 model=4] does not have`},
		{"an axis twice", ir.Sharding{"data", "data", ""}, `the sharding [data data -] uses the mesh axis "data" twice`},
		{"an axis twice in one entry", ir.Sharding{"data,data", "", ""}, `the sharding [data,data - -] uses the mesh axis "data" twice`},
		{"a dimension that does not divide", ir.Sharding{"", "", "data"}, "axis 2 of float32[8 12 3] cannot be divided evenly over 2 devices (data of mesh[data=2 model=4]): choose a multiple of 2, or leave it whole"},
		{"a dimension that does not divide by both", ir.Sharding{"", "data,model", ""}, "axis 1 of float32[8 12 3] cannot be divided evenly over 8 devices (data,model of mesh[data=2 model=4]): choose a multiple of 8, or leave it whole"},
	} {
		t.Run(c.name, func(t *testing.T) { wantErr(t, c.sharding.Check(m, shape), c.want) })
	}
}

func TestSharding(t *testing.T) {
	for _, c := range []struct {
		sharding   ir.Sharding
		text       string
		replicated bool
	}{
		{nil, "[]", true},
		{ir.Sharding{"", ""}, "[- -]", true},
		{ir.Sharding{"", "model,data"}, "[- model,data]", false},
		{ir.Sharding{ir.Open, ""}, "[? -]", false},
	} {
		assert.Equal(t, c.text, c.sharding.String())
		assert.Equal(t, c.replicated, c.sharding.Replicated())
	}
	s := ir.Sharding{"", "model,data", ir.Open}
	if s.Axes(0) != nil || !reflect.DeepEqual(s.Axes(1), []string{"model", "data"}) || s.Axes(2) != nil || s.Axes(3) != nil {
		t.Errorf("axes %v, %v, %v, %v", s.Axes(0), s.Axes(1), s.Axes(2), s.Axes(3))
	}
	whole := ir.Sharding{"", ""}
	if !whole.Equal(nil) || !ir.Sharding(nil).Equal(whole) || s.Equal(whole) || !s.Equal(ir.Sharding{"", "model,data", "?"}) || s.Equal(ir.Sharding{"", "data,model", "?"}) {
		t.Error("Equal is wrong")
	}
}

// TestBlocks holds which part of a value each device has: devices run in row-major order, and where several mesh
// axes divide one axis the first named is the outermost.
func TestBlocks(t *testing.T) {
	m := mesh(t, axis("data", 2), axis("model", 3))
	shape := shapes.Make(dtypes.Float32, 6, 12)
	for _, c := range []struct {
		name     string
		sharding ir.Sharding
		dims     []int
		starts   [][]int // per device
	}{
		{"no sharding", nil, []int{6, 12}, [][]int{{0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}}},
		{"the slow mesh axis", ir.Sharding{"data", ""}, []int{3, 12}, [][]int{{0, 0}, {0, 0}, {0, 0}, {3, 0}, {3, 0}, {3, 0}}},
		{"the fast mesh axis", ir.Sharding{"model", ""}, []int{2, 12}, [][]int{{0, 0}, {2, 0}, {4, 0}, {0, 0}, {2, 0}, {4, 0}}},
		{"one mesh axis each", ir.Sharding{"data", "model"}, []int{3, 4}, [][]int{{0, 0}, {0, 4}, {0, 8}, {3, 0}, {3, 4}, {3, 8}}},
		{"both along one axis", ir.Sharding{"data,model", ""}, []int{1, 12}, [][]int{{0, 0}, {1, 0}, {2, 0}, {3, 0}, {4, 0}, {5, 0}}},
		{"both the other way round", ir.Sharding{"", "model,data"}, []int{6, 2}, [][]int{{0, 0}, {0, 4}, {0, 8}, {0, 2}, {0, 6}, {0, 10}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.NoError(t, c.sharding.Check(m, shape))
			for device, want := range c.starts {
				start, dims := c.sharding.Block(m, shape, device)
				if !reflect.DeepEqual(start, want) || !reflect.DeepEqual(dims, c.dims) {
					t.Errorf("device %d has %v from %v, want %v from %v", device, dims, start, c.dims, want)
				}
			}
		})
	}
}

// TestBlocksCoverTheValue checks that the blocks of a value that is divided along all mesh axes are all of it.
func TestBlocksCoverTheValue(t *testing.T) {
	m := mesh(t, axis("a", 2), axis("b", 3), axis("c", 2))
	shape := shapes.Make(dtypes.Float32, 12, 6)
	s := ir.Sharding{"c,b", "a"}
	seen := map[[2]int]int{}
	for device := range m.NumDevices() {
		start, dims := s.Block(m, shape, device)
		for i := range dims[0] {
			for j := range dims[1] {
				seen[[2]int{start[0] + i, start[1] + j}]++
			}
		}
	}
	assert.Len(t, seen, shape.Size())
	for at, n := range seen {
		assert.Equal(t, 1, n, "element %v is held %d times", at, n)
	}
}

func TestMeshesAndShardingsOfProgramsAreChecked(t *testing.T) {
	m := square(t)
	for _, c := range []struct {
		name   string
		change func(p *ir.Program)
		want   string
	}{
		{"as it was", func(p *ir.Program) {}, ""},
		{"a bad mesh", func(p *ir.Program) { p.Mesh = &ir.Mesh{} }, "a mesh without axes"},
		{"no mesh", func(p *ir.Program) { p.Mesh = nil }, "shardings without a mesh"},
		{"a sharding too many", func(p *ir.Program) { p.InputShardings = append(p.InputShardings, nil) }, "3 shardings for 2 inputs"},
		{"an input that does not divide", func(p *ir.Program) { p.InputShardings[0] = ir.Sharding{"", "data"} },
			"input 0: axis 1 of float32[4 3] cannot be divided evenly over 2 devices (data of mesh[data=2 model=2]): choose a multiple of 2, or leave it whole"},
		{"an open output", func(p *ir.Program) { p.OutputShardings[0] = ir.Sharding{"?", ""} },
			"output 0: the sharding [? -] leaves an axis open, which only values inside a program may"},
		{"no mesh but a value divided over one", func(p *ir.Program) { p.Mesh, p.InputShardings, p.OutputShardings = nil, nil, nil },
			"instruction 0, Shard: it divides a value over mesh[data=2 model=2] in a program without a mesh"},
		{"another mesh", func(p *ir.Program) { p.Mesh = mesh(t, axis("data", 2)) },
			"instruction 0, Shard: it divides a value over mesh[data=2 model=2] in a program on mesh[data=2]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := graph.NewGraph(nil, "g")
			g.SetMesh(m)
			x := graph.Shard(graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 4, 3)), "data", "")
			y := graph.Parameter(g, "y", shapes.Make(dtypes.Float32, 3))
			p, err := graph.NewProgram(g, graph.Add(graph.Shard(x, "model", ""), y))
			require.NoError(t, err)
			c.change(p)
			wantErr(t, p.Check(), c.want)
		})
	}
}

func TestBodiesHaveNoMesh(t *testing.T) {
	g := graph.NewGraph(nil, "g")
	g.SetMesh(square(t))
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 4))
	f := graph.NewFunction(g, "f", func(g *graph.Graph) []*graph.Node {
		return []*graph.Node{graph.Shard(graph.Neg(x), "data")}
	})
	p, err := graph.NewProgram(g, f.Call()...)
	require.NoError(t, err)
	body := p.Instrs[0].Regions[0]
	require.Nil(t, body.Mesh, "the body has a mesh of its own")
	assert.Nil(t, body.InputShardings, "the body has a mesh of its own")
	body.Mesh = p.Mesh
	assert.ErrorContains(t, p.Check(), `region "f" has a mesh, shardings or marks of donation, which are the whole program's`)
	body.Mesh = nil
	p.Mesh, p.InputShardings, p.OutputShardings = nil, nil, nil
	wantErr(t, p.Check(), "instruction 1, Shard: it divides a value over mesh[data=2 model=2] in a program without a mesh")
}
