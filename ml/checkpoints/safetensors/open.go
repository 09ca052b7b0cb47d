package safetensors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	slashpath "path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/safefile"
)

// File reads single tensors of a file, or of the files that a checkpoint is divided into: [Open] reads headers, each tensor is read when it
// is asked for, and the others are not. It is safe for several goroutines.
type File struct {
	metadata map[string]string
	entries  map[string]map[string]place     // by file, "" of what is one, and name
	index    map[string]string               // the file of each tensor, of a divided checkpoint
	open     func(name string) (file, error) // of the folder

	mu    sync.Mutex
	files map[string]io.Closer // that are open
	done  bool
}

// place is where a tensor is.
type place struct {
	Entry
	r     io.ReaderAt
	begin int64
}

// Open opens a file, or a divided checkpoint by its index, a file such as model.safetensors.index.json that names a file for each tensor:
// of these it opens those that tensors are read from. Close closes it.
func Open(path string) (*File, error) {
	folder := filepath.Dir(path)
	return open(path, filepath.Base(path), func(name string) (file, error) {
		f, err := safefile.Open(filepath.Join(folder, name))
		if err != nil {
			return file{}, err
		}
		info, err := f.Stat()
		if err != nil {
			f.Close()
			return file{}, err
		}
		return file{f, f, info.Size(), f.Name()}, nil
	})
}

// OpenFS is [Open] for a file of a file system, such as what a program has embedded. A file that cannot be read from any place is read as a whole.
func OpenFS(fsys fs.FS, name string) (*File, error) {
	if fsys == nil {
		return nil, errors.New("safetensors: the file system is nil")
	}
	folder := slashpath.Dir(name)
	return open(name, slashpath.Base(name), func(name string) (file, error) {
		name = slashpath.Join(folder, name)
		f, err := safefile.OpenFS(fsys, name)
		if err != nil {
			return file{}, err
		}
		if r, ok := f.(io.ReaderAt); ok {
			if info, err := f.Stat(); err == nil {
				return file{r, f, info.Size(), name}, nil
			}
		}
		defer f.Close()
		all, err := io.ReadAll(f)
		if err != nil {
			return file{}, err
		}
		return file{bytes.NewReader(all), io.NopCloser(nil), int64(len(all)), name}, nil
	})
}

// file is one that is open.
type file struct {
	io.ReaderAt
	io.Closer
	size int64
	path string
}

// open opens the file at a path, which has a name in its folder, whose files opener opens.
func open(path, name string, opener func(name string) (file, error)) (*File, error) {
	f := &File{entries: map[string]map[string]place{}, files: map[string]io.Closer{}, open: opener}
	if strings.HasSuffix(name, ".json") {
		if err := f.readIndex(name); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return f, nil
	}
	metadata, err := f.header(name, "")
	if err != nil {
		return nil, err
	}
	f.metadata = metadata
	return f, nil
}

// NewFile reads single tensors of what r holds, which has so many bytes.
func NewFile(r io.ReaderAt, size int64) (*File, error) {
	f := &File{entries: map[string]map[string]place{}}
	metadata, err := f.add(r, size, "")
	f.metadata = metadata
	return f, err
}

// maxIndex is the largest index that is read, in bytes.
const maxIndex = 64 << 20

