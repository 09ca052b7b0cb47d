package plugininstall

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/quire-ml/quire/internal/testenv"

	"github.com/stretchr/testify/require"
)

const here = runtime.GOOS + "/" + runtime.GOARCH

// entry is a file of a wheel.
type entry struct {
	name    string
	content []byte
	mode    fs.FileMode
}

// wheel makes a wheel from files, and its pin.
func wheel(t *testing.T, project string, files ...entry) (Wheel, []byte) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate}
		h.SetMode(f.mode)
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = w.Write(f.content)
		}
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	sum := sha256.Sum256(b.Bytes())
	return Wheel{Project: project, Version: "1.0", Tag: "py3-none-any", Size: int64(b.Len()), SHA256: hex.EncodeToString(sum[:])}, b.Bytes()
}

// library returns a plugin's library for this machine.
func library() []byte {
	return testenv.Library{GOOS: runtime.GOOS, GOARCH: runtime.GOARCH, Symbol: "GetPjrtApi"}.Bytes()
}

// put writes wheels into a new folder.
func put(t *testing.T, wheels map[string][]byte) Folder {
	t.Helper()
	dir := t.TempDir()
	for name, content := range wheels {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o644))
	}
	return Folder(dir)
}

// fake is a small plugin of two wheels, and a folder with them.
func fake(t *testing.T) (Pin, Folder) {
	t.Helper()
	so := library()
	a, first := wheel(t, "fake-pjrt",
		entry{"fake_plugins/", nil, fs.ModeDir | 0o755},
		entry{"fake_plugins/__init__.py", []byte("import os"), 0o644},
		entry{"fake_plugins/fake.so", so, 0o644},
		entry{"fake_pjrt-1.0.dist-info/METADATA", []byte("License: Apache-2.0"), 0o664})
	b, second := wheel(t, "nvidia-fake",
		entry{"nvidia/bin/ptxas", []byte("#!/bin/sh"), 0o744},
		entry{"nvidia/lib/libfake.so.1", bytes.Repeat([]byte("x"), 5000), 0o644})
	pin := Pin{Name: "cpu", Platform: here, Library: "fake_plugins/fake.so", Wheels: []Wheel{a, b}, Unpacked: int64(len(so) + 5028),
		Env: map[string]string{"XLA_FLAGS": "--dir=${dir}/nvidia"}, Needs: "patience"}
	return pin, put(t, map[string][]byte{a.File(): first, b.File(): second})
}

// tree returns the files below dir but locks, with their permissions and contents' lengths, sorted.
func tree(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) == ".lock" {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		files = append(files, filepath.ToSlash(rel))
		return err
	})
	require.NoError(t, err)
	slices.Sort(files)
	return files
}
