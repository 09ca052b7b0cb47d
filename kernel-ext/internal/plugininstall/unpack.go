package plugininstall

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/quire-ml/quire/internal/safefile"
)

// unpacker unpacks wheels into one folder.
type unpacker struct {
	pin    Pin
	root   *os.Root // nothing is written outside it, whatever an archive says
	report func(done int64)

	done    int64  // bytes
	size    int64  // of the library
	sum     string // of the library
	folders []string
}

// wheel unpacks a wheel, as far as the pin keeps its files.
func (u *unpacker) wheel(ctx context.Context, file string) error {
	z, err := zip.OpenReader(file)
	if err != nil {
		return fmt.Errorf("%s is no wheel: %w", filepath.Base(file), err)
	}
	defer z.Close()
	for _, f := range z.File {
		if err := u.file(ctx, f); err != nil {
			return fmt.Errorf("unpacking %s of %s: %w", f.Name, filepath.Base(file), err)
		}
	}
	return nil
}

// safe returns an error for a name that does not stay in the folder on every system.
func safe(f *zip.File) error {
	if name := strings.TrimSuffix(f.Name, "/"); !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, "\\:\x00") || !filepath.IsLocal(name) {
		return fmt.Errorf("the path %q leads out of the folder", f.Name)
	}
	if mode := f.Mode(); !mode.IsRegular() && !mode.IsDir() {
		return errors.New("it is a link or a device, and wheels have none")
	}
	return nil
}

// file unpacks one file.
func (u *unpacker) file(ctx context.Context, f *zip.File) error {
	if err := safe(f); err != nil {
		return err
	}
	if f.FileInfo().IsDir() || !u.pin.keeps(f.Name) {
		return nil
	}
	if folder := path.Dir(f.Name); folder != "." {
		if err := u.root.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		u.folders = append(u.folders, folder)
	}
	mode := fs.FileMode(0o644)
	if f.Mode()&0o100 != 0 { // ptxas and others are started by XLA
		mode = 0o755
	}
	out, err := u.root.OpenFile(f.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	in, err := f.Open()
	if err != nil {
		return errors.Join(err, out.Close())
	}
	var to io.Writer = out
	var sum hash.Hash
	if f.Name == u.pin.Library {
		sum = sha256.New()
		to = io.MultiWriter(out, sum)
	}
	before := u.done
	err = copyAll(ctx, to, in, func(done int64) {
		u.done = before + done
		u.report(u.done)
	})
	if err == nil {
		err = out.Sync()
	}
	if sum != nil {
		u.sum, u.size = hex.EncodeToString(sum.Sum(nil)), u.done-before
	}
	return errors.Join(err, in.Close(), out.Close())
}

// sync brings the folders to the disk; the files are there already.
func (u *unpacker) sync(dir string) error {
	synced := map[string]bool{}
	for _, folder := range u.folders {
		for ; !synced[folder]; folder = path.Dir(folder) {
			synced[folder] = true
			if err := safefile.SyncDir(filepath.Join(dir, filepath.FromSlash(folder))); err != nil {
				return err
			}
		}
	}
	return safefile.SyncDir(dir)
}
