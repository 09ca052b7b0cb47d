package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/internal/safefile"
)

// Left is what a worker that ended in order has written out: the values that notebooks had under names. The next worker of the device has
// them again when one is asked for. The file is removed then, or when nobody can ask any more.
type Left struct {
	Values  []LeftValue
	Keepers []Keeper

	begin int64 // of the values, in the file
}

// LeftValue is a value under a name.
type LeftValue struct {
	Name   string
	Shape  shapes.Shape
	Owner  string // the folder of the notebook that it ends with
	Pinned bool   // until then; otherwise it lives with its keepers
}

// Keeper is a file with which values live.
type Keeper struct {
	Path  string
	File  FileID
	Owner string
	Names []string
}

// FileID tells a file from another one that has taken its name.
type FileID struct{ Device, Inode uint64 }

// Open opens the file if it is still there and its notebook lives, else it returns nil.
func (k *Keeper) Open() *os.File {
	if k.Owner != "" && !Lives(k.Owner) {
		return nil
	}
	f, err := safefile.OpenOwn(k.Path)
	if err != nil {
		return nil
	}
	if id, linked := Identify(f); !linked || id != k.File {
		f.Close()
		return nil
	}
	return f
}

// Wanted reports whether anybody can still ask for a value.
func (l *Left) Wanted() bool {
	for _, v := range l.Values {
		if v.Pinned && Lives(v.Owner) {
			return true
		}
	}
	for _, k := range l.Keepers {
		if f := k.Open(); f != nil {
			f.Close()
			return true
		}
	}
	return false
}

// Has reports whether there is a value of the given name.
func (l *Left) Has(name string) bool {
	return slices.ContainsFunc(l.Values, func(v LeftValue) bool { return v.Name == name })
}

// Bytes returns how many bytes the values take.
func (l *Left) Bytes() (n int64) {
	for _, v := range l.Values {
		n += aligned(int64(v.Shape.ByteSize()))
	}
	return n
}

// leftMark begins the files, with the version of their form.
const leftMark = "quire left 1\n"

const (
	leftEnding = ".left"
	leftAlign  = 64
	maxLeft    = 64 << 20 // bytes of a file before the values
)

func aligned(n int64) int64 { return (n + leftAlign - 1) &^ (leftAlign - 1) }

// Write writes a file, which is at path when it is whole. value writes the bytes of a value.
func (l *Left) Write(path string, value func(i int, w io.Writer) error) (err error) {
	unfinished := path + ".new"
	f, err := safefile.Recreate(unfinished, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err == nil {
			err = os.Rename(unfinished, path)
		}
		if err != nil {
			os.Remove(unfinished)
		}
	}()
	out := bufio.NewWriterSize(f, 1<<20)
	head := l.head()
	text := binary.LittleEndian.AppendUint32([]byte(leftMark), uint32(len(head)))
	text = append(text, head...)
	if _, err := out.Write(append(text, make([]byte, aligned(int64(len(text)))-int64(len(text)))...)); err != nil {
		return err
	}
	for i, v := range l.Values {
		if err := value(i, out); err != nil {
			return err
		}
		n := int64(v.Shape.ByteSize())
		if _, err := out.Write(make([]byte, aligned(n)-n)); err != nil {
			return err
		}
	}
	return out.Flush()
}

func (l *Left) head() []byte {
	var w Writer
	w.Uint(uint64(len(l.Values)))
	for _, v := range l.Values {
		w.Text(v.Name)
		w.Shape(v.Shape)
		w.Text(v.Owner)
		w.Bool(v.Pinned)
	}
	w.Uint(uint64(len(l.Keepers)))
	for _, k := range l.Keepers {
		w.Text(k.Path)
		w.Uint(k.File.Device)
		w.Uint(k.File.Inode)
		w.Text(k.Owner)
		w.Texts(k.Names)
	}
	return w.Body
}

// OpenLeft opens a file that [Left.Write] wrote, for the caller to close.
func OpenLeft(path string) (l *Left, f *os.File, err error) {
	f, err = safefile.OpenOwn(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil {
		l, err = ReadLeft(f, info.Size())
	}
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return l, f, nil
}

// ReadLeft reads what a file of the given number of bytes begins with.
func ReadLeft(f io.Reader, bytes int64) (*Left, error) {
	begin := make([]byte, len(leftMark)+4)
	if _, err := io.ReadFull(f, begin); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(begin[len(leftMark):])
	if string(begin[:len(leftMark)]) != leftMark || size > maxLeft || int64(size) > bytes {
		return nil, errors.New("it is no file of values that this version wrote")
	}
	head := make([]byte, size)
	if _, err := io.ReadFull(f, head); err != nil {
		return nil, err
	}
	l, r := &Left{begin: aligned(int64(len(begin) + len(head)))}, NewReader(head)
	for range r.Count() {
		v := LeftValue{r.Text(), r.Shape(), r.Text(), r.Bool()}
		if int64(v.Shape.ByteSize()) > bytes {
			return nil, fmt.Errorf("it is too short for a %s", v.Shape)
		}
		l.Values = append(l.Values, v)
	}
	for range r.Count() {
		l.Keepers = append(l.Keepers, Keeper{r.Text(), FileID{r.Uint(), r.Uint()}, r.Text(), r.Texts()})
	}
	if err := r.Done(); err != nil {
		return nil, err
	}
	if bytes != l.begin+l.Bytes() {
		return nil, fmt.Errorf("it has %d bytes, want %d", bytes, l.begin+l.Bytes())
	}
	return l, nil
}

// Offsets returns where the values begin in the file.
func (l *Left) Offsets() []int64 {
	list, at := make([]int64, len(l.Values)), l.begin
	for i, v := range l.Values {
		list[i] = at
		at += aligned(int64(v.Shape.ByteSize()))
	}
	return list
}

// LeftPath returns where a worker of a device writes.
func LeftPath(dir, device, instance string) string {
	return filepath.Join(dir, fileName(device)+"-"+instance+leftEnding)
}

// LeftFiles returns the files that workers of a device have left, or of all devices if it is "".
func LeftFiles(dir, device string) []string {
	begin := ""
	if device != "" {
		begin = fileName(device) + "-"
	}
	list, _ := filepath.Glob(filepath.Join(dir, begin+"*"+leftEnding)) // the pattern is right
	return list
}

// SweepLeft removes what workers have left and nobody can ask for any more, or which this version does not read.
func SweepLeft(dir, device string) {
	for _, path := range LeftFiles(dir, device) {
		l, f, err := OpenLeft(path)
		if err == nil {
			f.Close()
		}
		if err != nil || !l.Wanted() {
			os.Remove(path)
		}
	}
}
