package registry

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/quire-ml/quire/graph/ir"
)

func opens(string) (ir.Backend, error) { return nil, nil }

// Go initialises packages in an order that nobody should have to know: in every one the table is the same.
func TestTheOrderOfRegistrationDoesNotMatter(t *testing.T) {
	engines := []Engine{
		{Name: "go", Rank: 10, Open: opens},
		{Name: "xla", Rank: 20, Open: opens},
		{Name: "xla", About: "import it"},
		{Name: "mlx", Rank: 10, Open: opens},
		{Name: "echo", Open: opens},
		{Name: "far", About: "import it"},
	}
	orders := 0
	permute(engines, func(order []Engine) {
		orders++
		var table Table
		for _, e := range order {
			table.Register(e)
		}
		var names []string
		for _, e := range table.Engines() {
			names = append(names, e.Name)
		}
		assert.Equal(t, []string{"xla", "go", "mlx", "echo"}, names)
		xla, _ := table.Get("xla")
		assert.Equal(t, 20, xla.Rank, "advice took the engine's place")
		far, known := table.Get("far")
		assert.True(t, known && far.Open == nil)
	})
	assert.Equal(t, 720, orders)
}

// permute calls f with every order of list.
func permute(list []Engine, f func([]Engine)) {
	if len(list) == 0 {
		f(nil)
		return
	}
	for i := range list {
		rest := append(append([]Engine{}, list[:i]...), list[i+1:]...)
		permute(rest, func(order []Engine) { f(append(order, list[i])) })
	}
}

func TestWhatCannotBeRegisteredPanics(t *testing.T) {
	var table Table
	table.Register(Engine{Name: "go", Open: opens})
	for _, c := range []struct {
		name   string
		engine Engine
		want   string
	}{
		{"no name", Engine{Open: opens}, `backends: the name "" is empty or contains a colon`},
		{"a colon", Engine{Name: "go:fast", Open: opens}, `backends: the name "go:fast" is empty or contains a colon`},
		{"a name that is taken", Engine{Name: "go", Open: opens}, `backends: the name "go" is taken`},
		{"nothing to open and no advice", Engine{Name: "tpu"}, `backends: the engine "tpu" has neither Open nor About`},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.PanicsWithValue(t, c.want, func() { table.Register(c.engine) })
		})
	}
	assert.Len(t, table.Engines(), 1)
}
