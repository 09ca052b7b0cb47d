package backends

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
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
				assert.Equal(t, "go", b.Name())
				assert.NoError(t, b.Close())
			}
		})
	}
}

// A table of engines that do not open, by rank, beside one that does.
func TestTheHighestRankThatOpensIsTaken(t *testing.T) {
	t.Setenv(Env, "")
	broken := func(string) (ir.Backend, error) { return nil, errors.New("no such device") }
	var known registry.Table
	_, err := open(&known, nil)
	require.EqualError(t, err, "backends: this program has no engine to choose by itself")

	known.Register(Engine{Name: "unranked", Open: gocpu.Open})
	_, err = open(&known, nil)
	require.Error(t, err, "an engine without a rank is opened by name alone")
	_, err = open(&known, []string{"unranked"})
	require.NoError(t, err)

	known.Register(Engine{Name: "broken", Rank: 30, Open: broken})
	_, err = open(&known, nil)
	require.EqualError(t, err, `backend "broken": no such device`)

	known.Register(Engine{Name: "plain", Rank: 10, Open: gocpu.Open})
	b, err := open(&known, nil)
	require.NoError(t, err, "the best one that opens")
	require.NoError(t, b.Close())

	known.Register(Engine{Name: "far", Rank: 40, About: "import it"})
	_, err = open(&known, []string{"far:0"})
	require.EqualError(t, err, `backend "far" is not part of this program: import it`)
	_, err = open(&known, []string{"gpu"})
	require.EqualError(t, err, `backend "gpu" is unknown: the known ones are broken, plain, unranked`)
	_, err = open(&known, []string{"plain", "plain"})
	require.ErrorContains(t, err, "2 configurations given")
}
