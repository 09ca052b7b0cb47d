// Package docker_test checks what of the images can be checked without building them: that versions agree with their
// sources, that files named are there, and what the entry point makes of its arguments. docker/smoke tests an
// image.
package docker_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/quire-ml/quire/internal/testenv"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// read returns a file of the module, by its path from the root.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(path)))
	require.NoError(t, err)
	return string(text)
}

// find returns what the pattern's group matches in a file, and fails if there is nothing.
func find(t *testing.T, path, pattern string) string {
	t.Helper()
	m := regexp.MustCompile("(?m)" + pattern).FindStringSubmatch(read(t, path))
	require.NotNil(t, m, "%s has no line like %s", path, pattern)
	return m[1]
}

func TestGoIsOfTheModulesVersionOrNewer(t *testing.T) {
	module := strings.Split(find(t, "go.mod", `^go (\d+\.\d+\.\d+)$`), ".")
	image := strings.Split(find(t, "docker/Dockerfile", `^ARG GO_VERSION=(\d+\.\d+\.\d+)$`), ".")
	patch := func(v []string) int { n, _ := strconv.Atoi(v[2]); return n }
	if !slices.Equal(module[:2], image[:2]) || patch(image) < patch(module) {
		t.Errorf("the image has Go %s, and go.mod asks for %s", strings.Join(image, "."), strings.Join(module, "."))
	}
}

func TestJupyterLabHasOnePin(t *testing.T) {
	for _, p := range []struct{ pin, constant string }{{"jupyterlab", "Version"}, {"ipywidgets", "Widgets"}} {
		pin := find(t, ".ci/requirements.txt", `^`+p.pin+`==(\S+)$`)
		assert.Equal(t, pin, find(t, "kernel-ext/internal/lab/find.go", p.constant+`\s+= "(.+)"`), "quire lab sets up %s", p.pin)
	}
	assert.Contains(t, read(t, "docker/Dockerfile"), `grep -E '^(jupyterlab|ipywidgets)=='`, "the image has what quire lab sets up")
	for i, line := range strings.Split(strings.TrimSpace(read(t, "docker/constraints.txt")), "\n") {
		if !strings.HasPrefix(line, "#") && !regexp.MustCompile(`^[A-Za-z0-9._-]+==[A-Za-z0-9._+]+$`).MatchString(line) {
			t.Errorf("docker/constraints.txt:%d: %q is no exact version", i+1, line)
		}
		assert.False(t, strings.HasPrefix(line, "jupyterlab==") || strings.HasPrefix(line, "ipywidgets=="), "docker/constraints.txt:%d: versions of JupyterLab and ipywidgets belong into .ci/requirements.txt alone", i+1)
	}
}

// Versions and sums of plugins are in quire's own pins; what people read here must say the same.
func TestREADMENamesThePinnedPlugins(t *testing.T) {
	pins := read(t, "kernel-ext/internal/plugininstall/pins.go")
	named := regexp.MustCompile("`([a-z0-9-]+)` (\\d+(?:\\.\\d+)+)").FindAllStringSubmatch(read(t, "docker/README.md"), -1)
	require.GreaterOrEqual(t, len(named), 2, "docker/README.md names %d wheels with their versions, not those of both plugins", len(named))
	for _, n := range named {
		assert.True(t, regexp.MustCompile(`"`+regexp.QuoteMeta(n[1])+`", "`+regexp.QuoteMeta(n[2])+`"`).MatchString(pins), "docker/README.md says %s %s, which is not pinned", n[1], n[2])
	}
}

// stages returns the names of the Dockerfile's stages, and its text with continued lines joined.
func stages(t *testing.T) (names []string, text string) {
	t.Helper()
	text = strings.ReplaceAll(read(t, "docker/Dockerfile"), "\\\n", " ")
	for _, m := range regexp.MustCompile(`(?m)^FROM \S+ AS (\S+)$`).FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return names, text
}

func TestStagesAndFilesOfTheDockerfileAreThere(t *testing.T) {
	names, text := stages(t)
	assert.Equal(t, []string{"go", "wheels", "system", "build", "cpu", "cuda"}, names, "the stages")
	for _, m := range regexp.MustCompile(`--from=([a-z]+)|,from=([a-z]+)`).FindAllStringSubmatch(text, -1) {
		from := m[1] + m[2]
		assert.Contains(t, names, from, "something is taken from %q, which is no stage", from)
	}
	ignored := strings.Fields(regexp.MustCompile(`(?m)^#.*$`).ReplaceAllString(read(t, ".dockerignore"), ""))
	for _, m := range regexp.MustCompile(`bind,source=([^, ]+)`).FindAllStringSubmatch(text, -1) {
		read(t, m[1])
		if dir := filepath.ToSlash(filepath.Dir(m[1])); slices.Contains(ignored, dir+"/*") && !slices.Contains(ignored, "!"+m[1]) || slices.Contains(ignored, dir) {
			t.Errorf(".dockerignore hides %s from the build", m[1])
		}
	}
	scripts := regexp.MustCompile(`\bdocker/([a-z]+)[ "]`).FindAllStringSubmatch(regexp.MustCompile(`(?m)^#.*$`).ReplaceAllString(text, ""), -1)
	assert.GreaterOrEqual(t, len(scripts), 4, "the Dockerfile runs %d scripts of this folder; warm, plugin, healthy and entrypoint are meant", len(scripts))
	for _, m := range scripts {
		info, err := os.Stat(m[1])
		require.NoError(t, err, "docker/%s is run in the image, and is not there or cannot be run", m[1])
		assert.NotZero(t, info.Mode()&0o111, "docker/%s is run in the image, and is not there or cannot be run", m[1])
	}
}

