package npz

import (
	"archive/zip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/names"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/data/internal/near"
)

// File is a file of arrays that is open. It may be used by several goroutines.
type File struct {
	f      *os.File
	size   int64
	names  []string
	places map[string]*zip.File // nil of a .npy file

	mu     sync.Mutex
	arrays map[string]rows // that were asked for
}

// rows are an array whose rows can be read.
type rows interface {
	Len() int
	At(i int) (*tensors.Tensor, error)
}

// Open opens a .npz file, or a .npy file, whose one array has the file's name without .npy. It must not be changed while it is open. It
// returns an error if it is neither.
func Open(path string) (*File, error) {
	f, err := near.Open(path)
	if err != nil {
		return nil, fmt.Errorf("npz.Open: %w", err)
	}
	out := &File{f: f, arrays: map[string]rows{}}
	info, err := f.Stat()
	if err == nil {
		out.size = info.Size()
		err = out.list()
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("npz.Open: %s: %w", path, err)
	}
	return out, nil
}

// list finds the names of the arrays.
func (f *File) list() error {
	var mark [2]byte
	if _, err := f.f.ReadAt(mark[:], 0); err != nil {
		return errors.New("no .npz and no .npy file: it has no two bytes")
	}
	if string(mark[:]) != "PK" {
		f.names = []string{strings.TrimSuffix(filepath.Base(f.f.Name()), ".npy")}
		_, err := tensors.OpenNpyRows(f.f, f.size)
		return err
	}
	z, err := zip.NewReader(f.f, f.size)
	if err != nil {
		return fmt.Errorf("no .npz file: %w", err)
	}
	f.places = map[string]*zip.File{}
	for _, entry := range z.File {
		if name, ok := strings.CutSuffix(entry.Name, ".npy"); ok {
			if f.places[name] != nil {
				return fmt.Errorf("the name %q comes twice", name)
			}
			f.names, f.places[name] = append(f.names, name), entry
		}
	}
	if len(f.names) == 0 {
		return errors.New("there are no arrays in the .npz file")
	}
	return nil
}

// Names returns the names of the arrays, in the order of the file.
func (f *File) Names() []string { return append([]string(nil), f.names...) }

// Close closes the file. Rows cannot be read afterwards.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.arrays {
		if m, ok := a.(held); ok {
			m.Tensor.Close()
		}
	}
	f.arrays = map[string]rows{}
	if f.f == nil {
		return nil
	}
	return f.f.Close()
}

// Examples returns examples whose inputs and labels are rows of the arrays of the given names. It returns an error if there are no
// inputs, no such array, one that is no tensor or a scalar, or if they have different numbers of rows.
func (f *File) Examples(inputs, labels []string) (data.Indexed, error) {
	if f.f == nil {
		return nil, errors.New("npz: no file is open: npz.Open opens one")
	}
	out := &examples{file: f, inputs: len(inputs)}
	if len(inputs) == 0 {
		return nil, fmt.Errorf("npz: %s: no inputs: the arrays are %q", f.f.Name(), f.names)
	}
	for _, name := range append(append([]string(nil), inputs...), labels...) {
		a, err := f.array(name)
		if err != nil {
			return nil, fmt.Errorf("npz: %s: %w", f.f.Name(), err)
		}
		if len(out.arrays) > 0 && a.Len() != out.arrays[0].Len() {
			return nil, fmt.Errorf("npz: %s: %q has %d rows, %q has %d: want one each per example", f.f.Name(), inputs[0], out.arrays[0].Len(), name, a.Len())
		}
		out.arrays = append(out.arrays, a)
	}
	return out, nil
}

// array opens an array, once.
func (f *File) array(name string) (rows, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if a, ok := f.arrays[name]; ok {
		return a, nil
	}
	a, err := f.open(name)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	f.arrays[name] = a
	return a, nil
}

func (f *File) open(name string) (rows, error) {
	if f.places == nil {
		if name != f.names[0] {
			return nil, fmt.Errorf("there is none of this name%s (there is %q)", names.Hint(name, f.names), f.names)
		}
		return tensors.OpenNpyRows(f.f, f.size)
	}
	entry := f.places[name]
	if entry == nil {
		return nil, fmt.Errorf("there is none of this name%s (there are %q)", names.Hint(name, f.names), f.names)
	}
	if entry.Method == zip.Store {
		at, err := entry.DataOffset()
		n := int64(entry.UncompressedSize64)
		if err == nil && n >= 0 && n <= f.size-at {
			if a, err := tensors.OpenNpyRows(&section{f.f, at}, n); err == nil {
				return a, nil
			}
		}
	}
	// Compressed, in Fortran order, or no tensor, of which this says why.
	all, err := tensors.ReadNpz(f.f, f.size, name)
	if err != nil {
		return nil, err
	}
	t := all[name]
	if t.Rank() == 0 {
		t.Close()
		return nil, errors.New("it is a scalar, which has no rows")
	}
	return held{t}, nil
}

// section is a file from a place on.
type section struct {
	f  *os.File
	at int64
}

// ReadAt reads as from a file that begins at the place.
func (s *section) ReadAt(p []byte, at int64) (int, error) { return s.f.ReadAt(p, s.at+at) }

// held is an array in memory.
type held struct{ *tensors.Tensor }

// Len returns the number of rows.
func (h held) Len() int { return h.Shape().Dim(0) }

// At copies row i.
func (h held) At(i int) (*tensors.Tensor, error) {
	ds, err := data.InMemory("", h.Tensor, nil)
	if err != nil {
		return nil, err
	}
	defer ds.Close()
	b, err := ds.Example(i)
	if err != nil {
		return nil, err
	}
	return b.Inputs[0], nil
}

// examples are the rows of some arrays.
type examples struct {
	file   *File
	inputs int
	arrays []rows
}

// Name returns the path of the file.
func (e *examples) Name() string { return e.file.f.Name() }

// Len returns the number of examples.
func (e *examples) Len() int { return e.arrays[0].Len() }

// Example reads the rows i.
func (e *examples) Example(i int) (b data.Batch, err error) {
	for k, a := range e.arrays {
		t, err := a.At(i)
		if err != nil {
			b.Close()
			return data.Batch{}, fmt.Errorf("npz: %s, row %d: %w", e.Name(), i, err)
		}
		if k < e.inputs {
			b.Inputs = append(b.Inputs, t)
		} else {
			b.Labels = append(b.Labels, t)
		}
	}
	return b, nil
}
