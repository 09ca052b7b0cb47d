package pypi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/kernel-ext/internal/plugininstall"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// content is what the one wheel of the tests holds: 300,000 bytes that differ.
var content = func() []byte {
	b := make([]byte, 300_000)
	for i := range b {
		b[i] = byte(i*i>>7 ^ i)
	}
	return b
}()

var wheel = func() plugininstall.Wheel {
	sum := sha256.Sum256(content)
	return plugininstall.Wheel{Project: "Fake_pjrt", Version: "1.0", Tag: "py3-none-any", Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}
}()

const (
	pagePath = "/simple/fake-pjrt/"
	filePath = "/files/Fake_pjrt-1.0-py3-none-any.whl"
)

// server is an index with one project. Handlers take the place of its two answers.
type server struct {
	*httptest.Server
	mu         sync.Mutex
	log        []string // the requests, with Range and whoever asks
	page, file http.HandlerFunc
}

// serve starts an index whose page is in HTML.
func serve(t *testing.T) *server {
	t.Helper()
	s := &server{page: inHTML(`<a href="../../files/Fake_pjrt-1.0-py3-none-any.whl#sha256=` + wheel.SHA256 + `">it</a>`), file: whole}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// ServeHTTP implements http.Handler.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	line := r.URL.Path
	if from := r.Header.Get("Range"); from != "" {
		line += " " + from
	}
	if user, password, ok := r.BasicAuth(); ok {
		line += " " + user + ":" + password
	}
	s.mu.Lock()
	s.log = append(s.log, line)
	s.mu.Unlock()
	switch r.URL.Path {
	case pagePath:
		s.page(w, r)
	case filePath:
		s.file(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (s *server) requests() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.log, ", ")
}

func inHTML(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<!DOCTYPE html>\n<html><head><meta name=\"pypi:repository-version\" content=\"1.0\"></head><body><h1>Links</h1>\n%s<br/></body></html>", body)
	}
}

func whole(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// first answers the first request with one handler and the rest with the other.
func first(one, rest http.HandlerFunc) http.HandlerFunc {
	var once sync.Once
	return func(w http.ResponseWriter, r *http.Request) {
		handler := rest
		once.Do(func() { handler = one })
		handler(w, r)
	}
}

// cutAt closes the connection after n bytes.
func cutAt(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		w.Write(content[:n])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// silent begins to answer and says nothing.
func silent(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "1000")
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

// index returns the index of a configuration, without pauses.
func index(t *testing.T, c Config) *Index {
	t.Helper()
	t.Setenv("NETRC", filepath.Join(t.TempDir(), "none"))
	x, err := New(c, "use -from DIR")
	require.NoError(t, err)
	x.tries, x.pause = 3, time.Microsecond
	return x
}

// bring brings the wheel from an index into a new folder, and compares it.
func bring(t *testing.T, x *Index) error {
	t.Helper()
	return bringTo(t, x, t.TempDir())
}

func bringTo(t *testing.T, x *Index, keep string) error {
	t.Helper()
	path, err := x.Bring(context.Background(), wheel, keep, func(int64) {})
	if err != nil {
		return err
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes in %s, %v", len(got), path, err)
	}
	return nil
}

func TestBothFormsOfPages(t *testing.T) {
	name := wheel.File()
	json := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			assert.True(t, strings.HasPrefix(r.Header.Get("Accept"), "application/vnd.pypi.simple.v1+json,"), "asks for %q", r.Header.Get("Accept"))
			w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
			fmt.Fprintf(w, `{"meta":{"api-version":"1.1"},"name":"fake-pjrt","versions":["1.0"],"files":[%s]}`, body)
		}
	}
	for _, c := range []struct {
		name string
		page func(s *server) http.HandlerFunc
	}{
		{"JSON", func(s *server) http.HandlerFunc {
			return json(`{"filename":"other.whl","url":"x","hashes":{}},{"filename":"` + name + `","url":"` + s.URL + filePath + `","hashes":{"md5":"0","sha256":"` +
				wheel.SHA256 + `"},"size":300000,"yanked":"broken","requires-python":">=3.8"}`)
		}},
		{"JSON with a relative address and without sums", func(*server) http.HandlerFunc {
			return json(`{"filename":"` + name + `","url":"../../files/` + name + `"}`)
		}},
		{"HTML", func(s *server) http.HandlerFunc {
			return inHTML(`<a href="https://example.com/other-1.0.whl#sha256=00">other</a><br>
<a data-requires-python="&gt;=3.8" data-yanked data-upload-time='2025' href="` + s.URL + filePath + `#sha256=` + wheel.SHA256 + `">` + name + `</a>`)
		}},
		{"HTML in capitals, with an unquoted, absolute path", func(*server) http.HandlerFunc { return inHTML(`<A HREF=` + filePath + `>x</A>`) }},
		{"HTML with a > in an attribute and a name that is escaped", func(*server) http.HandlerFunc {
			return inHTML(`<a data-requires-python=">3" href="` + strings.ReplaceAll(filePath, "_", "%5f") + `?a=1&amp;b=2#sha256=` + strings.ToUpper(wheel.SHA256) + `">x</a>`)
		}},
		{"HTML with a base", func(s *server) http.HandlerFunc {
			return inHTML(`<base href="` + s.URL + `/files/"><a href="` + name + `#md5=0123">x</a>`)
		}},
		{"HTML that breaks off after the link", func(*server) http.HandlerFunc { return inHTML(`<a href="` + filePath + `">x</a><`) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t)
			s.page = c.page(s)
			assert.NoError(t, bring(t, index(t, Config{Indexes: []string{s.URL + "/simple"}})))
			assert.Equal(t, pagePath+", "+filePath, s.requests(), "requests")
		})
	}
}

