package pypi

import (
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// clean gives the test an environment without any configuration of pip, and returns its home.
func clean(t *testing.T) (home string) {
	t.Helper()
	home = t.TempDir()
	for _, name := range []string{"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_CERT", "PIP_TRUSTED_HOST",
		"PIP_PROXY", "PIP_CONFIG_FILE", "REQUESTS_CA_BUNDLE", "XDG_CONFIG_HOME", "VIRTUAL_ENV"} {
		t.Setenv(name, "")
	}
	for _, name := range []string{"HOME", "USERPROFILE", "APPDATA", "PROGRAMDATA"} {
		t.Setenv(name, home)
	}
	t.Setenv("XDG_CONFIG_DIRS", filepath.Join(home, "xdg"))
	before := etc
	t.Cleanup(func() { etc = before })
	etc = filepath.Join(home, "etc")
	return home
}

// config writes a file and returns its path.
func config(t *testing.T, text string, elem ...string) string {
	t.Helper()
	path := filepath.Join(elem...)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

func check(t *testing.T, what string, want Config) {
	t.Helper()
	got, err := ReadConfig()
	require.NoError(t, err, what)
	for _, list := range []*[]string{&got.FindLinks, &got.TrustedHosts} {
		if len(*list) == 0 {
			*list = nil
		}
	}
	assert.Equal(t, want, got, what)
}

func TestConfig(t *testing.T) {
	home := clean(t)
	check(t, "nothing", Config{Indexes: []string{defaultIndex}})
	user := []string{home, ".config", "pip", "pip.conf"}
	if runtime.GOOS == "windows" {
		user = []string{home, "pip", "pip.ini"}
	}
	config(t, "\ufeff# ours\n[global]\nindex-url = https://user.example/simple\n; and\nextra_index_url:\n  https://a.example/\n\n  https://b.example/\ncert=/ca.pem\n"+
		"[download]\nindex-url = https://download.example\n[install]\ntrusted-host = one\n\ttwo:8080\n", user...)
	want := Config{Indexes: []string{"https://user.example/simple", "https://a.example/", "https://b.example/"}, Cert: "/ca.pem",
		TrustedHosts: []string{"one", "two:8080"}}
	check(t, "a file of the user", want)
	if runtime.GOOS != "windows" {
		config(t, "[global]\nindex-url = https://global.example\nproxy = other:3128\n", home, "xdg", "pip", "pip.conf")
		config(t, "[global]\nproxy = proxy:3128\ncert = /etc/ca.pem\n", home, "etc", "pip.conf")
		want.Proxy = "proxy:3128"
		check(t, "weaker ones of all users", want)
	}
	env := filepath.Join(home, "venv")
	t.Setenv("VIRTUAL_ENV", env)
	file := "pip.conf"
	if runtime.GOOS == "windows" {
		file = "pip.ini"
	}
	config(t, "[install]\nindex-url = https://venv.example\n", env, file)
	want.Indexes[0] = "https://venv.example"
	check(t, "a stronger one of the virtual environment", want)

	t.Setenv("PIP_INDEX_URL", "https://env.example")
	t.Setenv("PIP_EXTRA_INDEX_URL", "https://x.example https://y.example")
	want.Indexes = []string{"https://env.example", "https://x.example", "https://y.example"}
	check(t, "variables", want)
	t.Setenv("PIP_NO_INDEX", "true")
	t.Setenv("PIP_FIND_LINKS", "wheels /more")
	want.Indexes, want.FindLinks = nil, []string{"wheels", "/more"}
	check(t, "no index", want)

	t.Setenv("PIP_CONFIG_FILE", os.DevNull)
	t.Setenv("PIP_NO_INDEX", "0")
	t.Setenv("REQUESTS_CA_BUNDLE", "/bundle.pem")
	check(t, "no files", Config{Indexes: []string{"https://env.example", "https://x.example", "https://y.example"},
		FindLinks: []string{"wheels", "/more"}, Cert: "/bundle.pem"})
}

func TestANamedFileStandsForTheUsers(t *testing.T) {
	home := clean(t)
	config(t, "[global]\nindex-url = https://user.example\n", home, ".config", "pip", "pip.conf")
	t.Setenv("PIP_CONFIG_FILE", config(t, "[global]\nindex-url = https://named.example\n", home, "named.conf"))
	check(t, "named", Config{Indexes: []string{"https://named.example"}})
}

func TestWrongConfig(t *testing.T) {
	home := clean(t)
	for text, want := range map[string]string{
		"index-url = x":                 "line 1: want option = value below a [section]",
		"[global]\n\n= x":               "line 3: want option = value below a [section]",
		"[global]\nindex-url":           "line 2: want option = value below a [section]",
		"[global\n":                     "line 1: a section without ]",
		"[global]\n  https://a.invalid": "line 2: a value without an option",
	} {
		path := config(t, text, home, "pip.conf")
		t.Setenv("PIP_CONFIG_FILE", path)
		_, err := ReadConfig()
		assert.EqualError(t, err, "pip's configuration: "+path+", "+want, "%q: %v, want … %s", text, err, want)
	}
}

func FuzzConfig(f *testing.F) {
	f.Add("[global]\nindex-url = a\n b\n[install]\ncert: x")
	f.Add("[")
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "pip.conf")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		options := map[string]string{}
		if err := readFile(path, options); err == nil {
			for key := range options {
				require.NotEmpty(t, key, "the option")
				assert.Equal(t, strings.ToLower(key), key, "the option")
			}
		}
	})
}

func FuzzPage(f *testing.F) {
	f.Add("text/html", `<base href="/x/"><a data-yanked href='a-1.whl#sha256=00'>`)
	f.Add("application/vnd.pypi.simple.v1+json", `{"files":[{"filename":"a","url":"b","hashes":{"sha256":"00"}}]}`)
	at, err := url.Parse("https://example.com/simple/a/")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, kind, text string) {
		links, err := parsePage(kind, []byte(text), at)
		for _, l := range links {
			if u, e := url.Parse(l.url); err != nil || e != nil || u.Scheme == "" {
				t.Errorf("%+v, %v, %v", l, err, e)
			}
		}
	})
}
