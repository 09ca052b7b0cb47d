package place

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quire-ml/quire/internal/safefile"
	"github.com/quire-ml/quire/kernel-ext/carry"
)

// maxWhy bounds the bytes of a reason.
const maxWhy = 64 << 10

// describe returns the variables of the given names, sorted. One that goes meanwhile is left out.
func (p *Place) describe(names map[string]bool) (list []Variable, err error) {
	for _, name := range slices.Sorted(maps.Keys(names)) {
		v, err := p.Get(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			v.Why = err.Error()
		}
		list = append(list, v)
	}
	return list, nil
}

// Get returns what is known of a variable; an error of fs.ErrNotExist if no cell has left one.
func (p *Place) Get(name string) (v Variable, err error) {
	v.Name = name
	if v.Description, err = carry.Describe(filepath.Join(p.Dir, name)); !errors.Is(err, fs.ErrNotExist) {
		return v, err
	}
	if p.Spill != "" {
		if v.Description, err = carry.Describe(filepath.Join(p.Spill, name)); !errors.Is(err, fs.ErrNotExist) {
			v.OnDisk = true
			return v, err
		}
	}
	why, e := safefile.ReadOwn(filepath.Join(p.Dir, name+whySuffix), maxWhy)
	if e != nil {
		return v, e
	}
	v.Why = string(why)
	return v, nil
}

// Drop forgets a variable, if there is one.
func (p *Place) Drop(name string) error {
	paths := []string{filepath.Join(p.Dir, name), filepath.Join(p.Dir, name+whySuffix)}
	if p.Spill != "" {
		paths = append(paths, filepath.Join(p.Spill, name))
	}
	var err error
	for _, path := range paths {
		if e := os.Remove(path); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// Sweep removes the places in a folder whose kernels are gone. A folder without a lock is one on disk, and goes if the one in memory
// that it belongs to has gone.
func Sweep(base string) {
	dirs, _ := filepath.Glob(filepath.Join(base, prefix+"*"))
	for _, dir := range dirs {
		if safefile.CheckPrivate(dir) != nil { // another user's
			continue
		}
		if strings.HasSuffix(dir, goneSuffix) { // its kernel was killed while it closed
			os.RemoveAll(dir)
			continue
		}
		home := filepath.Join(inMemory, filepath.Base(dir))
		if _, err := os.Lstat(filepath.Join(dir, lockName)); err == nil {
			home = dir
		}
		sweepOne(dir, home)
	}
}

// sweepOne removes a folder unless somebody holds the one that has the lock. It holds that itself meanwhile: a kernel may just be about to.
func sweepOne(dir, home string) {
	if _, err := os.Lstat(home); err == nil {
		lock, err := safefile.TryLock(filepath.Join(home, lockName), 0o600)
		if err != nil {
			return
		}
		defer lock.Unlock()
	}
	_ = remove(dir) // what stays is for the next sweep
}
