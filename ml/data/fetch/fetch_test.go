package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/ml/data"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// content is 300,000 bytes that differ.
var content = func() []byte {
	b := make([]byte, 300_000)
	for i := range b {
		b[i] = byte(i*i>>7 ^ i)
	}
	return b
}()

// server serves content as handler says, and counts requests.
type server struct {
	*httptest.Server
	requests atomic.Int32
	ranges   []string
}

func serve(t *testing.T, handler func(n int32, w http.ResponseWriter, r *http.Request)) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ranges = append(s.ranges, r.Header.Get("Range")) // requests of one test come one after the other
		handler(s.requests.Add(1), w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func whole(_ int32, w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// brokenAt closes the connection after n bytes of the first answer.
func brokenAt(n int) func(int32, http.ResponseWriter, *http.Request) {
	return func(request int32, w http.ResponseWriter, r *http.Request) {
		if request > 1 {
			whole(request, w, r)
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		w.Write(content[:n])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

func file(urls ...string) data.File {
	sum := sha256.Sum256(content)
	return data.File{Path: "set/file.gz", URLs: urls, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(content))}
}

// check says whether path holds content, and nothing else is in its folder.
func check(t *testing.T, path string) {
	t.Helper()
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(got, content), "%d bytes that are not the file's", len(got))
	list, _ := os.ReadDir(filepath.Dir(path))
	assert.Len(t, list, 1, "%v in the folder", list)
}

func TestOpenDownloadsOnce(t *testing.T) {
	s := serve(t, whole)
	cache := t.TempDir()
	t.Setenv("QUIRE_CACHE", cache)
	t.Setenv("QUIRE_DATA", "")
	t.Setenv("QUIRE_OFFLINE", "")
	for range 2 {
		f, err := data.Open(file(s.URL))
		require.NoError(t, err)
		got, err := io.ReadAll(f)
		f.Close()
		require.NoError(t, err, "%d bytes", len(got))
		require.True(t, bytes.Equal(got, content), "%d bytes", len(got))
	}
	assert.Equal(t, int32(1), s.requests.Load(), "requests")
	check(t, filepath.Join(cache, "set", "file.gz"))
}

// brokenOrWhole breaks off an answer from the start after 60,000 bytes, and any other not.
func brokenOrWhole(from int, w http.ResponseWriter, r *http.Request) {
	if from == 0 {
		brokenAt(60_000)(1, w, r)
	}
	whole(2, w, r)
}

func TestABrokenDownloadGoesOn(t *testing.T) {
	for name, c := range map[string]struct {
		handler func(int32, http.ResponseWriter, *http.Request)
		part    []byte // there from an earlier time
		ranges  string
	}{
		"the connection breaks":                {brokenAt(100_000), nil, "[ bytes=100000-]"},
		"the program was ended":                {whole, content[:5000], "[bytes=5000-]"},
		"ended between last byte and renaming": {whole, content, "[]"},
		"the part is too long":                 {whole, append(content[:len(content):len(content)], 1, 2, 3), "[bytes=300003- ]"},
		"the part is of another file":          {whole, make([]byte, 5000), "[bytes=5000- ]"},
		"it breaks again and again, and something comes each time": {func(_ int32, w http.ResponseWriter, r *http.Request) {
			from := 0
			fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
			if from == 0 || from >= 240_000 {
				brokenOrWhole(from, w, r)
				return
			}
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
			w.Header().Set("Content-Length", fmt.Sprint(len(content)-from))
			w.WriteHeader(http.StatusPartialContent)
			w.Write(content[from : from+60_000])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, nil, "[ bytes=60000- bytes=120000- bytes=180000- bytes=240000-]"},
		"the server knows no ranges": {func(_ int32, w http.ResponseWriter, r *http.Request) { w.Write(content) },
			content[:5000], "[bytes=5000-]"},
		"the server is busy at first": {func(n int32, w http.ResponseWriter, r *http.Request) {
			if n == 1 {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			whole(n, w, r)
		}, nil, "[ ]"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.handler)
			path := filepath.Join(t.TempDir(), "file.gz")
			if c.part != nil {
				require.NoError(t, os.WriteFile(path+".part", c.part, 0o644))
			}
			var last Progress
			d := &Fetcher{Pause: time.Millisecond, Progress: func(p Progress) { last = p }}
			require.NoError(t, d.To(context.Background(), file(s.URL), path))
			check(t, path)
			assert.Equal(t, c.ranges, fmt.Sprint(s.ranges), "ranges asked for")
			if size := int64(len(content)); len(s.ranges) > 0 && (last.Done != size || last.Total != size) {
				t.Errorf("last progress: %d of %d", last.Done, last.Total)
			}
		})
	}
}

func TestTheNextAddressIsTried(t *testing.T) {
	gone := serve(t, func(_ int32, w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) })
	wrong := serve(t, func(_ int32, w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "please log in") })
	right := serve(t, whole)
	path := filepath.Join(t.TempDir(), "file.gz")
	require.NoError(t, new(Fetcher).To(context.Background(), file(gone.URL, wrong.URL, right.URL), path))
	check(t, path)
}

func TestManyAtOnceDownloadOnce(t *testing.T) {
	s := serve(t, whole)
	path := filepath.Join(t.TempDir(), "file.gz")
	var d Fetcher
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			assert.NoError(t, d.To(context.Background(), file(s.URL), path))
		})
	}
	group.Wait()
	assert.Equal(t, int32(1), s.requests.Load(), "requests")
	assert.Empty(t, d.paths, "locks are left")
	check(t, path)
}

