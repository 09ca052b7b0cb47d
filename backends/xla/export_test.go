//go:build cgo

package xla

import (
	"slices"

	"github.com/quire-ml/quire/backends/xla/internal/capi"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/ir"
)

// Differs returns the row of the table that says that the op may give something else for special values of a type, or -1.
func Differs(op string, d dtypes.DType) int {
	return slices.IndexFunc(differences, func(r difference) bool {
		return slices.ContainsFunc(r.ops, func(o *ir.Op) bool { return o.Name == op }) && (r.dtypes == 0 || r.dtypes.Has(d))
	})
}

// EachDifference calls f with every op that a row of the table names for special values.
func EachDifference(f func(row int, op string)) {
	for i, r := range differences {
		for _, op := range r.ops {
			if !r.tested {
				f(i, op.Name)
			}
		}
	}
}

var (
	DifferencesTable = differencesTable
	OptionsTable     = optionsTable
)

// OpenTable opens the engine on a plugin in memory.
func OpenTable(table uintptr, options string) (*Engine, error) {
	cfg, err := parseConfig(options)
	if err != nil {
		return nil, err
	}
	cfg.kind = kindOf(cfg.plugin)
	dir := cfg.values["cache"] // the user's folder is not for tests
	if dir == "off" {
		dir = ""
	}
	clients.Lock()
	defer clients.Unlock()
	api, err := capi.Wrap(table, capi.Options{CacheDir: dir})
	if err != nil {
		return nil, err
	}
	c, err := connect(cfg, api, "table")
	if err != nil {
		return nil, err
	}
	c.key = "" // not shared
	c.users++
	return &Engine{client: c, name: "xla:" + cfg.plugin, held: map[*counted]struct{}{}}, nil
}

// LimitPrograms sets how many compiled programs the engine's client keeps.
func (e *Engine) LimitPrograms(n int) {
	p := e.client.programs
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit = n
	p.trim()
}
