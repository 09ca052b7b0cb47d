// Package place makes the folders in which a kernel's variables lie, and tells what lies there: it is for who starts kernels, not for
// cells.
//
//	p, err := place.New()
//	defer p.Close()                       // forgets all variables
//	cmd.Env = append(os.Environ(), p.Env()...)
//	for _, v := range variables { … }     // of p.List()
package place

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/internal/safefile"
	"github.com/quire-ml/quire/kernel-ext/carry"
)

// prefix begins the names of folders.
const prefix = "quire-carry-"

// lockName is the file in a folder that its kernel holds locked for as long as it lives.
const lockName = ".kernel"

// Place is where a kernel's variables lie. It is safe for several processes: kernels have a place each.
type Place struct {
	Dir   string // in memory, where the system has files in memory
	Spill string // on disk
	Quota int64  // bytes in Dir

	lock *safefile.Lock
}

// inMemory is where the system has files in memory; tests have another place.
var inMemory = "/dev/shm"

// New makes a place, and sweeps away those of kernels that are gone. The quota is that of $QUIRE_CARRY_QUOTA, otherwise a quarter of the
// machine's memory, or of what a container may have, and at most three quarters of the file system.
func New() (*Place, error) {
	p := &Place{}
	var err error
	if text := os.Getenv(carry.QuotaEnv); text != "" {
		if p.Quota, err = carry.ParseQuota(text); err != nil {
			return nil, err
		}
	}
	bases := []string{inMemory, os.TempDir()}
	if runtime.GOOS != "linux" || safefile.CheckParent(inMemory) != nil {
		bases[0] = os.TempDir()
	}
	for _, base := range bases {
		Sweep(base)
	}
	if err = p.make(bases[0]); err == nil && bases[0] != bases[1] {
		p.Spill = filepath.Join(bases[1], filepath.Base(p.Dir)) // a sweep finds whose it is by its name
		err = os.Mkdir(p.Spill, 0o700)
	}
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("a folder for variables: %w", err)
	}
	if p.Quota == 0 {
		p.Quota = min(memory()/4, diskSize(p.Dir)/4*3)
	}
	return p, nil
}

// make makes the folder and locks it.
func (p *Place) make(base string) error {
	err := safefile.CheckParent(base)
	for range 10 { // the sweep of another kernel may take a folder away before it is locked
		if err != nil {
			return err
		}
		if p.Dir, err = os.MkdirTemp(base, prefix); err != nil { // mode 0700
			return err
		}
		if p.lock, err = safefile.TryLock(filepath.Join(p.Dir, lockName), 0o600); err == nil {
			return nil
		}
		if _, e := os.Lstat(p.Dir); errors.Is(e, fs.ErrNotExist) || errors.As(err, new(*safefile.LockedError)) {
			err = nil
		}
	}
	return errors.New("new folders vanish from " + base)
}

// Env returns what a cell's environment needs.
func (p *Place) Env() []string {
	env := []string{carry.DirEnv + "=" + p.Dir, carry.SpillEnv + "=" + p.Spill}
	if p.Spill != "" {
		env = append(env, carry.QuotaEnv+"="+strconv.FormatInt(p.Quota, 10))
	}
	return env
}

// Close forgets all variables. Closing again is fine.
func (p *Place) Close() error {
	var err error
	for _, dir := range []string{p.Spill, p.Dir} { // the locked one last
		if dir != "" {
			err = errors.Join(err, remove(dir))
		}
	}
	p.lock.Unlock()
	p.lock = nil
	return err
}

// goneSuffix ends the names of folders that nobody holds any longer, which any sweep may remove.
const goneSuffix = ".gone"

// remove removes a folder. It gets another name first: where the file of the lock is taken away while the folder still has its name, the
// sweep of another kernel takes it for one that was never locked, puts a lock there, and the folder is not empty.
func remove(dir string) error {
	gone := dir
	if err := os.Rename(dir, dir+goneSuffix); err == nil {
		gone = dir + goneSuffix
	}
	return os.RemoveAll(gone)
}

// Variable is what is known of one without its value being read.
type Variable struct {
	Name string
	carry.Description
	Why    string // why it does not flow; then there is no description
	OnDisk bool
}

// List returns the variables that cells have left, by name.
func (p *Place) List() ([]Variable, error) {
	entries, err := os.ReadDir(p.Dir)
	if err != nil {
		return nil, err
	}
	if p.Spill != "" {
		more, err := os.ReadDir(p.Spill)
		if err != nil {
			return nil, err
		}
		entries = append(entries, more...)
	}
	names := map[string]bool{}
	for _, e := range entries {
		if name := strings.TrimSuffix(e.Name(), whySuffix); !strings.HasPrefix(name, ".") {
			names[name] = true
		}
	}
	return p.describe(names)
}

// whySuffix ends the names of files that say why a variable does not flow.
const whySuffix = ".why"
