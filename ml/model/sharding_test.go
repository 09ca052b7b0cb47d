package model_test

import (
	"context"
	"regexp"
	"strings"
	"testing"

	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/model"

	"github.com/stretchr/testify/require"
)

// watched is the reference backend, keeping the programs that it compiles.
type watched struct {
	Backend
	programs []*Program
}

func (w *watched) Compile(ctx context.Context, p *Program) (ir.Executable, error) {
	w.programs = append(w.programs, p)
	return w.Backend.Compile(ctx, p)
}

func newMesh(t *testing.T, axes ...MeshAxis) *Mesh {
	m, err := NewMesh(axes...)
	require.NoError(t, err)
	return m
}

// layer is a layer whose weights w move towards 0, with a bias b that stays.
func layer(scope *model.Scope, x *Node) *Node {
	w := scope.VariableWithShape("w", shapes.Make(x.DType(), x.Dim(-1), 6))
	b := scope.VariableWithValue("b", make([]float32, 6))
	y := Add(MatMul(x, w.NodeValue(x)), b.NodeValue(x))
	w.SetNodeValue(MulScalar(w.NodeValue(x), 0.5))
	return ReduceAllSum(y)
}

// texts are shardings as text, by the name of what they divide.
func texts(p *Program) map[string]string {
	m := map[string]string{}
	for i, s := range p.InputShardings {
		m[p.InputNames[i]] = s.String()
	}
	return m
}

func TestExecDividesBatchesAndVariables(t *testing.T) {
	backend, store := &watched{Backend: graphtest.Reference()}, model.NewStore()
	require.NoError(t, store.ShardVariables("w", "", "model"))
	exec := model.MustNewExec(backend, store, layer)
	exec.WithMesh(newMesh(t, MeshAxis{Name: "data", Size: 2}, MeshAxis{Name: "model", Size: 3}))
	require.Equal(t, "mesh[data=2 model=3]", exec.Mesh().String())

	exec.MustCall1([][]float32{{1, 2}, {3, 4}, {5, 6}, {7, 8}})
	p := backend.programs[0]
	require.NoError(t, p.Check())
	require.Equal(t, "mesh[data=2 model=3]", p.Mesh.String())
	require.Equal(t, map[string]string{"p0": "[data -]", "var:/w": "[- model]", "var:/b": "[-]"}, texts(p))
	require.Equal(t, []ir.Sharding{nil, {"", "model"}}, p.OutputShardings, "the new value of w lies where the old one was")
	require.Equal(t, []bool{false, true, false}, p.Donated)

	exec.MustCall1([][]float32{{1, 2}, {3, 4}, {5, 6}}) // three examples are not dealt over two devices
	require.Equal(t, map[string]string{"p0": "[]", "var:/w": "[- model]", "var:/b": "[-]"}, texts(backend.programs[1]))

	exec.WithMesh(nil).MustCall1([][]float32{{1, 2}, {3, 4}})
	require.Nil(t, backend.programs[2].Mesh)
}

// TestAVariableBecomesAnInput checks the one case in which the new value of a variable is a bare input.
func TestAVariableBecomesAnInput(t *testing.T) {
	backend, store := &watched{Backend: graphtest.Reference()}, model.NewStore()
	exec := model.MustNewExec(backend, store, func(scope *model.Scope, x *Node) *Node {
		v := scope.VariableWithValue("v", []float32{0, 0, 0}).SetSharding("model")
		w := scope.VariableWithValue("w", []float32{1, 2, 3})
		old := w.NodeValue(x)
		w.SetNodeValue(v.NodeValue(x))
		v.SetNodeValue(x)
		return old
	}).WithMesh(newMesh(t, MeshAxis{Name: "data", Size: 2}, MeshAxis{Name: "model", Size: 3}))
	require.Equal(t, []float32{1, 2, 3}, exec.MustCall1([]float32{4, 5, 6}).Value())
	require.Equal(t, []float32{0, 0, 0}, exec.MustCall1([]float32{7, 8, 9}).Value())
	p := backend.programs[0]
	require.Equal(t, map[string]string{"p0": "[]", "var:/v": "[model]", "var:/w": "[-]"}, texts(p))
	require.Equal(t, []ir.Sharding{nil, {""}, {"model"}}, p.OutputShardings)
	require.Equal(t, []float32{7, 8, 9}, store.GetVariable("v").MustValue().Value())
	require.Equal(t, []float32{4, 5, 6}, store.GetVariable("w").MustValue().Value())
}

func TestMeshChangesNoNumbers(t *testing.T) {
	run := func(m *Mesh) []any {
		store := model.NewStore()
		require.NoError(t, store.ShardVariables("/w", "", "model"))
		exec := model.MustNewExec(graphtest.Reference(), store, layer).WithMesh(m)
		var out []any
		for range 3 {
			out = append(out, exec.MustCall1([][]float32{{1, 2}, {3, 4}}).Value())
		}
		return append(out, store.GetVariable("w").MustValue().Value())
	}
	require.Equal(t, run(nil), run(newMesh(t, MeshAxis{Name: "data", Size: 2}, MeshAxis{Name: "model", Size: 2})))
}

