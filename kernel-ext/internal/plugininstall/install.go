package plugininstall

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/quire-ml/quire/backends/xla/plugins"
	"github.com/quire-ml/quire/internal/bytesize"
	"github.com/quire-ml/quire/internal/safefile"
	"github.com/quire-ml/quire/kernel-ext/internal/scratch"
)

// Options of Install. The zero value installs where plugins are looked for first, and says nothing.
type Options struct {
	Dir      string         // the folder of plugins; "": the first of plugins.Dirs()
	Note     func(string)   // told what is going to happen, a line at a time; may be nil
	Progress func(Progress) // told how far it is; called from several goroutines, one after the other; may be nil

	free func(dir string) (int64, bool) // free bytes on a folder's disk, if that can be known; nil: ask the system
}

// Progress says how far an installation is.
type Progress struct {
	Doing       string // "fetching", "checking" or "unpacking"
	Done, Total int64  // bytes
}

// Target returns the folder that plugins are installed into: dir, absolute, or the first of plugins.Dirs() if it is "".
func Target(dir string) (string, error) {
	if dir != "" {
		return filepath.Abs(dir)
	}
	if dirs := plugins.Dirs(); len(dirs) > 0 {
		return dirs[0], nil
	}
	return "", errors.New("there is no folder for plugins, since the user has no home: set QUIRE_PLUGINS to one")
}

// Install makes a plugin from the pinned wheels, replacing one of its name. It brings the wheels, compares their
// sums, unpacks them beside the place of the plugin, checks the library and puts the whole in its place at once.
//
// The error names the plugin. An error, an interrupt or the end of ctx leaves what was installed before as it was;
// what was downloaded is kept for the next time.
func Install(ctx context.Context, pin Pin, from Source, o Options) (plugins.Plugin, error) {
	if o.Note == nil {
		o.Note = func(string) {}
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	if o.free == nil {
		o.free = freeSpace
	}
	dir, err := Target(o.Dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = install(ctx, pin, from, dir, o)
	}
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("interrupted (%w)", ctx.Err())
		if from.Remote() {
			err = fmt.Errorf("%w: what was downloaded is kept for the next time", err)
		}
	}
	if err != nil {
		return plugins.Plugin{}, fmt.Errorf("plugin %q: %w", pin.Name, err)
	}
	m, err := plugins.ReadManifest(filepath.Join(dir, pin.Name))
	return m.Plugin(filepath.Join(dir, pin.Name)), err
}

// install does what Install does, into the folder of plugins dir, which exists.
func install(ctx context.Context, pin Pin, from Source, dir string, o Options) error {
	waited := false
	unlock, err := scratch.Lock(ctx, filepath.Join(dir, "."+pin.Name+".lock"), func() {
		waited = true
		o.Note("waiting for another installation of the plugin to end")
	})
	if err != nil {
		return err
	}
	defer unlock()
	final := filepath.Join(dir, pin.Name)
	if err := sweep(dir, pin.Name); err != nil {
		return err
	}
	if Current(dir, pin) {
		if waited {
			o.Note("the other one has installed it")
		} else {
			o.Note(fmt.Sprintf("the plugin %s %s is installed already, and whole", pin.Name, pin.Version()))
		}
		return nil
	}
	if !ours(final) {
		return fmt.Errorf("%s is there and is no plugin: move it away, or choose another folder with -to", final)
	}
	keep := filepath.Join(dir, "."+pin.Name+".downloads")
	if err := enough(pin, from, dir, keep, o.free); err != nil {
		return err
	}
	announce(pin, from, dir, o.Note)
	if from.Remote() {
		if err := os.MkdirAll(keep, 0o755); err != nil {
			return err
		}
	}
	files, err := bring(ctx, pin, from, keep, o.Progress)
	if err != nil {
		return err
	}
	made, err := assemble(ctx, pin, files, dir, o.Progress)
	if made != "" {
		defer os.RemoveAll(made) // the new one if something goes wrong, else the old one
	}
	if err != nil {
		return err
	}
	if err := swap(made, final); err != nil {
		return err
	}
	return errors.Join(safefile.SyncDir(dir), os.RemoveAll(keep))
}