func TestAllSkipsWhatIsThere(t *testing.T) {
	s := serve(t, whole)
	t.Setenv("QUIRE_CACHE", t.TempDir())
	var d Fetcher
	for range 2 {
		require.NoError(t, d.All(context.Background(), file(s.URL)))
	}
	assert.Equal(t, int32(1), s.requests.Load(), "requests")
}

func TestCancelKeepsWhatWasReceived(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(_ int32, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		w.Write(content[:100_000])
		w.(http.Flusher).Flush()
		<-release
	})
	defer close(release)
	path := filepath.Join(t.TempDir(), "file.gz")
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		for range 1000 {
			if info, err := os.Stat(path + ".part"); err == nil && info.Size() >= 100_000 {
				break
			}
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	err := new(Fetcher).To(ctx, file(s.URL), path)
	require.ErrorIs(t, err, context.Canceled)
	info, err := os.Stat(path + ".part")
	require.NoError(t, err, "part: %v", info)
	assert.Equal(t, int64(100_000), info.Size(), "part: %v", info)
}

func TestErrors(t *testing.T) {
	wrong := serve(t, func(_ int32, w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "please log in") })
	gone := serve(t, func(_ int32, w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) })
	short := serve(t, func(_ int32, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		panic(http.ErrAbortHandler)
	})
	cut := serve(t, func(_ int32, w http.ResponseWriter, r *http.Request) { w.Write(content[:1000]) })
	silent := serve(t, func(_ int32, w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := "http://" + listener.Addr().String()
	listener.Close()

	var out strings.Builder
	for _, c := range []struct {
		name    string
		file    data.File
		offline string
	}{
		{"wrong checksum", file(wrong.URL), ""},
		{"cut off by the server", file(cut.URL), ""},
		{"not there", file(gone.URL), ""},
		{"the connection breaks each time", file(short.URL), ""},
		{"silence", file(silent.URL), ""},
		{"nobody listens", file(nobody), ""},
		{"offline on purpose", file(wrong.URL), "1"},
		{"no address", file(), ""},
		{"an address that is none", file("ht tp://x"), ""},
	} {
		t.Setenv("QUIRE_OFFLINE", c.offline)
		path := filepath.Join(t.TempDir(), "file.gz")
		err := (&Fetcher{Retries: 1, Stall: 50 * time.Millisecond}).To(context.Background(), c.file, path)
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		_, e := os.Stat(path)
		assert.ErrorIs(t, e, fs.ErrNotExist, "%s: the file is there all the same", c.name)
		text := strings.ReplaceAll(err.Error(), listener.Addr().String(), "127.0.0.1:PORT")
		for _, s := range []*server{wrong, gone, short, cut, silent} {
			text = strings.ReplaceAll(text, s.URL, "URL")
		}
		fmt.Fprintf(&out, "%s\n\t%s\n", c.name, text)
	}
	err = (&Fetcher{Remedy: "ask a friend"}).To(context.Background(), file(gone.URL), filepath.Join(t.TempDir(), "file.gz"))
	fmt.Fprintf(&out, "another remedy\n\t%v\n", err)

	// A file in the cache that was damaged there.
	cache := t.TempDir()
	t.Setenv("QUIRE_CACHE", cache)
	t.Setenv("QUIRE_DATA", "")
	os.MkdirAll(filepath.Join(cache, "set"), 0o755)
	os.WriteFile(filepath.Join(cache, "set", "file.gz"), []byte("damaged"), 0o644)
	_, err = data.Open(file(wrong.URL))
	fmt.Fprintf(&out, "damaged in the cache\n\t%s\n", strings.ReplaceAll(strings.ReplaceAll(fmt.Sprint(err), cache, "CACHE"), `\`, "/"))

	// What data.Open says when the download goes wrong.
	t.Setenv("QUIRE_CACHE", t.TempDir())
	_, err = data.Open(file(gone.URL))
	fmt.Fprintf(&out, "downloading while opening\n\t%v\n", err)

	golden.Check(t, "testdata/errors.golden", out.String())
}

func TestWithoutADownloaderOpenSaysWhatToDo(t *testing.T) {
	data.SetDownloader(nil)
	defer data.SetDownloader(func(f data.File, path string) error { return Default.bring(context.Background(), f, path) })
	t.Setenv("QUIRE_CACHE", "/cache")
	t.Setenv("QUIRE_DATA", "")
	for _, c := range []struct {
		urls []string
		want string
	}{
		{[]string{"https://example.com"}, `run "go run github.com/quire-ml/quire/kernel-ext/quire data get set"`},
		{nil, "put it in a folder and set QUIRE_DATA to that folder"},
	} {
		_, err := data.Open(file(c.urls...))
		require.ErrorIs(t, err, fs.ErrNotExist)
		assert.Contains(t, err.Error(), c.want)
	}
}
