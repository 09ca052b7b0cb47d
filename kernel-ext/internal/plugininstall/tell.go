package plugininstall

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/quire-ml/quire/backends/xla/plugins"
)

// Tell installs as Install does, and tells people: on stderr what is going to happen and how far it is, on stdout what
// there is then.
func Tell(ctx context.Context, pin Pin, from Source, dir string, stdout, stderr io.Writer) error {
	d := NewDisplay(stderr)
	p, err := Install(ctx, pin, from, Options{Dir: dir, Note: d.Note, Progress: d.Progress})
	d.Close()
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "installed the plugin %s %s in %s\n", p.Name, p.Version, p.Dir)
	if pin.Needs != "" {
		fmt.Fprintf(stderr, "it needs %s\n", pin.Needs)
	}
	if parent := filepath.Dir(p.Dir); !slices.Contains(plugins.Dirs(), parent) {
		fmt.Fprintf(stderr, "it is found there with QUIRE_PLUGINS=%s\n", parent)
	}
	return nil
}
