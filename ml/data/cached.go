package data

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/safefile"
)

// Cached keeps what one pass of ds yields in a file, and reads it from there from then on, also in other processes: for what is slow to
// read or to compute, such as pictures that are unpacked and resized. dir is the folder of the file, which is made if it is not there; "" is the
// folder pipelines of [CacheDir]. The file's name is the name of ds and a checksum of the name and of key, which names all that the batches depend
// on: paths, sizes, settings, versions, as values of which package encoding/json makes text. Another key is another file; files that are no
// longer wanted are the user's to delete.
//
// The first iteration reads pass 0 of ds from beginning to end and writes the file, which appears under its name when it is complete and on disk;
// until then nothing of it is used, so that a process that is killed in the middle leaves nothing but a file that the next one removes. A file that is cut off
// or changed is made anew, as far as that can be told when it is opened; a batch that is damaged later is an error that names the file. All passes are the same:
// shuffle and change at random what comes out of the cache, not what goes in.
//
// Errors of ds, of the disk, and batches with a Spec, which no file holds, come as errors of the iteration; then there is no file. So
// does a data set that never ends, and a file that another process is making.
func Cached(ds Dataset, dir string, key ...any) *Pipeline {
	ds = given(ds)
	c := &cached{ds: ds, dir: dir}
	c.batches.Store(unknown)
	text, err := json.Marshal(append([]any{ds.Name()}, key...))
	if err != nil {
		return failing(ds.Name(), fmt.Errorf("data.Cached %q: the key: %w", ds.Name(), err))
	}
	if numBatches(ds) == endless {
		return failing(ds.Name(), fmt.Errorf("data.Cached %q: the data set has no end: end it with Take", ds.Name()))
	}
	c.key = sha256.Sum256(text)
	size := func() int {
		if n := c.batches.Load(); n != unknown {
			return int(n)
		}
		return numBatches(ds)
	}
	return newPipeline(ds.Name(), "Cached", size, func(p Position) iter.Seq2[Batch, error] {
		return func(yield func(Batch, error) bool) {
			f, err := c.open()
			if err != nil {
				yield(Batch{}, fmt.Errorf("data.Cached %q: %w", ds.Name(), err))
				return
			}
			defer f.Close()
			for i := p.Batch; i < int64(len(f.offsets)-1); i++ {
				b, err := f.read(int(i))
				if err != nil {
					err = fmt.Errorf("data.Cached %q, %v: %w", ds.Name(), Position{Epoch: p.Epoch, Batch: i}, err)
				}
				if !yield(b, err) || err != nil {
					return
				}
			}
		}
	}, ds)
}

type cached struct {
	ds  Dataset
	dir string
	key [sha256.Size]byte

	mu      sync.Mutex   // held while the file is made, which may take long
	batches atomic.Int64 // of the file, unknown before it was opened: views ask for it at any time
}

// path returns the path of the file, in a folder that is there.
func (c *cached) path() (string, error) {
	dir := c.dir
	if dir == "" {
		root, err := CacheDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(root, "pipelines")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, c.ds.Name())
	return filepath.Join(dir, fmt.Sprintf("%.40s-%s.batches", name, hex.EncodeToString(c.key[:8]))), nil
}

// open opens the file, after making it if it is not there or not whole.
func (c *cached) open() (*batchFile, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	path, err := c.path()
	if err != nil {
		return nil, err
	}
	f, err := openBatches(path, c.key)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotWhole) {
		if err = c.make(path); err == nil {
			f, err = openBatches(path, c.key)
		}
	}
	if err != nil {
		return nil, err
	}
	c.batches.Store(int64(len(f.offsets) - 1))
	return f, nil
}

// make writes the file.
func (c *cached) make(path string) error {
	lock, err := safefile.TryLock(path+".lock", 0o644)
	if err != nil {
		return fmt.Errorf("the file is being made: %w", err)
	}
	defer lock.Unlock()
	removeUnfinished(path)
	if f, err := openBatches(path, c.key); err == nil { // made by the one who held the lock before
		return f.Close()
	}
	return safefile.WriteAtomic(path, 0o644, func(w io.Writer) error { return writeBatches(w, c.ds, c.key) })
}

