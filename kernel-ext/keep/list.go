package keep

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/origin"
)

// Entry is what is known of a value.
type Entry struct {
	Name    string
	Type    string        // such as "*tensors.Tensor"
	Summary string        // the value in one line: "float32[60000 28 28], 188 MB"
	Bytes   int64         // that the value takes
	Made    time.Time     // when
	Took    time.Duration // to make it, 0 if it was put by hand
	Used    time.Time     // when it was last asked for
	ByHand  bool          // by Put
	Version string        // as Version gave it
	// Stale says what has changed since the value was made: the next Once of its name makes it again. It is "" for what is as it was,
	// and also for what cannot be known here: this program has not the function that made it.
	Stale string
}

// Entries are what is kept, by name. They print as a table.
type Entries []Entry

// List returns what is kept, by name.
func List() (Entries, error) {
	_, file, _, _ := runtime.Caller(1)
	return listed(own(file))
}

// A Program knows what the functions of another program are made of, as the kernel of a notebook does of its cells.
type Program interface {
	// Parts says what the function is made of that keeps a value, by the name of the function and that of the value; ok is false if that is not
	// known. Once has noted the same of the value that it kept.
	Parts(function, value string) (parts map[string]string, ok bool)
}

// ListIn is [List] as another program would see it: Stale says what its next Once would make again. A nil program knows nothing.
func ListIn(p Program) (Entries, error) {
	return listed(func(r *record) string {
		if p == nil || origin.ByProgram(r.Parts) {
			return ""
		}
		parts, ok := p.Parts(r.Func, r.Name)
		if !ok {
			return ""
		}
		names := (&origin.Origin{Parts: parts}).Differs(r.Parts)
		if r.Given != "" || r.Version != "" { // these stand for variables, which a cell after the first declares without their value
			names = slices.DeleteFunc(names, func(n string) bool { return strings.HasPrefix(n, "var ") })
		}
		return changed(names)
	})
}

// Stale returns what the functions of this program would make again, since something has changed.
func Stale() (Entries, error) {
	_, file, _, _ := runtime.Caller(1)
	all, err := listed(own(file))
	return slices.DeleteFunc(all, func(e Entry) bool { return e.Stale == "" }), err
}

// listed returns what is kept; stale says what has changed since a value was made.
func listed(stale func(*record) string) (Entries, error) {
	s, err := open()
	if err != nil {
		return nil, fmt.Errorf("keep.List: %w", err)
	}
	all, err := s.list()
	if err != nil {
		return nil, fmt.Errorf("keep.List: %w", err)
	}
	var out Entries
	for _, e := range all {
		one := Entry{Name: e.Name, Type: e.Type, Summary: e.Summary, Bytes: e.Bytes, Made: e.Made, Took: e.Took, Used: e.used, ByHand: e.ByHand, Version: e.Version}
		if !e.ByHand {
			one.Stale = stale(e.record)
		}
		out = append(out, one)
	}
	return out, nil
}

// own says what has changed since a value was made, as far as the package of a file of this program has the function.
func own(file string) func(*record) string {
	return func(r *record) string {
		now, ok := origin.Named(file, r.Func)
		if !ok {
			now, ok = origin.Argument(file, r.Name, "Once", "Once2")
		}
		if !ok {
			return ""
		}
		return changed(now.Differs(r.Parts))
	}
}

// String returns a table.
func (list Entries) String() string {
	if len(list) == 0 {
		return "nothing"
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "name\ttype\tvalue\tmade\tused\t")
	for _, e := range list {
		notes := ""
		switch {
		case e.Stale != "":
			notes = "stale: " + e.Stale
		case e.ByHand:
			notes = "by hand"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", e.Name, e.Type, e.Summary, ago(e.Made), ago(e.Used), notes)
	}
	w.Flush()
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n")
}

// entry is a value in the store.
type entry struct {
	*record
	key  *key
	disk int64
	used time.Time
}

// list returns all values that can be read, by name.
func (s *store) list() ([]*entry, error) {
	files, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, err
	}
	var all []*entry
	for _, f := range files {
		name := f.Name()
		if strings.HasPrefix(name, ".") || !strings.HasSuffix(name, recordSuffix) {
			continue
		}
		r, err := readRecord(s.path(name))
		if err != nil { // dropped in between, or nothing that anybody can use
			continue
		}
		k := s.key(r.Name)
		info, err := os.Lstat(s.path(r.Value))
		if errors.Is(err, fs.ErrNotExist) && k.base+recordSuffix == name { // replaced in between
			if r, err = k.read(); err == nil {
				info, err = os.Lstat(s.path(r.Value))
			}
		}
		if err != nil || k.base+recordSuffix != name {
			continue
		}
		all = append(all, &entry{r, k, info.Size(), info.ModTime()})
	}
	slices.SortFunc(all, func(a, b *entry) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}
