// Package backendcodec carries backends from cell to cell: by name. The next cell opens the engine of that name anew, with the options that
// an engine has without any; results do not depend on these.
package backendcodec

import (
	"errors"
	"strings"

	"github.com/quire-ml/quire/backends"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/kernel-ext/carry"
)

func init() {
	carry.Register(carry.Codec[ir.Backend, string]{
		Pack: func(b ir.Backend) (string, error) { return b.Name(), nil },
		Unpack: func(name string) (ir.Backend, error) {
			b, err := backends.New(name)
			if err != nil && !strings.Contains(err.Error(), name) {
				return nil, errors.New(name + ": " + err.Error())
			}
			return b, err
		},
		Summary: func(b ir.Backend) string { return b.Name() },
	})
}
