//go:build cgo && (linux || darwin)

package capi

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/quire-ml/quire/internal/safefile"
)

// A cache is a folder of executables, a file each, named by its key. Several processes may share it: files
// appear complete, by renaming, and are never changed; who finds one gone compiles.
type cache struct {
	dir  string
	size int64 // that the files may have together

	sweeping sync.Mutex
	evicted  atomic.Int64
	bytes    atomic.Int64
}

// key is the hash of all that an executable depends on.
type key [sha256.Size]byte

// entry is what a file holds.
type entry struct {
	outputs uint64 // of the program
	code    []byte // the executable, as the plugin wrote it
}

const (
	suffix     = ".xla"
	unfinished = "writing-" // what names of files begin with until they are complete
)

var errNotCached = errors.New("not in the cache")

// openCache makes sure that dir is there and that nobody else can write into it.
func openCache(dir string, size int64) (*cache, error) {
	if !filepath.IsAbs(dir) {
		return nil, fmt.Errorf("cache folder %q: want an absolute path", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cache folder: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("cache folder: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("cache folder %s: it is no folder", dir)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Getuid() {
		return nil, fmt.Errorf("cache folder %s: it belongs to the user with the number %d, and native code is only run from one's own folder", dir, stat.Uid)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return nil, fmt.Errorf("cache folder %s: others can write into it, and native code is only run from a private folder: chmod 700 %[1]s", dir)
	}
	if err := safefile.CheckTrusted(dir); err != nil { // links, and the folders above
		return nil, fmt.Errorf("cache folder: %w", err)
	}
	if size <= 0 {
		size = DefaultCacheSize
	}
	c := &cache{dir: dir, size: size}
	c.sweep()
	return c, nil
}

func (c *cache) path(k key) string { return filepath.Join(c.dir, hex.EncodeToString(k[:])+suffix) }

// read returns what is stored for k, or errNotCached. A damaged file is an error, and removed.
func (c *cache) read(k key) (entry, error) {
	path := c.path(k)
	data, err := safefile.ReadOwn(path, c.size)
	if errors.Is(err, fs.ErrNotExist) {
		return entry{}, errNotCached
	}
	if err != nil {
		return entry{}, err
	}
	e, err := decode(data, k)
	if err != nil {
		c.remove(k)
		return entry{}, err
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now) // at worst it goes earlier than it should
	return e, nil
}

// remove drops what is stored for k. It may be gone already.
func (c *cache) remove(k key) { _ = os.Remove(c.path(k)) }

// write stores e and drops what does not fit any more.
func (c *cache) write(k key, e entry) error {
	data := encode(e, k)
	if int64(len(data)) > c.size {
		return fmt.Errorf("an executable of %d bytes does not fit into a cache of %d", len(data), c.size)
	}
	f, err := os.CreateTemp(c.dir, unfinished) // with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(f.Name(), c.path(k))
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	c.sweep()
	return nil
}

// abandoned is how old an unfinished file is when its process must have died. Writing takes less than a second.
const abandoned = time.Hour

// sweep adds up the files and removes the least recently used ones until the others fit.
func (c *cache) sweep() {
	c.sweeping.Lock()
	defer c.sweeping.Unlock()
	list, err := os.ReadDir(c.dir)
	if err != nil {
		return
	}
	type file struct {
		name string
		size int64
		used time.Time
	}
	var files []file
	var total int64
	for _, item := range list {
		info, err := item.Info()
		switch {
		case err != nil || !info.Mode().IsRegular(): // gone, or not ours
		case strings.HasPrefix(item.Name(), unfinished) && time.Since(info.ModTime()) > abandoned:
			_ = os.Remove(filepath.Join(c.dir, item.Name()))
		case strings.HasSuffix(item.Name(), suffix):
			files = append(files, file{item.Name(), info.Size(), info.ModTime()})
			total += info.Size()
		}
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Or(a.used.Compare(b.used), cmp.Compare(a.name, b.name)) })
	for _, f := range files {
		if total <= c.size {
			break
		}
		// A process that removed it first counts it.
		if err := os.Remove(filepath.Join(c.dir, f.name)); err == nil {
			c.evicted.Add(1)
			total -= f.size
		} else if errors.Is(err, fs.ErrNotExist) {
			total -= f.size
		}
	}
	c.bytes.Store(total)
}

// A file is a mark, the SHA-256 sum of what follows, the key, the number of outputs in 8 bytes, little endian, and
// the executable.
var mark = []byte("QuireXLA")

const (
	sumAt  = 8
	keyAt  = sumAt + sha256.Size
	codeAt = keyAt + sha256.Size + 8
)

func encode(e entry, k key) []byte {
	data := make([]byte, codeAt, codeAt+len(e.code))
	copy(data, mark)
	copy(data[keyAt:], k[:])
	binary.LittleEndian.PutUint64(data[codeAt-8:], e.outputs)
	data = append(data, e.code...)
	sum := sha256.Sum256(data[keyAt:])
	copy(data[sumAt:], sum[:])
	return data
}

// decode returns what encode wrote for k. The entry shares data's memory.
func decode(data []byte, k key) (entry, error) {
	if len(data) < codeAt || !bytes.HasPrefix(data, mark) {
		return entry{}, errors.New("it is no stored executable")
	}
	if sum := sha256.Sum256(data[keyAt:]); !bytes.Equal(sum[:], data[sumAt:keyAt]) {
		return entry{}, errors.New("it is damaged: its checksum differs")
	}
	if !bytes.Equal(data[keyAt:keyAt+sha256.Size], k[:]) {
		return entry{}, errors.New("it was stored for another program")
	}
	return entry{binary.LittleEndian.Uint64(data[codeAt-8:]), data[codeAt:]}, nil
}