// removeUnfinished removes what processes that were killed left of the file. Whoever holds the lock is the only one that writes.
func removeUnfinished(path string) {
	dir, base := filepath.Split(path)
	list, err := os.ReadDir(dir)
	if err != nil {
		return // then writing says why
	}
	for _, e := range list {
		if strings.HasPrefix(e.Name(), "."+base+".") && strings.HasSuffix(e.Name(), ".tmp") {
			os.Remove(filepath.Join(dir, e.Name())) // what stays takes room, and does no harm
		}
	}
}

// The file: the mark, records, their places, the end. All numbers are little-endian.
//
//	mark    "QUIREDS1"
//	record  a line of JSON, see record; then each tensor in NumPy's .npy format
//	places  8 bytes for each record and for what follows the last one; between places, 4 bytes of checksum (CRC-32C) begin a record
//	end     the number of records, 8 bytes; checksum of places, number and key, 4 bytes; the key, 32 bytes; the mark
const batchesMark = "QUIREDS1"

const batchesEnd = 8 + 4 + sha256.Size + len(batchesMark)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errNotWhole is what a file is that was cut off, changed, or is none of this kind.
var errNotWhole = errors.New("it is no whole file of batches")

// record is the beginning of a batch in a file.
type record struct {
	Inputs int        `json:"inputs"`
	Labels int        `json:"labels"`
	Names  [][]string `json:"names,omitempty"` // of the tensors' axes, nil where they have none
}

// writeBatches writes pass 0 of ds.
func writeBatches(w io.Writer, ds Dataset, key [sha256.Size]byte) error {
	places := []byte{}
	at := int64(len(batchesMark))
	if _, err := io.WriteString(w, batchesMark); err != nil {
		return err
	}
	count := 0
	for b, err := range iterFrom(ds, Position{}) {
		if err != nil {
			return err
		}
		text, err := encodeBatch(b)
		b.Close()
		if err != nil {
			return fmt.Errorf("batch %d: %w", count, err)
		}
		places = binary.LittleEndian.AppendUint64(places, uint64(at))
		sum := binary.LittleEndian.AppendUint32(nil, crc32.Checksum(text, castagnoli))
		for _, part := range [][]byte{sum, text} {
			n, err := w.Write(part)
			if err != nil {
				return err
			}
			at += int64(n)
		}
		count++
	}
	if count == 0 {
		return errors.New("the data set has no batches")
	}
	places = binary.LittleEndian.AppendUint64(places, uint64(at))
	end := binary.LittleEndian.AppendUint64(places, uint64(count))
	sum := crc32.Checksum(append(end[:len(end):len(end)], key[:]...), castagnoli)
	end = append(binary.LittleEndian.AppendUint32(end, sum), key[:]...)
	_, err := w.Write(append(end, batchesMark...))
	return err
}

// encodeBatch returns a batch as a record without its checksum.
func encodeBatch(b Batch) ([]byte, error) {
	if b.Spec != nil {
		return nil, fmt.Errorf("it has the spec %v, which a file does not hold: set it behind the cache, with Map", b.Spec)
	}
	head := record{Inputs: len(b.Inputs), Labels: len(b.Labels)}
	named := false
	for i, t := range b.all() {
		if err := t.CheckValid(); err != nil {
			return nil, fmt.Errorf("tensor %d: %w", i, err)
		}
		head.Names = append(head.Names, t.Shape().AxisNames)
		named = named || t.Shape().AxisNames != nil
	}
	if !named {
		head.Names = nil
	}
	line, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.Write(append(line, '\n'))
	for i, t := range b.all() {
		if err := tensors.WriteNpy(&out, t); err != nil {
			return nil, fmt.Errorf("tensor %d: %w", i, err)
		}
	}
	return out.Bytes(), nil
}

