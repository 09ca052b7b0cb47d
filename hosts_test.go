package quire_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// registries are hosts from which packages, modules, images and systems are fetched. A machine has its own, or a mirror: files name
// none where leaving the setting empty, or what the machine is configured with, serves.
var registries = []string{
	"proxy.golang.org", "sum.golang.org", "goproxy.io", "goproxy.cn",
	"pypi.org", "files.pythonhosted.org", "conda.anaconda.org",
	"registry.npmjs.org", "registry.yarnpkg.com", "crates.io", "rubygems.org",
	"deb.debian.org", "security.debian.org", "ftp.debian.org", "archive.ubuntu.com", "security.ubuntu.com", "dl-cdn.alpinelinux.org",
	"docker.io", "hub.docker.com", "quay.io", "ghcr.io", "gcr.io", "nvcr.io", "mcr.microsoft.com", "public.ecr.aws",
}

// mayNameRegistries are the folders and files that have to.
var mayNameRegistries = map[string]string{
	"hosts_test.go": "the list above",
	"kernel-ext/internal/plugininstall/pypi/": "the index that pip asks without a configuration: pip has it built in, and who installs without pip needs it",
}

func TestNoHostOfARegistryIsNamed(t *testing.T) {
	used := map[string]bool{}
	for _, path := range moduleFiles(t) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, host := range registries {
			at := bytes.Index(text, []byte(host))
			if at < 0 {
				continue
			}
			allowed := false
			for place := range mayNameRegistries {
				if strings.HasPrefix(path, place) {
					allowed, used[place] = true, true
				}
			}
			if !allowed {
				t.Errorf("%s:%d names %s: leave the setting empty, or take what the machine is configured with", path, 1+bytes.Count(text[:at], []byte("\n")), host)
			}
		}
	}
	for place, why := range mayNameRegistries {
		assert.True(t, used[place], "%s may name a registry (%s), and does not: remove it from the list", place, why)
	}
}