// readIndex reads which file has which tensor.
func (f *File) readIndex(name string) error {
	in, err := f.open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	text, err := io.ReadAll(io.NewSectionReader(in, 0, maxIndex+1))
	if err != nil {
		return err
	}
	if len(text) > maxIndex {
		return &safefile.TooLargeError{Path: in.path, Limit: maxIndex}
	}
	var index struct {
		Metadata  map[string]any    `json:"metadata"`
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(text, &index); err != nil {
		return fmt.Errorf("the index is no JSON of a divided checkpoint: %w", err)
	}
	if len(index.WeightMap) == 0 {
		return errors.New(`the index has no "weight_map": it names no tensors`)
	}
	for _, name := range slices.Sorted(maps.Keys(index.WeightMap)) {
		file := index.WeightMap[name]
		if file != filepath.Base(file) || file == "." || file == ".." || strings.ContainsAny(file, `/\`) {
			return fmt.Errorf("%q is in the file %q: want a name without folders", name, file)
		}
	}
	f.index, f.metadata = index.WeightMap, map[string]string{}
	for key, value := range index.Metadata {
		f.metadata[key] = fmt.Sprint(value)
	}
	return nil
}

// header reads the header of a file of the folder, whose entries are kept under key.
func (f *File) header(name, key string) (map[string]string, error) {
	in, err := f.open(name)
	if err != nil {
		return nil, err
	}
	metadata, err := f.add(in, in.size, key)
	if err != nil {
		in.Close()
		return nil, fmt.Errorf("%s: %w", in.path, err)
	}
	f.files[key] = in
	return metadata, nil
}

// add reads a header.
func (f *File) add(r io.ReaderAt, size int64, key string) (map[string]string, error) {
	switch {
	case !littleEndian:
		return nil, errByteOrder
	case r == nil:
		return nil, errors.New("safetensors: the reader is nil")
	}
	h, begin, err := ReadHeader(r, size)
	if err != nil {
		return nil, err
	}
	f.entries[key] = make(map[string]place, len(h.Entries))
	for _, e := range h.Entries {
		f.entries[key][e.Name] = place{e, r, begin}
	}
	return h.Metadata, nil
}

// Names returns the names of all tensors, sorted.
func (f *File) Names() []string {
	if f.index != nil {
		return slices.Sorted(maps.Keys(f.index))
	}
	return slices.Sorted(maps.Keys(f.entries[""]))
}

// Metadata returns the metadata of the file, or of the index.
func (f *File) Metadata() map[string]string { return maps.Clone(f.metadata) }

// find returns where a tensor is; of a divided checkpoint it opens its file.
func (f *File) find(name string) (place, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done {
		return place{}, fmt.Errorf("safetensors: %q: the file is closed", name)
	}
	file, divided := f.index[name]
	if divided && f.files[file] == nil {
		if _, err := f.header(file, file); err != nil {
			return place{}, fmt.Errorf("safetensors: %q: %w", name, err)
		}
	}
	e, ok := f.entries[file][name] // file is "" of what is one
	switch {
	case !ok && divided:
		return e, fmt.Errorf("safetensors: %q: the index says it is in %s, which has no such tensor", name, file)
	case !ok:
		return e, fmt.Errorf("safetensors: there is no tensor %q (see Names)", name)
	case e.Unreadable != nil:
		return e, fmt.Errorf("safetensors: %q: %w", name, e.Unreadable)
	}
	return e, nil
}

// Shape returns the shape of a tensor, which is not read. It returns an error if there is none of the name, or one that tensors have no dtype
// for.
func (f *File) Shape(name string) (shapes.Shape, error) {
	e, err := f.find(name)
	return e.Shape, err
}

// Tensor reads a tensor.
func (f *File) Tensor(name string) (*tensors.Tensor, error) {
	e, err := f.find(name)
	if err != nil {
		return nil, err
	}
	return e.read(e.Shape, 0)
}

// Mapped is [File.Tensor] with elements that are mapped where they can be, see [tensors.Mapped]: nothing of them is read before somebody looks.
func (f *File) Mapped(name string) (*tensors.Tensor, error) {
	e, err := f.find(name)
	if err != nil {
		return nil, err
	}
	t, err := tensors.Mapped(e.r, e.Shape, e.begin+e.Begin)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %q: %w", name, err)
	}
	return t, nil
}

// Rows reads elements from to to-1 of the first axis of a tensor, such as some rows of a matrix or of an embedding, and nothing else of it.
func (f *File) Rows(name string, from, to int) (*tensors.Tensor, error) {
	e, err := f.find(name)
	if err != nil {
		return nil, err
	}
	s := e.Shape.Clone()
	if s.Rank() == 0 || from < 0 || to < from || to > s.Dim(0) {
		return nil, fmt.Errorf("safetensors: %q, %s: it has no rows %d to %d", name, s, from, to)
	}
	s.Dimensions[0] = to - from
	var skip int64
	if n := e.Shape.Dim(0); n > 0 {
		skip = int64(e.Shape.ByteSize()/n) * int64(from)
	}
	return e.read(s, skip)
}

// read reads a tensor of a shape, that begins after so many bytes of the place.
func (p place) read(s shapes.Shape, skip int64) (*tensors.Tensor, error) {
	t, err := tensors.New(s)
	if err == nil {
		if err = readInto(t, p.r, p.begin+p.Begin+skip); err == nil {
			return t, nil
		}
		t.Close()
	}
	return nil, fmt.Errorf("safetensors: %q: %w", p.Name, err)
}

// Close closes the files that are open. Tensors that were read stay.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = true
	var all []error
	for _, file := range f.files {
		all = append(all, file.Close())
	}
	f.files = nil
	return errors.Join(all...)
}