func TestCutConnectionsAreResumed(t *testing.T) {
	s := serve(t)
	s.file = first(cutAt(100_000), whole)
	var last int64
	keep := t.TempDir()
	x := index(t, Config{Indexes: []string{s.URL + "/simple/"}})
	_, err := x.Bring(context.Background(), wheel, keep, func(n int64) { last = n })
	require.NoError(t, err)
	got, want := s.requests(), pagePath+", "+filePath+", "+filePath+" bytes=100000-"
	assert.Equal(t, want, got, "requests")
	assert.Equal(t, wheel.Size, last, "bytes at the end")
	require.NoError(t, bringTo(t, x, keep)) // it is there
	assert.Equal(t, 2, strings.Count(s.requests(), ","), "requests: %s", s.requests())
}

func TestManyCutsDoNotExhaustTheTries(t *testing.T) {
	s := serve(t)
	s.file = func(w http.ResponseWriter, r *http.Request) {
		from := 0
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
		w.Header().Set("Content-Length", strconv.Itoa(len(content)-from))
		if from > 0 {
			w.WriteHeader(http.StatusPartialContent)
		}
		w.Write(content[from:min(from+20_000, len(content))])
		w.(http.Flusher).Flush()
		if from+20_000 < len(content) {
			panic(http.ErrAbortHandler)
		}
	}
	require.NoError(t, bring(t, index(t, Config{Indexes: []string{s.URL + "/simple"}})))
	got := strings.Count(s.requests(), "bytes=")
	assert.Equal(t, 14, got, "%d parts: %s", got, s.requests())
}

func TestAServerThatIgnoresRange(t *testing.T) {
	s := serve(t)
	s.file = first(cutAt(100_000), func(w http.ResponseWriter, _ *http.Request) { w.Write(content) })
	require.NoError(t, bring(t, index(t, Config{Indexes: []string{s.URL + "/simple"}})))
	got := s.requests()
	assert.True(t, strings.HasSuffix(got, " bytes=100000-"), "requests: %s", got)
}

