package failure

import (
	"slices"
	"strings"
	"sync"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"
	"github.com/quire-ml/quire/kernel-ext/internal/relay"
)

// Options of New; all may be left out.
type Options struct {
	// Packages are import paths that a name may stand for which nobody imports.
	Packages []string
	// Module is the path of the module of Quire: frames in its packages are left out of a trace.
	Module string
	// Commands are the names of commands beside those of gonb.
	Commands []string
}

// Book knows the cells that a kernel was given. It may be used by several goroutines.
type Book struct {
	opts Options

	mu      sync.Mutex
	sources map[int][]string // lines of cells by execution count
}

// New returns a book without cells.
func New(opts Options) *Book { return &Book{opts: opts, sources: map[int][]string{}} }

// Begin writes down a cell that is about to run and returns what follows it. It makes a Book what the relay calls for
// every cell.
func (b *Book) Begin(c relay.Cell) relay.Report {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sources[c.Count] = strings.Split(strings.ReplaceAll(c.Source, "\r\n", "\n"), "\n")
	return &report{book: b, cell: c.Count}
}

// line returns a line of a cell, counted from 1.
func (b *Book) line(cell, n int) (text string, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	lines := b.sources[cell]
	if n < 1 || n > len(lines) {
		return "", false
	}
	return lines[n-1], true
}

// lines returns the lines of a cell.
func (b *Book) lines(cell int) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sources[cell]
}

// before returns the cells up to one, the latest first.
func (b *Book) before(cell int) (counts []int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for n := range b.sources {
		if n <= cell {
			counts = append(counts, n)
		}
	}
	slices.Sort(counts)
	slices.Reverse(counts)
	return counts
}

// declared looks for the cell, up to a given one, that declared a name last, and says whether that was in its main part.
func (b *Book) declared(name string, upTo int) (cell int, inMain, ok bool) {
	for _, n := range b.before(upTo) {
		names := cells.Names(b.lines(n))
		if slices.Contains(names.Main, name) {
			return n, true, true
		}
		if slices.Contains(names.Package, name) {
			return n, false, true
		}
	}
	return 0, false, false
}

// similar returns a name that cells declare outside of their main parts and that differs from the given one by a slip of
// the finger, and the cell that did.
func (b *Book) similar(name string, upTo int) (other string, cell int) {
	for _, n := range b.before(upTo) {
		for _, known := range cells.Names(b.lines(n)).Package {
			if slip(name, known) {
				return known, n
			}
		}
	}
	return "", 0
}

// slip reports whether two words differ by little enough for one to be meant for the other: in the case of letters, or
// by one letter of four or more that is changed, left out, added, or changed with the next.
func slip(a, b string) bool {
	if strings.EqualFold(a, b) {
		return true
	}
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(a) < 4 || len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return a[i:] == b[i+1:]
	}
	swapped := i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
	return swapped || a[i+1:] == b[i+1:]
}

// packages returns the import paths whose last element is a name.
func (b *Book) packages(name string) (paths []string) {
	for _, path := range b.opts.Packages {
		if path[strings.LastIndexByte(path, '/')+1:] == name {
			paths = append(paths, path)
		}
	}
	return paths
}
