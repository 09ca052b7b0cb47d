//go:build unix

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/quire-ml/quire/internal/assets"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAssetsInstall has a program in npm's place bring an archive.
func TestAssetsInstall(t *testing.T) {
	hex64 := func(b []byte) string { sum := sha256.Sum256(b); return hex.EncodeToString(sum[:]) }
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "package/lib.js", Mode: 0o644, Size: 3}))
	_, err := w.Write([]byte("lib"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	pins, before := assets.Pins, npm
	t.Cleanup(func() { assets.Pins, npm = pins, before })
	assets.Pins = []assets.Pin{{Name: "echarts", Version: "1.0", Size: int64(b.Len()), SHA256: hex64(b.Bytes()), Files: []assets.File{{Path: "package/lib.js", Size: 3, SHA256: hex64([]byte("lib"))}}}}

	dir := t.TempDir()
	t.Setenv("QUIRE_ASSETS", filepath.Join(dir, "assets"))
	archive := filepath.Join(dir, "archive")
	require.NoError(t, os.WriteFile(archive, b.Bytes(), 0o644))
	script := func(text string) {
		npm = filepath.Join(dir, "npm")
		require.NoError(t, os.WriteFile(npm, []byte("#!/bin/sh\n"+text), 0o755))
	}
	npm = filepath.Join(dir, "none")
	status, _, stderr := call("assets", "install", "echarts")
	assert.Equal(t, 1, status)
	assert.Contains(t, stderr, "npm, which brings echarts, is not on this machine: run npm pack echarts@1.0 elsewhere, bring echarts-1.0.tgz here, and use quire assets install echarts -from DIR")

	script("echo 'no such registry' >&2; exit 1")
	status, _, stderr = call("assets", "install", "echarts")
	assert.Equal(t, 1, status)
	assert.Contains(t, stderr, "npm could not bring echarts@1.0: no such registry")

	script(fmt.Sprintf(`test "$1 $2" = "pack echarts@1.0" && cp %s "$5/echarts-1.0.tgz"`, archive))
	status, stdout, stderr := call("assets", "install", "echarts")
	require.Equal(t, 0, status, stderr)
	assert.Equal(t, "installed echarts 1.0 in "+filepath.Join(dir, "assets", "echarts")+"\n", stdout)
	data, err := assets.Library("echarts")
	require.NoError(t, err)
	assert.Equal(t, "lib", string(data))

	script("exit 1") // it is not asked again
	status, stdout, _ = call("assets", "install", "echarts")
	assert.Equal(t, 0, status)
	assert.Contains(t, stdout, "is installed already")

	script(`echo damaged >"$5/echarts-1.0.tgz"`)
	status, _, stderr = call("assets", "install", "-to", filepath.Join(dir, "other"), "echarts")
	assert.Equal(t, 1, status)
	assert.Contains(t, stderr, "is damaged, or not what is pinned")
	assert.NoDirExists(t, filepath.Join(dir, "other"))
}
