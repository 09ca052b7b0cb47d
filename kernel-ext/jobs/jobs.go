package jobs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Option says more about how a job is started.
type Option func(*options)

type options struct{ outlive bool }

// Outlive leaves a job without owner: it goes on when the notebook server, or the terminal, has ended.
func Outlive() Option { return func(o *options) { o.outlive = true } }

// Start runs fn in the background and returns when it has begun. The package comment says how the program comes to fn, what runs twice,
// and when a job ends. A job of the same name that runs is an error; one that has ended is replaced.
//
// An interrupt while Start waits does not end the job.
func Start(name string, fn func(*Work) error, opts ...Option) (*Job, error) {
	place := fmt.Sprintf("jobs.Start %q", name)
	if err := checkName(name); err != nil {
		return nil, fmt.Errorf("%s: %w", place, err)
	}
	if fn == nil {
		return nil, fmt.Errorf("%s: the function is nil", place)
	}
	if self.name == name {
		work(fn) // does not return
	}
	if self.name != "" { // a job starts none: in the cell this call did
		j, err := find(name)
		if err != nil {
			return nil, fmt.Errorf("%s: in the job %q: %w", place, self.name, err)
		}
		return j, nil
	}
	var o options
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	j, err := start(name, o)
	if err != nil {
		return j, fmt.Errorf("%s: %w", place, err)
	}
	return j, nil
}

// Attach shows a job until it ends: the curves of its training as viz.Live does, and what it prints. An interrupt ends the showing
// only. It may be called any number of times, in any cell and program of the user, also for a job that has ended.
func Attach(name string) (*Job, error) {
	j, err := find(name)
	if err != nil {
		return nil, fmt.Errorf("jobs.Attach %q: %w", name, err)
	}
	j.Attach()
	return j, nil
}

// Wait returns when a job has ended, with an error that says how, if it did not end as it should.
func Wait(name string) error {
	j, err := find(name)
	if err != nil {
		return fmt.Errorf("jobs.Wait %q: %w", name, err)
	}
	return j.Wait()
}

// Stop ends jobs as the package comment says, and returns when they have ended. It is no error if they have ended already.
func Stop(names ...string) error {
	var all []error
	for _, name := range names {
		j, err := find(name)
		if err != nil {
			all = append(all, fmt.Errorf("jobs.Stop %q: %w", name, err))
			continue
		}
		all = append(all, j.Stop())
	}
	return errors.Join(all...)
}

// find returns the job of a name.
func find(name string) (*Job, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	dir, err := root()
	if err != nil {
		return nil, err
	}
	j, err := open(dir, folderName(name))
	if err == nil && j.name != name {
		err = errors.New("its folder is that of another job")
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no job of this name: jobs.List() says which there are (%w)", os.ErrNotExist)
	}
	return j, err
}

// Jobs are jobs by name. They print as a table.
type Jobs []*Job

// List returns all jobs of the user, by name: those that run, and those that have ended and whose log is still there.
func List() (Jobs, error) {
	dir, err := root()
	if err != nil {
		return nil, fmt.Errorf("jobs.List: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("jobs.List: %w", err)
	}
	var all Jobs
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if strings.Contains(e.Name(), newMark) {
			sweepNew(filepath.Join(dir, e.Name()))
			continue
		}
		if j, err := open(dir, e.Name()); err == nil {
			all = append(all, j)
		}
	}
	slices.SortFunc(all, func(a, b *Job) int { return strings.Compare(a.name, b.name) })
	return all, nil
}

// String returns a table.
func (list Jobs) String() string {
	if len(list) == 0 {
		return "no jobs"
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "name\tstate\tstarted\ttook\t")
	for _, j := range list {
		s := j.Status()
		fmt.Fprintf(w, "%s\t%s\t%s\t%v\t%s\n", j.Name(), s.State, s.Started.Local().Format(time.DateTime), round(s.Took), s.Text)
	}
	w.Flush()
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n")
}

// round writes times for people.
func round(d time.Duration) time.Duration {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond)
	case d < time.Minute:
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}
