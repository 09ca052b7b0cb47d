package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/kernel-ext/internal/plugininstall"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fakePlugin replaces the table by one of a small plugin, whose wheel is in the folder that it returns.
func fakePlugin(t *testing.T) (wheels string) {
	t.Helper()
	so := testenv.Library{GOOS: runtime.GOOS, GOARCH: runtime.GOARCH, Symbol: "GetPjrtApi"}.Bytes()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("fake/fake.so")
	if err == nil {
		_, err = w.Write(so)
	}
	if err == nil {
		err = z.Close()
	}
	require.NoError(t, err)
	sum := sha256.Sum256(b.Bytes())
	wheel := plugininstall.Wheel{Project: "fake-pjrt", Version: "1.0", Tag: "py3-none-manylinux_2_27_x86_64", Size: int64(b.Len()), SHA256: hex.EncodeToString(sum[:])}
	oldPins, oldPlatform := pins, platform
	t.Cleanup(func() { pins, platform = oldPins, oldPlatform })
	platform = "linux/amd64"
	pins = []plugininstall.Pin{{Name: "cpu", Platform: platform, Wheels: []plugininstall.Wheel{wheel}, Library: "fake/fake.so", Unpacked: int64(len(so)), Needs: "patience"}}
	wheels = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(wheels, wheel.File()), b.Bytes(), 0o644))
	return wheels
}

// What differs between machines and versions of package zip.
var (
	sizes = regexp.MustCompile(`\b\d+(\.\d+)? k?B\b`)
	bytez = regexp.MustCompile(`\d+( of \d+)? bytes`)
	shas  = regexp.MustCompile(`[0-9a-f]{64}|[0-9a-f]{8}…`)
)

// TestPluginCommands pins what a user sees who installs, breaks and removes a plugin.
func TestPluginCommands(t *testing.T) {
	wheels := fakePlugin(t)
	dir := t.TempDir()
	t.Setenv("QUIRE_PLUGINS", filepath.Join(dir, "plugins"))
	so := filepath.Join(dir, "plugins", "cpu", "fake", "fake.so")
	change := func(f func([]byte) []byte) { // as a disk that fails does: the time stays
		info, err := os.Stat(so)
		require.NoError(t, err)
		content, err := os.ReadFile(so)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(so, f(content), 0o644))
		require.NoError(t, os.Chtimes(so, info.ModTime(), info.ModTime()))
	}
	var out strings.Builder
	for _, step := range []struct {
		what, line string
		do         func()
	}{
		{"nothing is installed", "plugin list", nil},
		{"", "plugin remove cpu", nil},
		{"", "plugin install cpu --from WHEELS", nil},
		{"", "plugin list -verify", nil},
		{"into another folder", "plugin install cpu --from WHEELS --to DIR/other", nil},
		{"one bit of the library changes", "plugin list", func() { change(func(b []byte) []byte { b[125] ^= 1; return b }) }},
		{"", "plugin list -verify", nil},
		{"its end is lost", "plugin list", func() { change(func(b []byte) []byte { return b[:len(b)-9] }) }},
		{"it is installed again", "plugin install --from WHEELS cpu", nil},
		{"in two folders", "plugin list", func() {
			t.Setenv("QUIRE_PLUGINS", filepath.Join(dir, "plugins")+string(filepath.ListSeparator)+filepath.Join(dir, "other"))
		}},
		{"its manifest is emptied", "plugin list", func() {
			t.Setenv("QUIRE_PLUGINS", filepath.Join(dir, "plugins"))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "plugins", "cpu", "plugin.json"), nil, 0o644))
		}},
		{"", "plugin remove cpu", nil},
		{"", "plugin install -wheels cpu", nil},
		{"", "plugin install cpu --from DIR/none", nil},
		{"", "plugin install cpu --from DIR", nil},
		{"on a Mac", "plugin install cpu", func() { platform = "darwin/arm64" }},
		{"", "plugin list", nil},
	} {
		if step.do != nil {
			step.do()
		}
		if step.what != "" {
			out.WriteString("# " + step.what + "\n")
		}
		var args []string
		for _, a := range strings.Fields(step.line) {
			args = append(args, strings.NewReplacer("DIR", dir, "WHEELS", wheels).Replace(a))
		}
		status, stdout, stderr := call(args...)
		text := strings.NewReplacer(dir, "DIR", wheels, "WHEELS").Replace(stdout + "-- stderr\n" + stderr)
		text = shas.ReplaceAllString(bytez.ReplaceAllString(sizes.ReplaceAllString(text, "SIZE"), "N bytes"), "SUM")
		text = strings.TrimSuffix(text, "-- stderr\n")
		out.WriteString("$ quire " + step.line + "\n" + text + "[" + string(rune('0'+status)) + "]\n\n")
	}
	golden.Check(t, "testdata/plugin.golden", out.String())
}

// TestInstallAsksTheIndex: without -from the program that downloads is built and asked, and its word is the last.
func TestInstallAsksTheIndex(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	if _, err := plugininstall.PinOf(pins, "cpu", platform); err != nil {
		status, _, stderr := call("plugin", "install", "cpu")
		assert.Equal(t, 1, status)
		assert.Contains(t, stderr, "there is no wheel")
		return
	}
	asked := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked += r.URL.Path
		http.NotFound(w, r)
	}))
	defer server.Close()
	for name, value := range map[string]string{"PIP_CONFIG_FILE": os.DevNull, "PIP_INDEX_URL": server.URL, "PIP_EXTRA_INDEX_URL": "",
		"PIP_FIND_LINKS": "", "PIP_NO_INDEX": "", "PIP_CERT": "", "PIP_PROXY": "", "QUIRE_OFFLINE": ""} {
		t.Setenv(name, value)
	}
	to := t.TempDir()
	status, stdout, stderr := call("plugin", "install", "cpu", "-to", to)
	want := `quire: plugin "cpu": ` + strings.TrimPrefix(server.URL, "http://") + ` has no page /xla-cpu-pjrt/: bring the wheels from elsewhere and use quire plugin install cpu -from DIR`
	if status != 1 || stdout != "" || !strings.Contains(stderr, want) || strings.Count(stderr, "quire: ") != 1 {
		t.Errorf("%d, %q, %s\nwant %s", status, stdout, stderr, want)
	}
	assert.Equal(t, "/xla-cpu-pjrt/", asked, "asked for")
}
