package studio

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	kernelcells "github.com/quire-ml/quire/kernel-ext/internal/cells"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
	"github.com/quire-ml/quire/kernel-ext/internal/magics"
	"github.com/quire-ml/quire/kernel-ext/internal/origin"
	"github.com/quire-ml/quire/kernel-ext/internal/relay"
	"github.com/quire-ml/quire/kernel-ext/jobs"
	"github.com/quire-ml/quire/kernel-ext/keep"
	"github.com/quire-ml/quire/viz"
)

// kept has the values that last over restarts.
type kept struct {
	cells    cells
	programs func() string // the directory in which the cells' programs are built
}

// List implements magics.Keeper.
func (k kept) List() (list []magics.Kept, err error) {
	all, err := keep.ListIn(k)
	for _, e := range all {
		list = append(list, magics.Kept{Name: e.Name, Type: e.Type, Summary: e.Summary, Bytes: e.Bytes, Written: e.Made, Stale: e.Stale})
	}
	return list, err
}

// Parts implements keep.Program: what the function would be made of in the next cell. A function without a name is looked for in the cell that
// kept the value last.
func (k kept) Parts(function, value string) (parts map[string]string, ok bool) {
	dir := k.programs()
	if dir == "" {
		return nil, false
	}
	executable := filepath.Join(dir, filepath.Base(dir)+kernelcells.ProgramSuffix)
	in := func(cell string) (origin.Source, bool) {
		text, _ := k.cells.Compose(cell)
		s, err := origin.Read([]byte(text), executable)
		return s, err == nil
	}
	if s, ok := in(""); ok {
		if o, ok := s.Named(function); ok {
			return o.Parts, true
		}
	}
	for _, cell := range k.cells.Latest(value) {
		if s, ok := in(cell); ok {
			if o, ok := s.Argument(value, "Once", "Once2"); ok {
				return o.Parts, true
			}
		}
	}
	return nil, false
}

// Drop implements magics.Keeper.
func (kept) Drop(name string) error { return keep.Drop(name) }

// background has the jobs of this user.
type background struct{}

// List implements magics.Jobs.
func (background) List() (list []magics.Job, err error) {
	all, err := jobs.List()
	for _, j := range all {
		s := j.Status()
		list = append(list, magics.Job{Name: j.Name(), State: state(s), Began: s.Started, Took: s.Took, Last: s.Last})
	}
	return list, err
}

// state says what a job does, or how it ended.
func state(s jobs.Status) string {
	switch {
	case s.Text == "":
		return string(s.State)
	case strings.HasPrefix(s.Text, string(s.State)): // it begins with the word
		return s.Text
	}
	return string(s.State) + ": " + s.Text
}

// Stop implements magics.Jobs.
func (background) Stop(name string) error { return jobs.Stop(name) }

// redraw is how often a job is shown anew.
const redraw = 200 * time.Millisecond

// Attach implements magics.Jobs. What is shown last stays.
func (background) Attach(ctx context.Context, c *relay.Call, name string) error {
	all, err := jobs.List()
	if err != nil {
		return err
	}
	for _, j := range all {
		if j.Name() == name {
			follow(ctx, c, j)
			return nil
		}
	}
	return fmt.Errorf("there is no job %q: %%jobs lists those there are", name)
}

// follow shows a job in one display until it ends. After a reload of the page nobody knows that display: each call has its own.
func follow(ctx context.Context, c *relay.Call, j *jobs.Job) {
	kind, id, last := jupyter.DisplayData, rand.Text(), ""
	for {
		ended := j.Status().State != jobs.Running // before reading: what comes after the end would be missed
		if b := j.Bundle(); b.Text() != last || ended {
			d := jupyter.Display{Data: bundle(b), Metadata: map[string]any{}}
			d.Transient.DisplayID = id
			c.Relay.Publish(c.Cell.Request, kind, d)
			kind, last = jupyter.UpdateDisplayData, b.Text()
		}
		if ended {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(redraw):
		}
	}
}

// bundle returns what a view holds as text, by MIME type.
func bundle(b viz.Bundle) map[string]any {
	return map[string]any{"text/plain": b.Text(), "text/html": b.HTML()}
}