// decodeBatch reads what encodeBatch wrote.
func decodeBatch(text []byte) (b Batch, err error) {
	line, rest, ok := bytes.Cut(text, []byte{'\n'})
	var head record
	if !ok || json.Unmarshal(line, &head) != nil || head.Inputs < 0 || head.Labels < 0 {
		return Batch{}, errors.New("it does not begin with the number of its tensors")
	}
	n := head.Inputs + head.Labels
	if n < 0 || n > len(rest) || head.Names != nil && len(head.Names) != n { // a tensor takes more than a byte
		return Batch{}, fmt.Errorf("%d inputs and %d labels do not fit %d bytes and %d lists of names", head.Inputs, head.Labels, len(rest), len(head.Names))
	}
	defer func() {
		if err != nil {
			b.Close()
			b = Batch{}
		}
	}()
	r := bytes.NewReader(rest)
	for i := range n {
		t, err := tensors.ReadNpy(r)
		if err == nil && head.Names != nil && head.Names[i] != nil {
			plain := t
			t, err = plain.WithAxisNames(head.Names[i]...)
			plain.Close()
		}
		if err != nil {
			return b, fmt.Errorf("tensor %d: %w", i, err)
		}
		if i < head.Inputs {
			b.Inputs = append(b.Inputs, t)
		} else {
			b.Labels = append(b.Labels, t)
		}
	}
	if r.Len() != 0 {
		return b, fmt.Errorf("%d bytes follow its tensors", r.Len())
	}
	return b, nil
}

// batchFile is a file that is open.
type batchFile struct {
	*os.File
	path    string
	offsets []int64 // of the records, and of what follows them
}

// openBatches opens a file that was written with key. Its error is errNotWhole if it is not the whole file.
func openBatches(path string, key [sha256.Size]byte) (*batchFile, error) {
	f, err := safefile.OpenOwn(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		var offsets []int64
		if offsets, err = readPlaces(f, info.Size(), key); err == nil {
			return &batchFile{f, path, offsets}, nil
		}
	}
	f.Close()
	return nil, fmt.Errorf("%s: %w", path, err)
}

// readPlaces reads where the records of a file of the given size are.
func readPlaces(r io.ReaderAt, size int64, key [sha256.Size]byte) ([]int64, error) {
	end := make([]byte, batchesEnd)
	if size < int64(len(batchesMark)+len(end)) {
		return nil, errNotWhole
	}
	if _, err := r.ReadAt(end, size-int64(len(end))); err != nil {
		return nil, err
	}
	count := binary.LittleEndian.Uint64(end)
	sum, has := binary.LittleEndian.Uint32(end[8:]), end[12:12+sha256.Size]
	if string(end[12+sha256.Size:]) != batchesMark || !bytes.Equal(has, key[:]) || count >= uint64(size)/8 {
		return nil, errNotWhole
	}
	places := make([]byte, 8*(count+1))
	begin := size - int64(len(end)) - int64(len(places))
	if begin < int64(len(batchesMark)) {
		return nil, errNotWhole
	}
	if _, err := r.ReadAt(places, begin); err != nil {
		return nil, err
	}
	if crc32.Checksum(append(append(places[:len(places):len(places)], end[:8]...), key[:]...), castagnoli) != sum {
		return nil, errNotWhole
	}
	offsets := make([]int64, count+1)
	last := int64(len(batchesMark))
	for i := range offsets {
		offsets[i] = int64(binary.LittleEndian.Uint64(places[8*i:]))
		if i == 0 && offsets[i] != last || i > 0 && offsets[i] < last+4 {
			return nil, errNotWhole
		}
		last = offsets[i]
	}
	if last != begin {
		return nil, errNotWhole
	}
	return offsets, nil
}

// read reads a record.
func (f *batchFile) read(i int) (Batch, error) {
	text := make([]byte, f.offsets[i+1]-f.offsets[i])
	if _, err := f.ReadAt(text, f.offsets[i]); err != nil {
		return Batch{}, fmt.Errorf("%s: %w", f.path, err)
	}
	b, err := Batch{}, errors.New("its checksum differs")
	if crc32.Checksum(text[4:], castagnoli) == binary.LittleEndian.Uint32(text) {
		b, err = decodeBatch(text[4:])
	}
	if err != nil {
		return Batch{}, fmt.Errorf("%s: record %d: %w: delete the file to have it made anew", f.path, i, err)
	}
	return b, nil
}
