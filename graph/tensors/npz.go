package tensors

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/safefile"
)

// SaveNpz writes tensors by name into one .npz file: a zip archive of .npy files, uncompressed, as
// NumPy's savez does. An existing file stays as it is until the new one is complete.
func SaveNpz(path string, values map[string]*Tensor) error {
	return safefile.Replace(path, 0o644, func(w io.Writer) error { return WriteNpz(w, values) })
}

var errNilFile = errors.New("the reader or writer of the file is nil")

// WriteNpz is [SaveNpz] to a writer. The same values give the same bytes. Elements begin at multiples of [Alignment], so that [Npz.Mapped] can
// map them.
func WriteNpz(w io.Writer, values map[string]*Tensor) error {
	if w == nil {
		return errNilFile
	}
	at := &position{w: w}
	z := zip.NewWriter(at)
	var sums int64 // bytes of what follows the last entry, its checksum and sizes, which is written with the next
	for _, name := range slices.Sorted(maps.Keys(values)) {
		file, began := name+".npy", at.n+sums
		entry, err := z.CreateHeader(&zip.FileHeader{Name: file, Method: zip.Store, Extra: padding(began, len(file))})
		if err == nil {
			err = WriteNpy(entry, values[name])
		}
		if err == nil {
			err = z.Flush()
		}
		if err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
		if sums = 16; at.n-began > math.MaxUint32 { // sizes of 64 bits
			sums = 24
		}
	}
	return z.Close()
}

// position counts what is written.
type position struct {
	w io.Writer
	n int64
}

func (p *position) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	p.n += int64(n)
	return n, err
}

// padding returns the extra field of an archive's entry that has its data begin at a multiple of [Alignment], if the entry begins at byte
// at. Its kind is that of zipalign, which does the same.
func padding(at int64, name int) []byte {
	const header, kind = 30, 0xd935 // bytes of an entry before its name
	n := int(-(at+int64(header+name+4))%Alignment+Alignment) % Alignment
	extra := binary.LittleEndian.AppendUint16(nil, kind)
	extra = binary.LittleEndian.AppendUint16(extra, uint16(n))
	return append(extra, make([]byte, n)...)
}

// UnreadableError reports the entries of a file that hold no tensor that can be read. What is readable was read.
type UnreadableError struct {
	Entries map[string]error // by name: why not
}

// Error names them all.
func (e *UnreadableError) Error() string {
	text := ""
	for _, name := range slices.Sorted(maps.Keys(e.Entries)) {
		if text != "" {
			text += "; "
		}
		text += fmt.Sprintf("%q: %v", name, e.Entries[name])
	}
	return text
}

// LoadNpz reads the tensors of a .npz file by name, see [ReadNpz].
func LoadNpz(path string, names ...string) (map[string]*Tensor, error) {
	f, err := safefile.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	values, err := ReadNpz(f, info.Size(), names...)
	if err != nil {
		return values, fmt.Errorf("%s: %w", path, err)
	}
	return values, nil
}

// ReadNpz is [LoadNpz] from a reader of the given number of bytes. It reads the tensors with the names asked for, or
// without names all of them.
//
// Entries that are of a type that a tensor cannot have, such as text or Python objects, do not keep the others from
// being read: asked for by name, one is an error, and so is a name that is not there. Without names, ReadNpz then returns
// the tensors that it could read together with an [UnreadableError], which names the others. If the file is damaged it
// returns no tensor at all.
func ReadNpz(r io.ReaderAt, size int64, names ...string) (map[string]*Tensor, error) {
	z, err := NewNpz(r, size)
	if err != nil {
		return nil, err
	}
	values := make(map[string]*Tensor, len(z.files))
	unreadable := map[string]error{}
	fail := func(err error) (map[string]*Tensor, error) {
		for _, t := range values {
			t.Close()
		}
		return nil, err
	}
	all := len(names) == 0
	if all {
		names = z.Names()
	} else {
		names = slices.Compact(slices.Sorted(slices.Values(names)))
		for _, name := range names {
			if z.files[name] == nil {
				return fail(z.missing(name))
			}
		}
	}
	var other errNoTensor
	for _, name := range names {
		t, err := z.Tensor(name)
		switch {
		case err == nil:
			values[name] = t
		case all && errors.As(err, &other):
			unreadable[name] = errors.Unwrap(err) // without the file
		default:
			return fail(err)
		}
	}
	if len(unreadable) > 0 {
		return values, &UnreadableError{unreadable}
	}
	return values, nil
}

