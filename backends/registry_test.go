package backends

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/internal/registry"
	"github.com/quire-ml/quire/graph/ir"
)

func TestNewOpensByName(t *testing.T) {
	t.Setenv(Env, "")
	for _, c := range []struct {
		name, config, env string
		wantErr           string
	}{
		{"the pure-Go engine is always there", "go", "", ""},
		{"options follow a colon", "go:workers=2", "", ""},
		{"no configuration takes the best there is", "", "", ""},
		{"no configuration takes the environment's", "", "go:workers=1", ""},
		{"an unknown name lists the known ones", "gpu", "", `backend "gpu" is unknown: the known ones are go`},
		{"an engine that is not linked says how to get it", "xla:cpu", "", `backend "xla" is not part of this program: add import _ "github.com/quire-ml/quire/backends/xla"`},
		{"an unknown name in the environment says where it came from", "", "gpu", `QUIRE_BACKEND: backend "gpu" is unknown`},
		{"a bad option is refused", "go:workers=many", "", `backend "go:workers=many": option "workers=many"`},
		{"an unknown option is refused", "go:speed=9", "", `option "speed=9"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(Env, c.env)
			var config []string
			if c.config != "" {
				config = []string{c.config}
			}
			b, err := New(config...)
			switch {
			case c.wantErr == "" && err != nil:
				t.Fatal(err)
			case c.wantErr != "" && (err == nil || !strings.Contains(err.Error(), c.wantErr)):
				t.Fatalf("got %v, want an error with %q", err, c.wantErr)
			case err == nil:
				if b.Name() != "go" {
					t.Errorf("got the backend %q", b.Name())
				}
				if err := b.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestTheBackendRegisteredLastIsTheBestThatOpens(t *testing.T) {
	t.Setenv(Env, "")
	t.Cleanup(func() { registry.Unregister("broken") }) // other tests want the list as it was
	Register("broken", func(string) (ir.Backend, error) { return nil, errors.New("no such device") })
	if !slices.Equal(List(), []string{"broken", "go"}) {
		t.Errorf("the list is %v", List())
	}
	b, err := New()
	if err != nil || b.Name() != "go" {
		t.Errorf("got %v, %v, want the next best one", b, err)
	}
	if _, err := New("broken"); err == nil || err.Error() != `backend "broken": no such device` {
		t.Errorf("got %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a taken name was registered again")
		}
	}()
	Register("go", nil)
}
