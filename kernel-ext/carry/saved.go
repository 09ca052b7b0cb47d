package carry

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"unsafe"
)

// saved is what a variable was last saved to or loaded from, to compare with. Its memory is never memory that values lie in: what
// is compared with must not change with them.
type saved struct {
	body   []byte
	blocks [][]byte // a shared mapping of the file, nil where there are no mappings
	path   string   // to read blocks from then
	lie    []*byte  // where each block was mapped for values to lie in; nil if it was not
}

// loadFile sets *at to the value of a file.
func loadFile(path string, at reflect.Value) (*saved, error) {
	f, err := openOwn(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := statFile(f)
	if err != nil {
		return nil, err
	}
	size := int(info.size)
	if size < blockMin || !canMap {
		b, err := readAligned(f, size)
		if err != nil {
			return nil, err
		}
		c, err := open(b, at)
		if err != nil {
			return nil, err
		}
		return &saved{body: bytes.Clone(c.body), path: path}, again(decode(c, at), c.cell)
	}
	private, err := mapFile(f, size, true)
	if err != nil {
		return nil, err
	}
	c, err := open(private, at)
	if err != nil {
		return nil, err
	}
	from, err := share(f, size, path)
	if err != nil {
		return nil, err
	}
	for _, b := range c.blocks {
		from.lie = append(from.lie, unsafe.SliceData(b))
	}
	return from, again(decode(c, at), c.cell)
}

// again says of a value that is gone which cell to run again.
func again(err error, cell int) error {
	var gone *goneError
	if !errors.As(err, &gone) {
		return err
	}
	who := "what made it"
	if cell > 0 {
		who = "cell " + strconv.Itoa(cell)
	}
	return errors.New(gone.why + ": run " + who + " again")
}

// open cuts a file into its parts if it is one of the variable's type.
func open(b []byte, at reflect.Value) (*content, error) {
	c, err := parse(b)
	if err != nil {
		return nil, err
	}
	in := infoOf(at.Type().Elem())
	if c.hash == in.hash() {
		return c, nil
	}
	who := "what made it"
	if c.cell > 0 {
		who = "cell " + strconv.Itoa(c.cell)
	}
	if c.typ == in.t.String() {
		return nil, errors.New("its type " + c.typ + " has been declared anew since " + who + " made the value: run that cell again")
	}
	return nil, errors.New("it is a " + in.t.String() + " here, but " + who + " left a " + c.typ + ": run the cell that makes it again")
}

// share maps a file to compare with.
func share(f *os.File, size int, path string) (*saved, error) {
	b, err := mapFile(f, size, false)
	if err != nil {
		return nil, err
	}
	h, n, err := parseHead(b)
	if err != nil {
		return nil, err
	}
	c := cut(h, n, b)
	return &saved{body: c.body, blocks: c.blocks, path: path}, nil
}

// saveFile writes a value to a file, which appears at path when it is complete.
func saveFile(path string, e *encoder, h *head) (*saved, error) {
	f, err := newFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := writeTo(f, e, h)
	var from *saved
	switch {
	case err != nil:
	case len(e.blocks) > 0 && canMap:
		from, err = share(f, size, path)
	default:
		from = &saved{body: e.body, path: path}
	}
	if err == nil {
		err = e.lent(f)
	}
	if err == nil {
		err = rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return nil, err
	}
	return from, nil
}

// newFile makes a file beside the one that it is to become.
func newFile(path string) (*os.File, error) {
	dir, name := filepath.Split(path)
	for range 100 {
		f, err := createNew(dir + "." + name + "." + strconv.Itoa(os.Getpid()) + "." + strconv.FormatUint(rand.Uint64(), 36) + newSuffix)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
	return nil, fs.ErrExist
}

// newSuffix ends the names of files that are being written.
const newSuffix = ".new"

// writeTo writes a whole file, and returns its length.
func writeTo(w io.Writer, e *encoder, h *head) (size int, err error) {
	for _, b := range e.blocks {
		h.blocks = append(h.blocks, len(b))
	}
	h.body = len(e.body)
	write := func(b []byte) {
		if err == nil {
			var n int
			n, err = w.Write(b)
			size += n
		}
	}
	write(h.append(e.body))
	var zeros [page]byte
	for _, b := range e.blocks {
		write(zeros[:roundUp(size)-size])
		write(b)
	}
	if len(e.blocks) > 0 {
		write(zeros[:roundUp(size)-size]) // mappings hold whole pages
	}
	return size, err
}

// readAligned reads a whole file into memory in which blocks begin at multiples of 64.
func readAligned(f *os.File, size int) ([]byte, error) {
	b := aligned(size)
	n, err := io.ReadFull(f, b)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = nil // what is missing is found when it is read
	}
	return b[:n], err
}

// equals reports whether the value is what was saved. What lies on pages of the file that nobody has written is not read.
func (e *encoder) equals(from *saved) bool {
	if !bytes.Equal(e.body, from.body) {
		return false
	}
	if len(e.blocks) == 0 {
		return len(from.blocks) == 0
	}
	blocks := from.blocks
	if !canMap {
		if blocks = from.reread(); blocks == nil {
			return false
		}
	}
	if len(e.blocks) != len(blocks) {
		return false
	}
	for i, b := range e.blocks {
		if len(b) != len(blocks[i]) {
			return false
		}
		untouched := i < len(from.lie) && from.lie[i] == unsafe.SliceData(b) && pristine(b)
		if !untouched && !bytes.Equal(b, blocks[i]) {
			return false
		}
	}
	return true
}

// reread returns the blocks of the file as it is now, nil if it is not readable.
func (s *saved) reread() [][]byte {
	f, err := openOwn(s.path)
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := statFile(f)
	if err != nil {
		return nil
	}
	b, err := readAligned(f, int(info.size))
	if err != nil {
		return nil
	}
	c, err := parse(b)
	if err != nil || !bytes.Equal(c.body, s.body) {
		return nil
	}
	return c.blocks
}
