package traces

import (
	"os"
	"sync"
	"time"
)

// Reader reads what the programs of cells have noted in a directory. It is safe for several goroutines.
type Reader struct {
	dir string

	mu     sync.Mutex
	files  map[string]known
	latest Latest
}

// Latest is what was noted last: of each line by its place, and of each variable by its path. Nobody changes it.
type Latest struct {
	Lines     map[string]Dated[Line]
	Variables map[string]Dated[Variable]
}

// Dated is something with the time at which its program noted it.
type Dated[T any] struct {
	Value T
	At    time.Time
}

// known is a file that was read, to see whether it has changed.
type known struct {
	size int64
	at   time.Time
	file File
}

// NewReader returns the reader of a directory, which need not be there yet: the one that programs find in $QUIRE_TRACES.
func NewReader(dir string) *Reader { return &Reader{dir: dir, files: map[string]known{}} }

// Latest reads what is new. A file that cannot be read is passed over: it is of another version, or gone.
func (r *Reader) Latest() Latest {
	r.mu.Lock()
	defer r.mu.Unlock()
	paths := list(r.dir)
	if r.look(paths) {
		r.latest = merged(paths, r.files)
	}
	return r.latest
}

// look reads the files that have changed, and says whether there are any.
func (r *Reader) look(paths []string) (changed bool) {
	there := map[string]bool{}
	for _, path := range paths {
		there[path] = true
		info, err := os.Stat(path)
		old, ok := r.files[path]
		if err != nil || ok && old.size == info.Size() && old.at.Equal(info.ModTime()) {
			continue
		}
		file, _ := Read(path)
		r.files[path] = known{info.Size(), info.ModTime(), file}
		changed = true
	}
	for path := range r.files {
		if !there[path] {
			delete(r.files, path)
			changed = true
		}
	}
	return changed
}

// merged puts files together, of which the latest is the last.
func merged(paths []string, files map[string]known) Latest {
	l := Latest{map[string]Dated[Line]{}, map[string]Dated[Variable]{}}
	for _, path := range paths {
		file := files[path].file
		for _, line := range file.Lines {
			l.Lines[line.Place] = Dated[Line]{line, file.Time}
		}
		for _, v := range file.Variables {
			l.Variables[v.Path] = Dated[Variable]{v, file.Time}
		}
	}
	return l
}