// ours reports whether a plugin may take the place final: nothing is there, or a plugin, or an empty folder.
func ours(final string) bool {
	if _, err := os.Lstat(filepath.Join(final, plugins.ManifestName)); err == nil {
		return true
	}
	entries, err := os.ReadDir(final)
	return errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0
}

// announce says what is going to happen.
func announce(pin Pin, from Source, dir string, note func(string)) {
	verb := "takes"
	if from.Remote() {
		verb = "downloads"
	}
	wheels := "1 wheel"
	if n := len(pin.Wheels); n > 1 {
		wheels = fmt.Sprintf("%d wheels", n)
	}
	note(fmt.Sprintf("plugin %s %s %s %s of %s from %s, and becomes %s in %s", pin.Name, pin.Version(), verb, wheels,
		bytesize.Text(pin.Download()), from, bytesize.Text(pin.Unpacked), filepath.Join(dir, pin.Name)))
	for _, w := range pin.Wheels {
		note(fmt.Sprintf("  %s  %s", w.File(), bytesize.Text(w.Size)))
	}
}

// enough returns an error if the disk is too full. Of the wheels it counts what is not there yet.
func enough(pin Pin, from Source, dir, keep string, free func(string) (int64, bool)) error {
	need := pin.Unpacked
	if from.Remote() {
		need += pin.Download()
		for _, w := range pin.Wheels {
			for _, name := range []string{w.File(), w.File() + ".part"} {
				if info, err := os.Stat(filepath.Join(keep, name)); err == nil {
					need -= min(info.Size(), w.Size)
				}
			}
		}
	}
	have, known := free(dir)
	if known && have < need {
		return fmt.Errorf("the disk of %s is too full: %s are needed, and %s are free: make room, or choose another folder with -to",
			dir, bytesize.Text(need), bytesize.Text(have))
	}
	return nil
}

// Current reports whether the plugin of the pin is installed in the folder of plugins dir, whole, as far as the names and
// sizes of its files and the sum of its library show.
func Current(dir string, pin Pin) bool {
	final := filepath.Join(dir, pin.Name)
	m, err := plugins.ReadManifest(final)
	if err != nil || !slices.Equal(m.Packages, packages(pin)) || m.Plugin(final).Verify() != nil {
		return false
	}
	size, err := unpackedSize(final)
	return err == nil && size == pin.Unpacked
}

