package carry

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SpillEnv names a folder on disk for large variables that have no room in that of DirEnv. QuotaEnv is how many bytes may lie there: a number,
// or one with a unit such as 512M or 2GiB; without it there is no limit but that of the file system.
const (
	SpillEnv = "QUIRE_CARRY_SPILL"
	QuotaEnv = "QUIRE_CARRY_QUOTA"
)

// place is where variables lie: in a folder in memory, and those that have no room there in one on disk.
type place struct {
	dir, spill string
	quota      int64
	err        error // why they are not to be used
}

// placeOf returns the place that the environment names.
func placeOf() place {
	p := place{dir: os.Getenv(DirEnv), spill: os.Getenv(SpillEnv), quota: math.MaxInt64}
	if text := os.Getenv(QuotaEnv); text != "" {
		if p.quota, p.err = ParseQuota(text); p.err != nil {
			return p
		}
	}
	for _, dir := range []string{p.dir, p.spill} {
		if dir != "" && p.err == nil {
			p.err = checkPrivate(dir)
		}
	}
	return p
}

// ParseQuota reads a number of bytes, such as "1000000", "512M" or "2GiB"; units are powers of 1024.
func ParseQuota(text string) (int64, error) {
	number, unit := text, int64(1)
	for i, prefix := range "KMGT" {
		head, rest, ok := strings.Cut(strings.ToUpper(text), string(prefix))
		if ok && (rest == "" || rest == "B" || rest == "IB") {
			number, unit = head, 1<<(10*(i+1))
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit {
		return 0, errors.New(QuotaEnv + "=" + text + ": want a number of bytes, such as 1000000, 512M or 2GiB")
	}
	return n * unit, nil
}

// checkPrivate returns an error unless dir is a folder of this user's that nobody else may look into.
func checkPrivate(dir string) error {
	info, err := statPath(dir)
	switch {
	case err != nil:
		return err
	case !info.dir:
		return errors.New(dir + " is no folder: nothing in it is trusted")
	case info.others:
		return errors.New(dir + " belongs to another user: nothing in it is trusted")
	case info.open:
		return errors.New(dir + " is open to other users: nothing in it is trusted; chmod 700 " + dir)
	}
	return nil
}

// check returns an error if a variable of this name has no place here.
func (p place) check(name string) error {
	switch {
	case p.dir == "":
		return errors.New(DirEnv + " is not set: start the kernel with quire")
	case p.err != nil:
		return p.err
	case name == "" || strings.HasPrefix(name, ".") || strings.ContainsAny(name, `/\`) || strings.HasSuffix(name, whySuffix):
		return errors.New(strconv.Quote(name) + " is no name of a variable")
	}
	return nil
}

func (p place) why(name string) string { return filepath.Join(p.dir, name+whySuffix) }

// paths returns where a variable may lie; the first that is there is it.
func (p place) paths(name string) []string {
	paths := []string{filepath.Join(p.dir, name)}
	if p.spill != "" {
		paths = append(paths, filepath.Join(p.spill, name))
	}
	return paths
}

// load sets *at to the value of a variable, and notes that it was used.
func (p place) load(name string, at reflect.Value) (from *saved, err error) {
	for range 2 { // it may be spilled between two looks
		for _, path := range p.paths(name) {
			from, err = loadFile(path, at)
			if !errors.Is(err, fs.ErrNotExist) {
				now := time.Now()
				_ = os.Chtimes(path, now, now) // for the order of spilling alone
				return from, err
			}
		}
	}
	return nil, err
}

// save writes a variable: in memory if there is room or room can be made, otherwise on disk.
func (p place) save(name string, e *encoder, h *head) (*saved, error) {
	unlock, err := lockDir(p.dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	paths := p.paths(name)
	if len(paths) > 1 && !p.makeRoom(name, e.size()) {
		slices.Reverse(paths)
	}
	var first error
	for i, path := range paths {
		from, err := saveFile(path, e, h)
		if err != nil { // the file system is full, say
			if first == nil {
				first = err
			}
			continue
		}
		for j, other := range paths {
			if j != i {
				os.Remove(other)
			}
		}
		os.Remove(p.why(name))
		return from, nil
	}
	return nil, first
}

// refuse takes a variable away, and leaves the reason in its place.
func (p place) refuse(name string, reason error) error {
	if p.err != nil {
		return p.err
	}
	for _, path := range p.paths(name) {
		os.Remove(path)
	}
	return writeSmall(p.why(name), []byte(reason.Error()))
}

// size returns about how many bytes the file of a value takes.
func (e *encoder) size() int64 {
	n := int64(len(e.body) + page)
	for _, b := range e.blocks {
		n += int64(roundUp(len(b)))
	}
	return n
}

// makeRoom brings large variables to disk, the least recently used first, until there is room for size bytes besides what name takes now. It
// reports whether there is.
func (p place) makeRoom(name string, size int64) bool {
	if p.quota == math.MaxInt64 {
		return true
	}
	names, err := namesIn(p.dir)
	if err != nil {
		return false
	}
	type file struct {
		name string
		fileInfo
	}
	var large []file
	room := p.quota - size
	for _, other := range names {
		path := filepath.Join(p.dir, other)
		info, err := statPath(path)
		if err != nil || other == name {
			continue
		}
		if p.abandoned(other) {
			os.Remove(path)
			continue
		}
		if room -= info.size; info.size >= blockMin && info.regular && !strings.HasPrefix(other, ".") {
			large = append(large, file{other, info})
		}
	}
	if size > p.quota {
		return false // nothing would be gained
	}
	slices.SortFunc(large, func(a, b file) int { return cmp.Compare(a.used, b.used) })
	for _, f := range large {
		if room >= 0 {
			break
		}
		if p.spillOne(f.name) == nil {
			room += f.size
		}
	}
	return room >= 0
}

// abandoned reports whether a file was being written by a process that is gone: its name has the process's number.
func (p place) abandoned(file string) bool {
	if !strings.HasPrefix(file, ".") || !strings.HasSuffix(file, newSuffix) {
		return false
	}
	parts := strings.Split(strings.TrimSuffix(file, newSuffix), ".")
	pid, err := strconv.Atoi(parts[max(0, len(parts)-2)])
	return err == nil && !alive(pid)
}

// spillOne brings a variable to disk. The folder is locked.
func (p place) spillOne(name string) error {
	from, err := openOwn(filepath.Join(p.dir, name))
	if err != nil {
		return err
	}
	defer from.Close()
	info, err := statFile(from)
	if err != nil {
		return err
	}
	if h, err := headOf(from, info); err == nil && h.lent {
		return errors.New("what it names lives as long as this very file")
	}
	path := filepath.Join(p.spill, name)
	to, err := newFile(path)
	if err != nil {
		return err
	}
	err = copyFile(to, from)
	if err = errors.Join(err, to.Close()); err == nil {
		_ = os.Chtimes(to.Name(), time.Unix(0, info.used), time.Unix(0, info.used))
		err = rename(to.Name(), path)
	}
	if err != nil {
		os.Remove(to.Name())
		return err
	}
	return os.Remove(filepath.Join(p.dir, name))
}

// copyFile is io.Copy, with which a cell would link what it does for pipes and sockets.
func copyFile(to, from *os.File) error {
	b := make([]byte, 1<<20)
	for {
		n, err := from.Read(b)
		if _, err := to.Write(b[:n]); err != nil {
			return err
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// openOwn opens a regular file of this user's to be read; never what a link leads to.
func openOwn(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|noFollow, 0)
	if err != nil {
		return nil, err
	}
	info, err := statFile(f)
	switch {
	case err != nil:
	case !info.regular:
		err = &os.PathError{Op: "open", Path: path, Err: errors.New("it is no regular file")}
	case info.others:
		err = &os.PathError{Op: "open", Path: path, Err: errors.New("it belongs to another user")}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// createNew makes a file that only this user may read, where nothing stands.
func createNew(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|noFollow, 0o600)
}

// maxSmall bounds files of a sentence.
const maxSmall = 64 << 10

func readSmall(path string) ([]byte, error) {
	f, err := openOwn(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxSmall))
}

// writeSmall writes a file, which appears at path when it is complete.
func writeSmall(path string, text []byte) error {
	f, err := newFile(path)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
