//go:build cgo

package xla_test

import (
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends"
)

// The engine is known by its name, with its configurations, and to programs that choose none.
func TestConfigurationsByName(t *testing.T) {
	if _, err := backends.New("xla:cpu,devices=0"); err == nil || !strings.Contains(err.Error(), `backend "xla:cpu,devices=0": the option devices=0`) {
		t.Errorf("a wrong option: error %v", err)
	}
	t.Setenv(backends.Env, "")
	t.Run("installed", func(t *testing.T) {
		needPlugin(t)
		for _, config := range []string{"xla", "xla:cpu", "xla:cache=off,devices=2", "xla:cpu,log=2,cache=off"} {
			b, err := backends.New(config)
			if err != nil {
				t.Errorf("%s: %v", config, err)
				continue
			}
			if b.Name() != "xla:cpu" && b.Name() != "xla:cuda" {
				t.Errorf("%s opens %s", config, b.Name())
			}
			b.Close()
		}
		if b, err := backends.New(); err != nil || !strings.HasPrefix(b.Name(), "xla:") {
			t.Errorf("the best there is: %v", err)
		} else {
			b.Close()
		}
	})
	t.Run("missing", func(t *testing.T) {
		t.Setenv("QUIRE_PLUGINS", t.TempDir())
		if _, err := backends.New("xla"); err == nil || !strings.Contains(err.Error(), "quire plugin install cpu") {
			t.Errorf("error %v", err)
		}
		if b, err := backends.New(); err != nil || b.Name() != "go" {
			t.Errorf("without a plugin: error %v, want the go engine", err)
		}
	})
}
