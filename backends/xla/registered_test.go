//go:build cgo

package xla_test

import (
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The engine is known by its name, with its configurations, and to programs that choose none.
func TestConfigurationsByName(t *testing.T) {
	_, err := backends.New("xla:cpu,devices=0")
	assert.ErrorContains(t, err, `backend "xla:cpu,devices=0": the option devices=0`, "a wrong option")
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
		_, err := backends.New("xla")
		assert.ErrorContains(t, err, "quire plugin install cpu")
		b, err := backends.New()
		require.NoError(t, err, "without a plugin: error %v, want the go engine", err)
		assert.Equal(t, "go", b.Name(), "without a plugin: error %v, want the go engine", err)
	})
}
