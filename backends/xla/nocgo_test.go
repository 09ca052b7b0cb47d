//go:build !cgo

package xla_test

import (
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends"
	_ "github.com/quire-ml/quire/backends/xla"
)

func TestWithoutCgo(t *testing.T) {
	if _, err := backends.New("xla:cpu"); err == nil || !strings.Contains(err.Error(), "needs cgo and a C compiler: build with CGO_ENABLED=1") {
		t.Errorf("error %v", err)
	}
	t.Setenv(backends.Env, "")
	if b, err := backends.New(); err != nil || b.Name() != "go" {
		t.Errorf("without a configuration: %v (error %v), want the go engine", b, err)
	}
}