func TestShardingRules(t *testing.T) {
	for _, c := range []struct {
		pattern string
		want    string // the variables that it divides
	}{
		{"w", "/a/up/w /a/w /w"},
		{"/w", "/w"},
		{"a/w", "/a/w"},
		{"up/w", "/a/up/w"},
		{"/a/*/w", "/a/up/w"},
		{"*/w", "/a/up/w /a/w /w"}, // the first element of /w is empty
		{"?/w", "/a/w"},
		{"*", "/a/up/w /a/w /b /w"},
		{"/*", "/b /w"},
		{"x/y/z/a/up/w", ""},
		{"[ab]", "/b"},
	} {
		t.Run(c.pattern, func(t *testing.T) {
			store := model.NewStore()
			add := func(scope, name string) { store.Scope(scope).VariableWithValue(name, []float32{1}) }
			add("/", "w")
			add("/a", "w")
			require.NoError(t, store.ShardVariables(c.pattern, "model")) // holds for variables made before and after
			add("/", "b")
			add("/a/up", "w")
			var got []string
			for v := range store.IterVariables() {
				if v.Sharding() != nil {
					got = append(got, v.Path())
				}
			}
			require.Equal(t, c.want, strings.Join(got, " "))
			clone, err := store.Clone()
			require.NoError(t, err)
			for v := range clone.IterVariables() {
				require.Equal(t, store.GetVariable(v.Path()).Sharding(), v.Sharding())
			}
		})
	}
}

func TestTheLastShardingHolds(t *testing.T) {
	store := model.NewStore()
	require.NoError(t, store.ShardVariables("w", "data"))
	require.NoError(t, store.ShardVariables("w", "model"))
	w := store.RootScope().VariableWithValue("w", []float32{1})
	require.Equal(t, ir.Sharding{"model"}, w.Sharding())
	require.Equal(t, "/w float32[1] split [model]", w.String())
	require.Nil(t, w.SetSharding().Sharding())
	require.Nil(t, w.SetSharding("").Sharding())
	require.NoError(t, store.ShardVariables("w", "data"))
	require.Equal(t, ir.Sharding{"data"}, w.Sharding())
}

func TestAnotherShardingCompilesAnew(t *testing.T) {
	backend, store := &watched{Backend: graphtest.Reference()}, model.NewStore()
	exec := model.MustNewExec(backend, store, counter).WithMesh(newMesh(t, MeshAxis{Name: "data", Size: 1}))
	exec.MustCall1(float32(1))
	store.GetVariable("total").SetSharding() // as it was
	exec.MustCall1(float32(1))
	require.Len(t, backend.programs, 1)
	store.GetVariable("total").SetSharding("data") // a scalar has no axis to divide
	_, err := exec.Call1(float32(1))
	require.ErrorContains(t, err, `variable "/total", made at model_test.go:`)
	require.ErrorContains(t, err, "the sharding [data] has 1 entries for the 0 axes of float32[]")
}

func TestShardingErrors(t *testing.T) {
	grid := newMesh(t, MeshAxis{Name: "data", Size: 2}, MeshAxis{Name: "model", Size: 4})
	for _, pattern := range []string{"", "/", "//", "a[", "a["} {
		require.ErrorContains(t, model.NewStore().ShardVariables(pattern, "data"), "is no pattern of a path", pattern)
	}
	call := func(m *Mesh, set func(s *model.Store)) error {
		store := model.NewStore()
		set(store)
		_, err := model.MustNewExec(graphtest.Reference(), store, layer).WithMesh(m).Call1([][]float32{{1, 2}})
		return err
	}
	rule := func(pattern string, axes ...string) func(s *model.Store) {
		return func(s *model.Store) { require.NoError(t, s.ShardVariables(pattern, axes...)) }
	}
	for _, c := range []struct {
		name string
		mesh *Mesh
		set  func(s *model.Store)
		want string
	}{
		{"it does not divide", grid, rule("w", "", "model"), "axis 1 of float32[2 6] cannot be divided evenly over 4 devices (model of mesh[data=2 model=4]): choose a multiple of 4, or leave it whole"},
		{"no such axis", grid, rule("w", "", "pipe"), `variable "/w", made at sharding_test.go:*: the sharding [- pipe] names the axis "pipe", which mesh[data=2 model=4] does not have`},
		{"an entry too few", grid, rule("w", "data"), "the sharding [data] has 1 entries for the 2 axes of float32[2 6]"},
		{"an open axis", grid, rule("w", Open, "data"), "the sharding [? data] leaves an axis open, which a variable cannot"},
		{"no such variable", grid, rule("up/wieghts", "", "model"), `model: ShardVariables("up/wieghts"): the model has no variable of this path`},
		{"no such variable, and no mesh", nil, rule("up/wieghts", "", "model"), ""},
		{"a mesh that is none", &Mesh{}, func(*model.Store) {}, "SetMesh: a mesh without axes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := call(c.mesh, c.set)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			require.Contains(t, regexp.MustCompile(`_test\.go:\d+`).ReplaceAllString(err.Error(), "_test.go:*"), c.want)
		})
	}
}
