package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/xla/plugins"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/kernel-ext/internal/plugininstall"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFromTheIndexThatPipNames is the whole way: pip's configuration, a page, a download that breaks off, and the plugin.
func TestFromTheIndexThatPipNames(t *testing.T) {
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
	wheel := plugininstall.Wheel{Project: "fake-pjrt", Version: "1.0", Tag: "py3-none-any", Size: int64(b.Len()), SHA256: hex.EncodeToString(sum[:])}
	table := []plugininstall.Pin{{Name: "cpu", Platform: runtime.GOOS + "/" + runtime.GOARCH, Wheels: []plugininstall.Wheel{wheel},
		Library: "fake/fake.so", Unpacked: int64(len(so)), Needs: "patience"}}
	cut := true
	ranges := ""
	mux := http.NewServeMux()
	mux.HandleFunc("/simple/fake-pjrt/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<a href="/%s#sha256=%s">%[1]s</a>`, wheel.File(), wheel.SHA256)
	})
	mux.HandleFunc("/"+wheel.File(), func(w http.ResponseWriter, r *http.Request) {
		ranges += r.Header.Get("Range")
		if cut {
			cut = false
			w.Header().Set("Content-Length", fmt.Sprint(b.Len()))
			w.Write(b.Bytes()[:100])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes 100-%d/%d", b.Len()-1, b.Len()))
		w.WriteHeader(http.StatusPartialContent)
		w.Write(b.Bytes()[100:])
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	dir := t.TempDir()
	for name, value := range map[string]string{"PIP_CONFIG_FILE": os.DevNull, "PIP_INDEX_URL": server.URL + "/simple", "PIP_EXTRA_INDEX_URL": "",
		"PIP_FIND_LINKS": "", "PIP_NO_INDEX": "", "PIP_CERT": "", "PIP_PROXY": "", "QUIRE_OFFLINE": "", "QUIRE_PLUGINS": dir} {
		t.Setenv(name, value)
	}
	var stdout, stderr strings.Builder
	require.NoError(t, get(context.Background(), table, "cpu", dir, &stdout, &stderr))
	assert.Equal(t, "bytes=100-", ranges, "asked for")
	p, err := plugins.Find("cpu")
	if err != nil || p.Verify() != nil {
		t.Errorf("%+v, %v, %v", p, err, p.Verify())
	}
	assert.Equal(t, "installed the plugin cpu 1.0 in "+filepath.Join(dir, "cpu")+"\n", stdout.String())
	host := strings.TrimPrefix(server.URL, "http://")
	if first := "plugin cpu 1.0 downloads 1 wheel of "; !strings.HasPrefix(stderr.String(), first) || !strings.Contains(stderr.String(), " from the index "+host+", and becomes ") ||
		!strings.HasSuffix(stderr.String(), "\nit needs patience\n") {
		t.Errorf("%q", stderr.String())
	}
	assert.Error(t, get(context.Background(), table, "tpu", dir, &stdout, &stderr), "installs what is not in the table")
}