// unpackedSize returns the bytes of the files in a plugin's folder but for its manifest.
func unpackedSize(dir string) (total int64, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == filepath.Join(dir, plugins.ManifestName) {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}

func packages(pin Pin) []plugins.Package {
	var list []plugins.Package
	for _, w := range pin.Wheels {
		list = append(list, plugins.Package{Name: w.Project, Version: w.Version, SHA256: w.SHA256})
	}
	return list
}

// bring brings the wheels, two at a time, and returns their files in order.
func bring(ctx context.Context, pin Pin, from Source, keep string, progress func(Progress)) ([]string, error) {
	doing := "checking"
	if from.Remote() {
		doing = "fetching"
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		files = make([]string, len(pin.Wheels))
		errs  = make([]error, len(pin.Wheels))
		done  = make([]int64, len(pin.Wheels))
		total = pin.Download()
		mu    sync.Mutex
		group sync.WaitGroup
	)
	one := func(i int) {
		file, err := from.Bring(ctx, pin.Wheels[i], keep, func(n int64) {
			mu.Lock()
			defer mu.Unlock()
			done[i] = n
			all := int64(0)
			for _, n := range done {
				all += n
			}
			progress(Progress{doing, all, total})
		})
		if err != nil && from.Remote() {
			cancel(err) // the first error is the one that counts
		}
		files[i], errs[i] = file, err
	}
	next := make(chan int)
	for range 2 {
		group.Go(func() {
			for i := range next {
				if ctx.Err() == nil {
					one(i)
				}
			}
		})
	}
	for i := range pin.Wheels {
		next <- i
	}
	close(next)
	group.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return files, lacking(pin, from, errs)
}

// lacking returns the first of the errors, or what they say together if all of them are of missing wheels.
func lacking(pin Pin, from Source, errs []error) error {
	var files []string
	for _, err := range errs {
		var missing *missingWheel
		switch {
		case errors.As(err, &missing):
			files = append(files, missing.file)
		case err != nil:
			return err
		}
	}
	if files == nil {
		return nil
	}
	names := files[0]
	if n := len(files) - 1; n > 0 {
		names += fmt.Sprintf(" (and %d more)", n)
	}
	return fmt.Errorf("%s has no %s: %q prints what pip is to download", from, names, "quire plugin install -wheels "+pin.Name)
}

// assemble makes the plugin in a new folder beside its place, complete, checked and on the disk. It returns the folder
// also with an error, if there is one.
func assemble(ctx context.Context, pin Pin, files []string, dir string, progress func(Progress)) (string, error) {
	made, err := os.MkdirTemp(dir, "."+pin.Name+".new-*")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(made, 0o755); err != nil {
		return made, err
	}
	root, err := os.OpenRoot(made)
	if err != nil {
		return made, err
	}
	defer root.Close()
	u := &unpacker{pin: pin, root: root, report: func(done int64) { progress(Progress{"unpacking", done, pin.Unpacked}) }}
	for _, file := range files {
		if err := u.wheel(ctx, file); err != nil {
			return made, err
		}
	}
	if u.size == 0 {
		return made, fmt.Errorf("the wheels do not contain its library %s", pin.Library)
	}
	library, err := root.Stat(pin.Library)
	if err != nil {
		return made, err
	}
	m := plugins.Manifest{Name: pin.Name, Version: pin.Version(), Platform: pin.Platform, Library: pin.Library, Size: u.size,
		SHA256: u.sum, Modified: library.ModTime().Unix(), Packages: packages(pin), Env: pin.Env}
	if err := m.Write(made); err != nil {
		return made, err
	}
	if err := m.Plugin(made).Check(); err != nil {
		return made, fmt.Errorf("its library %s %w", pin.Library, errors.Unwrap(err))
	}
	return made, u.sync(made)
}

// sweep removes what an installer left that was killed. The lock says that no other is at work. If it was killed while it
// replaced a plugin in steps, the one before is put back: there may be no way to get another.
func sweep(dir, name string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	final := filepath.Join(dir, name)
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "."+name+".new-") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		_, lacking := os.Lstat(final)
		if _, e := plugins.ReadManifest(path); e == nil && strings.HasSuffix(path, oldSuffix) && errors.Is(lacking, fs.ErrNotExist) && os.Rename(path, final) == nil {
			continue
		}
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}

// ErrNotInstalled says that there is no plugin to remove.
var ErrNotInstalled = errors.New("it is not installed")

// Remove removes a plugin, also a broken one, and what is kept of its downloads, from the first of plugins.Dirs() that has
// it. It returns the folder that it removed. The error names the plugin; it is [ErrNotInstalled] if there is none.
func Remove(ctx context.Context, name string) (string, error) {
	dirs := plugins.Dirs()
	for _, dir := range dirs {
		final := filepath.Join(dir, name)
		if !fs.ValidPath(name) || strings.ContainsAny(name, `/\:.`) {
			break
		}
		if _, err := os.Stat(filepath.Join(final, plugins.ManifestName)); err != nil {
			continue // not a folder of ours, or none
		}
		if err := remove(ctx, name, dir, final); err != nil {
			return "", fmt.Errorf("plugin %q: %w", name, err)
		}
		return final, nil
	}
	return "", fmt.Errorf("plugin %q: %w in %s", name, ErrNotInstalled, strings.Join(dirs, " or "))
}

func remove(ctx context.Context, name, dir, final string) error {
	unlock, err := scratch.Lock(ctx, filepath.Join(dir, "."+name+".lock"), func() {})
	if err != nil {
		return err
	}
	defer unlock()
	// Renamed first, so that nobody finds half of it.
	away, err := os.MkdirTemp(dir, "."+name+".new-*")
	if err != nil {
		return err
	}
	if err := os.Rename(final, filepath.Join(away, name)); err != nil {
		return errors.Join(err, os.Remove(away))
	}
	return errors.Join(safefile.SyncDir(dir), os.RemoveAll(filepath.Join(dir, "."+name+".downloads")), sweep(dir, name))
}
