package pypi

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// transport adds credentials by host, and does not check certificates of trusted hosts.
type transport struct {
	checked, trusting http.RoundTripper
	trusted           []string                 // host or host:port
	users             map[string]*url.Userinfo // by scheme://host:port, as indexes name them
	netrc             map[string]*url.Userinfo // by host; "" stands for all others
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	trusted := t.trusts(r.URL)
	if r.URL.Scheme != "https" && !trusted {
		return nil, &refusal{fmt.Sprintf("%s is addressed by %s: use https, or name it in pip's trusted-host", r.URL.Hostname(), r.URL.Scheme)}
	}
	if user := t.user(r.URL); user != nil && r.Header.Get("Authorization") == "" {
		r = r.Clone(r.Context())
		password, _ := user.Password()
		r.SetBasicAuth(user.Username(), password)
	}
	if trusted {
		return t.trusting.RoundTrip(r)
	}
	return t.checked.RoundTrip(r)
}

// trusts reports whether the user trusts a host by name; this machine is trusted by itself.
func (t *transport) trusts(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return slices.Contains(t.trusted, u.Host) || slices.Contains(t.trusted, u.Hostname()) ||
		u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

// user returns who is asking a host, or nil.
func (t *transport) user(u *url.URL) *url.Userinfo {
	if user := t.users[u.Scheme+"://"+u.Host]; user != nil {
		return user
	}
	if user := t.netrc[u.Hostname()]; user != nil {
		return user
	}
	return t.netrc[""]
}

// newClient returns a client for an index, and the index's addresses without the credentials.
func newClient(c Config) (*http.Client, []*url.URL, error) {
	t := &transport{trusted: c.TrustedHosts, users: map[string]*url.Userinfo{}, netrc: readNetrc()}
	var indexes []*url.URL
	for _, address := range c.Indexes {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return nil, nil, fmt.Errorf("pip's configuration: the index %q is no address", hideUser(address))
		}
		if u.User != nil {
			t.users[u.Scheme+"://"+u.Host] = u.User
			u.User = nil
		}
		u.Path = strings.TrimSuffix(u.Path, "/") + "/"
		indexes = append(indexes, u)
	}
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.ResponseHeaderTimeout = 30 * time.Second
	base.DialContext = (&net.Dialer{Timeout: 15 * time.Second}).DialContext
	if c.Proxy != "" {
		proxy := c.Proxy
		if !strings.Contains(proxy, "://") {
			proxy = "http://" + proxy
		}
		u, err := url.Parse(proxy)
		if err != nil {
			return nil, nil, fmt.Errorf("pip's configuration: the proxy %q is no address", hideUser(c.Proxy))
		}
		base.Proxy = http.ProxyURL(u)
	}
	trusting := base.Clone()
	trusting.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} // the user said so; the sums of files are checked
	if c.Cert != "" {
		pool, err := certificates(c.Cert)
		if err != nil {
			return nil, nil, fmt.Errorf("pip's configuration: cert: %w", err)
		}
		base.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	t.checked, t.trusting = base, trusting
	return &http.Client{Transport: t}, indexes, nil
}

// hideUser returns an address without what stands before the @.
func hideUser(address string) string {
	if at := strings.LastIndexByte(address, '@'); at >= 0 {
		return "…" + address[at:]
	}
	return address
}

// certificates reads the certificates of a file, or of the files of a folder.
func certificates(path string) (*x509.CertPool, error) {
	files := []string{path}
	entries, err := os.ReadDir(path)
	if err == nil {
		files = nil
		for _, e := range entries {
			files = append(files, filepath.Join(path, e.Name()))
		}
	}
	pool, any := x509.NewCertPool(), false
	for _, file := range files {
		text, e := os.ReadFile(file)
		if e != nil && err != nil {
			return nil, e
		}
		any = pool.AppendCertsFromPEM(text) || any
	}
	if !any {
		return nil, fmt.Errorf("%s holds no certificate", path)
	}
	return pool, nil
}

// readNetrc reads $NETRC, or the file .netrc in the user's home, which ftp(1) knows and pip too. What cannot be read
// is no reason to stop: the server will say if it wanted to know who asks.
func readNetrc() map[string]*url.Userinfo {
	path := os.Getenv("NETRC")
	if path == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil
		}
		name := ".netrc"
		if runtime.GOOS == "windows" {
			name = "_netrc"
		}
		path = filepath.Join(home, name)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	users := map[string]*url.Userinfo{}
	host, login, password := "-", "", ""
	note := func() {
		if login != "" || password != "" {
			users[host] = url.UserPassword(login, password)
		}
		login, password = "", ""
	}
	words := bufio.NewScanner(f)
	words.Split(bufio.ScanWords)
	next := func() string { words.Scan(); return words.Text() }
	for words.Scan() {
		switch words.Text() {
		case "machine":
			note()
			host = next()
		case "default":
			note()
			host = ""
		case "login":
			login = next()
		case "password":
			password = next()
		case "account":
			next()
		}
	}
	note()
	return users
}

// refusal is an answer that trying again does not change.
type refusal struct{ text string }

func (e *refusal) Error() string { return e.text }

// explain returns err of a request to host as a sentence, and whether trying again is of no use.
func explain(err error, host string) (error, bool) {
	var refused *refusal
	var certificate *tls.CertificateVerificationError
	var network *url.Error
	switch {
	case errors.As(err, &refused):
		return refused, true
	case errors.As(err, &certificate):
		return fmt.Errorf("%s is not trusted (%w): name the certificate of its authority by cert in pip's configuration, or by PIP_CERT", host, certificate.Err), true
	case errors.As(err, &network):
		return fmt.Errorf("no answer from %s (%w)", host, network.Err), false
	}
	return err, false
}