func TestAnotherProcessGoesOnWithAPart(t *testing.T) {
	s := serve(t)
	keep := t.TempDir()
	part := filepath.Join(keep, wheel.File()+".part")
	require.NoError(t, os.WriteFile(part, content[:123_456], 0o644))
	require.NoError(t, bringTo(t, index(t, Config{Indexes: []string{s.URL + "/simple"}}), keep))
	got := s.requests()
	assert.True(t, strings.HasSuffix(got, " bytes=123456-"), "requests: %s", got)
}

func TestAPartOfAnotherFileBeginsAnew(t *testing.T) {
	s := serve(t)
	keep := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(keep, wheel.File()+".part"), make([]byte, 1000), 0o644))
	require.NoError(t, bringTo(t, index(t, Config{Indexes: []string{s.URL + "/simple"}}), keep))
	got, want := s.requests(), pagePath+", "+filePath+" bytes=1000-, "+filePath
	assert.Equal(t, want, got, "requests")
}

func TestADamagedDownloadIsFetchedAgain(t *testing.T) {
	s := serve(t)
	keep := t.TempDir()
	damaged := bytes.Clone(content)
	damaged[7]++
	require.NoError(t, os.WriteFile(filepath.Join(keep, wheel.File()), damaged, 0o644))
	require.NoError(t, bringTo(t, index(t, Config{Indexes: []string{s.URL + "/simple"}}), keep))
}

func TestTroubleThatPasses(t *testing.T) {
	s := serve(t)
	s.page = first(status(503), first(status(429), s.page))
	s.file = first(status(502), whole)
	require.NoError(t, bring(t, index(t, Config{Indexes: []string{s.URL + "/simple"}})))
}

func TestRedirects(t *testing.T) {
	files := serve(t)
	s := serve(t)
	s.page = inHTML(`<a href="` + filePath + `">x</a>`)
	s.file = func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, files.URL+filePath, http.StatusFound)
	}
	moved := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, s.URL+r.URL.Path, http.StatusMovedPermanently)
	}))
	defer moved.Close()
	address := strings.Replace(moved.URL, "http://", "http://ann:secret@", 1)
	require.NoError(t, bring(t, index(t, Config{Indexes: []string{address + "/simple"}})))
	// The page's links are relative to where it really is; and the user of one server is no business of the others.
	got, want := s.requests()+"; "+files.requests(), pagePath+", "+filePath+"; "+filePath
	assert.Equal(t, want, got, "requests")
}

func TestAuthentication(t *testing.T) {
	s := serve(t)
	for _, handler := range []*http.HandlerFunc{&s.page, &s.file} {
		inner := *handler
		*handler = func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "ann" || password != "p@ss" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			inner(w, r)
		}
	}
	x := index(t, Config{Indexes: []string{strings.Replace(s.URL, "http://", "http://ann:p%40ss@", 1) + "/simple"}})
	require.NoError(t, bring(t, x))
	if strings.Contains(x.String(), "ann") || strings.Contains(x.String(), "p@ss") {
		t.Errorf("%s names the user", x)
	}
	netrc := filepath.Join(t.TempDir(), "netrc")
	text := "machine example.com login bob password x\nmachine 127.0.0.1\n\tlogin ann\n\tpassword p@ss\ndefault login carl password y\n"
	require.NoError(t, os.WriteFile(netrc, []byte(text), 0o600))
	t.Setenv("NETRC", netrc)
	x, err := New(Config{Indexes: []string{s.URL + "/simple"}}, "")
	require.NoError(t, err)
	assert.NoError(t, bring(t, x))
	users := readNetrc()
	require.Len(t, users, 3)
	assert.Equal(t, "bob:x", users["example.com"].String())
	assert.Equal(t, "carl:y", users[""].String())
}

func TestASecondIndex(t *testing.T) {
	empty, s := serve(t), serve(t)
	empty.page = http.NotFound
	require.NoError(t, bring(t, index(t, Config{Indexes: []string{empty.URL + "/simple", s.URL + "/simple"}})))
}