// Npz is a .npz file of which single tensors are read when they are asked for, and the others are not. It is safe for several goroutines.
type Npz struct {
	r     io.ReaderAt
	size  int64
	files map[string]*zip.File // by name, without .npy
	close func() error
}

// OpenNpz opens a .npz file, and reads the names of what it holds. Close closes it.
func OpenNpz(path string) (*Npz, error) {
	f, err := safefile.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		var z *Npz
		if z, err = NewNpz(f, info.Size()); err == nil {
			z.close = f.Close
			return z, nil
		}
	}
	f.Close()
	return nil, fmt.Errorf("%s: %w", path, err)
}

// NewNpz is [OpenNpz] of a reader of the given number of bytes.
func NewNpz(r io.ReaderAt, size int64) (*Npz, error) {
	if r == nil {
		return nil, errNilFile
	}
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("no .npz file: %w", err)
	}
	z := &Npz{r: r, size: size, files: make(map[string]*zip.File, len(archive.File))}
	for _, f := range archive.File {
		name := strings.TrimSuffix(f.Name, ".npy")
		if z.files[name] != nil {
			return nil, fmt.Errorf("%q in the .npz file: the name comes twice", f.Name)
		}
		z.files[name] = f
	}
	return z, nil
}

// Names returns the names of all entries, sorted. Whether one is a tensor is known when it is read.
func (z *Npz) Names() []string { return slices.Sorted(maps.Keys(z.files)) }

// Close closes the file that [OpenNpz] opened. Tensors that were read or mapped stay.
func (z *Npz) Close() error {
	if z.close == nil {
		return nil
	}
	return z.close()
}

func (z *Npz) missing(name string) error {
	return fmt.Errorf("%q in the .npz file: there is none of this name: there are %q", name, z.Names())
}

// find returns an entry that holds a .npy file.
func (z *Npz) find(name string) (*zip.File, error) {
	f := z.files[name]
	switch {
	case f == nil:
		return nil, z.missing(name)
	case !strings.HasSuffix(f.Name, ".npy"):
		return nil, fmt.Errorf("%q in the .npz file: %w", f.Name, errNoTensor("its name does not end in .npy: it is no array"))
	}
	return f, nil
}

// Tensor reads a tensor. The error of an entry that is of a type that tensors do not have says so; and one that is damaged is an error.
func (z *Npz) Tensor(name string) (*Tensor, error) {
	f, err := z.find(name)
	if err != nil {
		return nil, err
	}
	t, err := readEntry(f, z.size)
	if err != nil {
		return nil, fmt.Errorf("%q in the .npz file: %w", f.Name, err)
	}
	return t, nil
}

// Shape returns the shape of a tensor. It reads the first bytes of the entry.
func (z *Npz) Shape(name string) (shapes.Shape, error) {
	f, err := z.find(name)
	if err != nil {
		return shapes.Shape{}, err
	}
	r, err := f.Open()
	if err != nil {
		return shapes.Shape{}, fmt.Errorf("%q in the .npz file: %w", f.Name, err)
	}
	defer r.Close()
	h, err := readNpyHeader(r)
	if err != nil {
		return shapes.Shape{}, fmt.Errorf("%q in the .npz file: %w", f.Name, err)
	}
	return h.shape, nil
}

// Mapped is [Npz.Tensor] with elements that are [Mapped], if the entry is not compressed; then its checksum is not compared.
func (z *Npz) Mapped(name string) (*Tensor, error) {
	f, err := z.find(name)
	if err != nil {
		return nil, err
	}
	if f.Method != zip.Store {
		return z.Tensor(name)
	}
	at, err := f.DataOffset()
	n := f.UncompressedSize64
	if err == nil && (at < 0 || at > z.size || n > uint64(z.size-at)) {
		err = fmt.Errorf("its %d bytes lie beyond the end of the file", n)
	}
	var t *Tensor
	if err == nil {
		t, err = readMapped(z.r, at, int64(n))
	}
	if err != nil {
		return nil, fmt.Errorf("%q in the .npz file: %w", f.Name, err)
	}
	return t, nil
}

// errNoTensor says why a whole entry is no tensor.
type errNoTensor string

func (e errNoTensor) Error() string { return string(e) }

// readEntry reads one tensor of an archive of the given size.
func readEntry(f *zip.File, size int64) (*Tensor, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	atMost := int64(-1) // what compressed data become is known at their end only
	if f.Method == zip.Store && f.UncompressedSize64 <= uint64(size) {
		atMost = int64(f.UncompressedSize64)
	}
	t, err := readNpy(r, func() int64 { return atMost })
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(io.Discard, r); err != nil { // to the end, where the checksum is compared
		t.Close()
		return nil, err
	}
	return t, nil
}
