package magics

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quire-ml/quire/internal/bytesize"
	"github.com/quire-ml/quire/internal/safefile"
	"github.com/quire-ml/quire/kernel-ext/internal/relay"
)

func who(opts Options) relay.Magic {
	return relay.Magic{
		Name: "who", Args: "[-a] [NAME…]", Short: "list the values that later cells have, with type, size and cell",
		Long: "-a also lists errors, ok, i, j and k. A value is marked that a new run would make differently.",
		Twin: "none: Go has no list of the variables in reach",
		Run: shows(func(_ context.Context, args []string) (View, error) {
			all := slices.Contains(args, "-a")
			args = slices.DeleteFunc(args, func(s string) bool { return s == "-a" })
			return whoView(opts.Session.Variables(), args, all)
		}),
	}
}

func whoView(list []Variable, names []string, all bool) (View, error) {
	v := View{Head: []string{"name", "type", "value", ">size", "cell", ""}}
	var bytes int64
	for _, x := range list {
		if len(names) > 0 && !slices.Contains(names, x.Name) || len(names) == 0 && !all && x.Passing {
			continue
		}
		size, mark := bytesize.Text(x.Bytes), ""
		switch {
		case x.Why != "":
			size, mark = "", "does not flow: "+x.Why
		case x.Stale != "":
			mark = "stale: " + x.Stale
		}
		bytes += x.Bytes
		v.Rows = append(v.Rows, []string{x.Name, x.Type, x.Summary, size, cellName(x.Cell), mark})
	}
	for _, name := range names {
		if !slices.ContainsFunc(list, func(x Variable) bool { return x.Name == name }) {
			return v, fmt.Errorf("no cell has set %s: %%who -a lists what there is", name)
		}
	}
	switch {
	case len(v.Rows) == 0:
		v.Note = "no values yet"
	case len(v.Rows) > 1:
		v.Note = "together " + bytesize.Text(bytes)
	}
	return v, nil
}

func cellName(n int) string { return fmt.Sprintf("In[%d]", n) }

func stale(opts Options) relay.Magic {
	return relay.Magic{
		Name: "stale", Short: "list the cells to run again, in their order",
		Long: "A value is stale whose cell was changed since, or reads one that was.",
		Twin: "none: run the notebook from the top, or quire run it",
		Run: shows(func(_ context.Context, args []string) (View, error) {
			if len(args) > 0 {
				return View{}, usage("stale", "")
			}
			return staleView(opts.Session.Stale()), nil
		}),
	}
}

func staleView(list []StaleCell) View {
	v := View{Head: []string{"cell", "first line", "why"}}
	for _, s := range list {
		v.Rows = append(v.Rows, []string{cellName(s.Cell), s.Line, s.Why})
	}
	if len(list) == 0 {
		v.Note = "nothing is stale"
	}
	return v
}

func fresh(opts Options) relay.Magic {
	return relay.Magic{
		Name: "fresh", Short: "run the cells again whose values are stale, in their order",
		Twin: "none: run the notebook from the top, or quire run it",
		Run: func(ctx context.Context, c *relay.Call) error {
			list := opts.Session.Stale()
			if c.Args != "" {
				return usage("fresh", "")
			}
			if len(list) == 0 || opts.Rerun == nil {
				v := staleView(list)
				if len(list) > 0 {
					v.Note = "run them in this order"
				}
				c.Display(v.Data())
				return nil
			}
			for _, s := range list {
				c.Print(fmt.Sprintf("%s again: %s\n", cellName(s.Cell), oneLine(s.Line)))
				if err := opts.Rerun(ctx, c, s); err != nil {
					return fmt.Errorf("%s again: %w", cellName(s.Cell), err)
				}
			}
			return nil
		},
	}
}

// exported is the first line of an exported program: a file that begins so may be written anew.
const exported = "// Exported from a notebook by %export, which writes this file anew.\n"

func export(opts Options) relay.Magic {
	return relay.Magic{
		Name: "export", Args: "FILE", Short: "write the cells that ran as one Go program",
		Long: "A file is replaced only if an export wrote it.",
		Twin: "none: the file is the Go",
		Run: func(_ context.Context, c *relay.Call) error {
			path := strings.TrimSpace(c.Args)
			if path == "" {
				return usage("export", "FILE")
			}
			if !filepath.IsAbs(path) {
				path = filepath.Join(opts.Dir, path)
			}
			n, err := writeProgram(opts.Session, path)
			if err == nil {
				c.Print(fmt.Sprintf("%s: %d lines: go run %s\n", path, n, path))
			}
			return err
		},
	}
}

// writeProgram writes the notebook's program to a file, and returns how many lines it has.
func writeProgram(s Session, path string) (lines int, err error) {
	if filepath.Ext(path) != ".go" {
		return 0, fmt.Errorf("%s: a Go program is written to a file whose name ends with .go", path)
	}
	if _, err := os.Stat(filepath.Dir(path)); errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("there is no folder %s: !mkdir -p makes one", filepath.Dir(path))
	}
	old, err := os.Open(path)
	if err == nil {
		begin := make([]byte, len(exported))
		_, err = io.ReadFull(old, begin)
		old.Close()
		if err != nil || string(begin) != exported {
			return 0, fmt.Errorf("%s is there, and no export wrote it: give another name, or remove it", path)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	var text bytes.Buffer
	text.WriteString(exported + "\n")
	if err := s.Export(&text); err != nil {
		return 0, err
	}
	err = safefile.WriteAtomic(path, 0o644, func(w io.Writer) error {
		_, err := w.Write(text.Bytes())
		return err
	})
	return bytes.Count(text.Bytes(), []byte("\n")), err
}