func TestFindLinks(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, wheel.File()), content, 0o644))
	t.Setenv("QUIRE_OFFLINE", "1") // a folder is no network
	for _, link := range []string{dir, "file://" + dir} {
		x := index(t, Config{FindLinks: []string{filepath.Join(dir, "none"), link}})
		assert.NoError(t, bring(t, x), link)
	}
	t.Setenv("QUIRE_OFFLINE", "")
	s := serve(t)
	assert.NoError(t, bring(t, index(t, Config{FindLinks: []string{s.URL + pagePath}})))
}

func TestCertificates(t *testing.T) {
	s := serve(t)
	secure := httptest.NewUnstartedServer(s)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // it would tell of the client that breaks off
	secure.StartTLS()
	defer secure.Close()
	cert := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	require.NoError(t, os.WriteFile(cert, text, 0o644))
	url := secure.URL + "/simple"
	host := strings.TrimPrefix(secure.URL, "https://")
	for name, c := range map[string]Config{
		"a file":                    {Cert: cert},
		"a folder":                  {Cert: filepath.Dir(cert)},
		"a host that is trusted":    {TrustedHosts: []string{"127.0.0.1"}},
		"a port of one that is too": {TrustedHosts: []string{"example.com", host}},
	} {
		c.Indexes = []string{url}
		assert.NoError(t, bring(t, index(t, c)), name)
	}
	err := bring(t, index(t, Config{Indexes: []string{url}, TrustedHosts: []string{"example.com"}}))
	assert.ErrorContains(t, err, "127.0.0.1", "without")
	assert.ErrorContains(t, err, "cert in pip's configuration", "without")
}

func TestProxy(t *testing.T) {
	s := serve(t)
	// A proxy for plain http is asked with whole addresses.
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "index.invalid", r.URL.Host, "asked for %s", r.URL)
		s.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	for _, address := range []string{proxy.URL, strings.TrimPrefix(proxy.URL, "http://")} {
		x := index(t, Config{Indexes: []string{"http://index.invalid/simple"}, TrustedHosts: []string{"index.invalid"}, Proxy: address})
		assert.NoError(t, bring(t, x), address)
	}
}

func TestInterruptKeepsThePart(t *testing.T) {
	s := serve(t)
	s.file = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		w.Write(content[:100_000])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	keep := t.TempDir()
	part := filepath.Join(keep, wheel.File()+".part")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { // until the part is there; a test's deadline ends it otherwise
		for ctx.Err() == nil {
			if info, err := os.Stat(part); err == nil && info.Size() >= 100_000 {
				cancel()
			}
			time.Sleep(time.Millisecond)
		}
	}()
	_, err := index(t, Config{Indexes: []string{s.URL + "/simple"}}).Bring(ctx, wheel, keep, func(int64) {})
	assert.ErrorIs(t, err, context.Canceled)
	info, err := os.Stat(part)
	require.NoError(t, err, info)
	assert.Equal(t, int64(100_000), info.Size(), info)
	s.file = whole
	err = bringTo(t, index(t, Config{Indexes: []string{s.URL + "/simple"}}), keep)
	require.NoError(t, err, "%v, requests: %s", err, s.requests())
	assert.True(t, strings.HasSuffix(s.requests(), " bytes=100000-"), "%v, requests: %s", err, s.requests())
}