func TestComposeAgreesWithTheDockerfile(t *testing.T) {
	names, text := stages(t)
	compose := read(t, "docker/compose.yaml")
	for i, line := range strings.Split(compose, "\n") {
		if strings.Contains(line, "\t") || (len(line)-len(strings.TrimLeft(line, " ")))%2 != 0 {
			t.Errorf("docker/compose.yaml:%d: YAML is indented by two spaces a level", i+1)
		}
	}
	targets := regexp.MustCompile(`(?m)^ +target: (\S+)$`).FindAllStringSubmatch(compose, -1)
	assert.Len(t, targets, 2, "services are built, not two")
	for _, m := range targets {
		if !slices.Contains(names, m[1]) || !strings.Contains(compose, "image: quire:"+m[1]+"\n") {
			t.Errorf("the target %q is no stage of the Dockerfile, or no image is called after it", m[1])
		}
	}
	port := regexp.MustCompile(`(?m)^EXPOSE (\d+)$`).FindStringSubmatch(text)
	require.NotNil(t, port, "the Dockerfile exposes no port")
	for path, want := range map[string]string{
		"docker/compose.yaml": `"127.0.0.1:` + port[1] + ":" + port[1] + `"`,
		"docker/entrypoint":   "-port " + port[1] + " ",
		"docker/healthy":      "/dev/tcp/127.0.0.1/" + port[1] + "\n",
		"docker/README.md":    "-p 127.0.0.1:" + port[1] + ":" + port[1],
	} {
		assert.Contains(t, read(t, path), want, "%s does not contain %q, though the image's port is %s", path, want, port[1])
	}
}

// A cell on a session finds its worker built: the image fills its caches with it, for each kind of worker, and the smoke test looks.
func TestTheWorkersOfSessionsAreInTheImage(t *testing.T) {
	engines := regexp.MustCompile(`Tool = "(session[a-z-]*)"`).FindAllStringSubmatch(read(t, "kernel-ext/internal/workspace/tools.go"), -1)
	require.Len(t, engines, 2, "kinds of workers")
	warm := strings.Split(regexp.MustCompile(`(?m)^#.*$`).ReplaceAllString(read(t, "docker/warm"), ""), "\n")
	install := slices.Index(warm, "quire kernel install -prefix /opt/jupyter")
	shut := slices.IndexFunc(warm, func(line string) bool { return strings.HasPrefix(line, "find ") })
	require.True(t, 0 <= install && install < shut)
	for _, engine := range []string{"go", "xla:cpu"} {
		at := slices.Index(warm, "quire session build "+engine)
		assert.True(t, 0 <= at && at < shut, "docker/warm builds no worker for %s before it makes the caches ready for everybody", engine)
	}
	for _, e := range engines {
		assert.Contains(t, read(t, "docker/smoke"), `"$QUIRE_CACHE"/bin/`+e[1]+`-[0-9a-f]*/`, "docker/smoke does not look for the worker %s", e[1])
	}
}

func TestScriptsParse(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		testenv.Missing(t, "bash", "it checks the syntax of the scripts in docker/")
	}
	for _, script := range []string{"build", "smoke", "healthy", "entrypoint", "warm", "plugin"} {
		out, err := exec.Command(bash, "-n", script).CombinedOutput()
		assert.NoError(t, err, "docker/%s: %v: %s", script, err, out)
	}
}

func TestEntrypoint(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		testenv.Missing(t, "sh", "it runs docker/entrypoint")
	}
	bin, module := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, "quire"), []byte("#!/bin/sh\necho \"quire $* online=${QUIRE_ONLINE:-}\"\n"), 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(module, "tutorials"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(module, "tutorials", "a.ipynb"), nil, 0o444))
	const lab = "quire lab -no-browser -ip 0.0.0.0 -port 8888 "
	for _, c := range []struct {
		name  string
		args  string
		env   string
		want  string
		given bool // the home gets the tutorials
	}{
		{"nothing at all opens JupyterLab on the home", "", "", lab + "-dir HOME online=", true},
		{"lab takes more arguments", "lab -backend xla:cpu -- --IdentityProvider.token=x", "", lab + "-dir HOME -backend xla:cpu -- --IdentityProvider.token=x online=", true},
		{"what is after -- is Jupyter's", "lab -- -dir", "", lab + "-dir HOME -- -dir online=", true},
		{"lab with a folder opens that", "lab -dir=/data", "", lab + "-dir=/data online=", false},
		{"lab with a notebook opens that", "lab a.ipynb", "", lab + "a.ipynb online=", false},
		{"a command of quire needs no quire before it", "run a.ipynb", "", "quire run a.ipynb online=", false},
		{"a program runs as it is", "echo lab run", "", "lab run", false},
		{"without a proxy cells stay offline", "version", "GOPROXY=off", "quire version online=", false},
		{"with one they may fetch modules", "version", "GOPROXY=https://proxy.example", "quire version online=1", false},
		{"set to nothing, it is the one that Go has", "version", "GOPROXY=", "quire version online=1", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			home := t.TempDir()
			cmd := exec.Command(sh, append([]string{"./entrypoint"}, strings.Fields(c.args)...)...)
			cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + home, "QUIRE_MODULE=" + module, "QUIRE_CACHE=/opt/cache/quire", c.env}
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%v: %s", err, out)
			got, want := strings.TrimSpace(string(out)), strings.ReplaceAll(c.want, "HOME", home)
			assert.Equal(t, want, got, "it runs")
			info, err := os.Stat(filepath.Join(home, "tutorials", "a.ipynb"))
			if c.given != (err == nil) {
				t.Errorf("the home has the tutorials: %v, want %v", err == nil, c.given)
			} else if err == nil && info.Mode()&0o200 == 0 {
				t.Error("the tutorials in the home cannot be written")
			}
		})
	}
}