// TestErrors pins the sentences.
func TestErrors(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := "http://" + listener.Addr().String()
	listener.Close()
	other := strings.Repeat("0", 64)
	wrong := bytes.Repeat([]byte("x"), len(content))
	text := func(kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			fmt.Fprint(w, body)
		}
	}
	var out strings.Builder
	for _, c := range []struct {
		name       string
		page, file http.HandlerFunc
		config     Config // instead of the server
		offline    string
		patience   time.Duration // with the page
		stall      time.Duration // of the file
	}{
		{name: "no such project", page: http.NotFound},
		{name: "not for us", page: status(403)},
		{name: "a user is wanted", page: status(401)},
		{name: "a server in trouble", page: status(500)},
		{name: "an answer that is odd", page: status(418)},
		{name: "a page without the wheel", page: inHTML(`<a href="Fake_pjrt-0.9-py3-none-any.whl">old</a>`)},
		{name: "a page with another wheel of the name", page: inHTML(`<a href="` + filePath + `#sha256=` + other + `">x</a>`)},
		{name: "an empty page", page: inHTML("")},
		{name: "a page that is a picture", page: text("image/png", "\x89PNG")},
		{name: "a page of no type", page: text(";", "x")},
		{name: "broken JSON", page: text("application/vnd.pypi.simple.v1+json", `{"files": [`)},
		{name: "a page to log in", page: inHTML(`<form action="/login"><a name="top">Please log in</a></form><a <`)},
		{name: "a page that breaks off", page: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Content-Length", "1000")
			w.Write([]byte("<html>"))
		}},
		{name: "a page that does not come", page: silent, patience: 50 * time.Millisecond},
		{name: "a file that does not come", file: silent, stall: 50 * time.Millisecond},
		{name: "no file", file: http.NotFound},
		{name: "the wrong file", file: func(w http.ResponseWriter, _ *http.Request) { w.Write(wrong) }},
		{name: "a file that breaks off each time", file: cutAt(0)},
		{name: "nobody listens", config: Config{Indexes: []string{nobody + "/simple"}}},
		{name: "two indexes, and nobody listens", config: Config{Indexes: []string{nobody + "/simple", nobody + "/second"}}},
		{name: "without https", config: Config{Indexes: []string{"http://index.invalid/simple"}}},
		{name: "find-links that have nothing", config: Config{FindLinks: []string{t.TempDir()}}},
		{name: "offline on purpose", offline: "1"},
	} {
		s := serve(t)
		if c.page != nil {
			s.page = c.page
		}
		if c.file != nil {
			s.file = c.file
		}
		config := c.config
		if config.Indexes == nil && config.FindLinks == nil {
			config.Indexes = []string{s.URL + "/simple"}
		}
		t.Setenv("QUIRE_OFFLINE", c.offline)
		x := index(t, config)
		x.tries = 2
		if c.patience > 0 {
			x.patience = c.patience
		}
		if c.stall > 0 {
			x.stall = c.stall
		}
		keep := t.TempDir()
		err := bringTo(t, x, keep)
		assert.Error(t, err, c.name)
		_, e := os.Stat(filepath.Join(keep, wheel.File()))
		assert.Error(t, e, "%s: the wheel is there", c.name)
		fmt.Fprintf(&out, "%s\n\t%s\n", c.name, ports.ReplaceAllString(fmt.Sprint(err), "127.0.0.1:PORT"))
	}
	for _, c := range []struct {
		name string
		c    Config
	}{
		{"no index at all", Config{}},
		{"an index that is no address", Config{Indexes: []string{"pypi"}}},
		{"an index with a secret that is no address", Config{Indexes: []string{"ftp://ann:secret@example.com"}}},
		{"a proxy that is none", Config{Indexes: []string{defaultIndex}, Proxy: "http://ann:secret@%zz"}},
		{"certificates that are not there", Config{Indexes: []string{defaultIndex}, Cert: filepath.FromSlash("none/ca.pem")}},
		{"certificates that are none", Config{Indexes: []string{defaultIndex}, Cert: "index_test.go"}},
	} {
		_, err := New(c.c, "use -from DIR")
		assert.Error(t, err, c.name)
		fmt.Fprintf(&out, "%s\n\t%v\n", c.name, err)
	}
	golden.Check(t, "testdata/errors.golden", out.String())
}

var ports = regexp.MustCompile(`127\.0\.0\.1:\d+`)

func TestString(t *testing.T) {
	for want, c := range map[string]Config{
		"the index pypi.org":                     {Indexes: []string{defaultIndex}},
		"the indexes pypi.org, example.com:8080": {Indexes: []string{defaultIndex, "https://example.com:8080/pypi/simple/"}},
		"pip's find-links":                       {FindLinks: []string{"wheels"}},
	} {
		assert.Equal(t, want, index(t, c).String())
	}
}
