//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// secretPlace is one in which a notebook leaves something, known by the source that asks for it.
type secretPlace struct {
	source string
	at     []string // patterns; below the house if they do not begin with a slash
	why    string   // nothing there is looked at: why not
}

// secretPlaces has all sources that TestNoOtherPlaceIsShared knows of, and some that it does not.
var secretPlaces = []secretPlace{
	{source: "kernel-ext/internal/scratch/scratch.go", at: []string{"tmp/quire-run-*"}}, // cells, gonb's and cells' sockets, shapes, all temporary files
	{source: "kernel-ext/carry/place/place.go", at: []string{"CARRY", "tmp/quire-carry-*"}},
	{source: "kernel-ext/keep/store.go", at: []string{"keep"}},
	{source: "kernel-ext/jobs/folder.go", at: []string{"jobs"}},
	{source: "kernel-ext/jobs/start_unix.go", at: []string{"jobs/chaos-*"}},
	{source: "backends/session/internal/wire/place.go", at: []string{"w"}},
	{source: "backends/session/internal/wire/socket_linux.go", at: []string{"/proc/WORKER/fd", "/proc/WORKER/map_files", "/proc/WORKER/mem"}}, // shared memory has no name but these
	{source: "kernel-ext/internal/zmtp/socket.go", at: []string{"s-*"}},                                                                       // the front end's sockets, wherever it wants them
	{source: "kernel-ext/internal/jupyter/connection.go", at: []string{"kernel-*.json"}},
	{source: "kernel-ext/internal/scratch/reap_unix.go", at: []string{"/proc/ALL/environ"}}, // the secret by which processes are ended

	{source: "backends/session/internal/wire/socket_darwin.go", why: "another system's: its file has no name from the beginning on"},
	{source: "kernel-ext/internal/workspace/workspace.go", why: "programs that anybody can build: TestProgramsOfOthersAreNotRun keeps others from changing them"},
	{source: "kernel-ext/internal/workspace/tools.go", why: "the same, for a moment"},
	{source: "kernel-ext/internal/lab/environment.go", why: "JupyterLab as pip installs it"},
	{source: "kernel-ext/internal/plugininstall/install.go", why: "plugins as they are published"},
	{source: "kernel-ext/internal/plugininstall/pypi/client.go", why: "pip's settings, which are read"},
	{source: "kernel-ext/internal/plugininstall/pypi/config.go", why: "pip's settings, which are read"},
	{source: "kernel-ext/internal/kernelspec/kernelspec.go", why: "the name and the command of the kernel, for every Jupyter"},
	{source: "backends/xla/options.go", why: "compiled programs, without values"},
	{source: "backends/xla/internal/capi/cache.go", why: "the same, for a moment"},
	{source: "backends/xla/plugins/plugins.go", why: "plugins as they are published"},
	{source: "ml/data/open.go", why: "public data"},
	{source: "internal/assets/assets.go", why: "script libraries as they are published"},
	{source: "graph/live/value.go", why: "made with the mode 0600, and its name is gone before anything is written"},
	{source: "internal/safefile/write.go", why: "a file that the caller names, with the mode that it says"},
	{source: "graph/tensors/npy.go", why: "a file that the user names, with the modes of the user's"},
	{source: "ml/checkpoints/safetensors/file.go", why: "a file that the user names, with the modes of the user's"},
	{source: "kernel-ext/nbrun/run.go", why: "a notebook that the user names"},
	{source: "kernel-ext/internal/notebook/write.go", why: "a notebook that the user names"},
}

// TestEveryPlaceIsASecretOrSaysWhyNot: a new place fails until it has a row.
func TestEveryPlaceIsASecretOrSaysWhyNot(t *testing.T) {
	const known = "../../places_test.go"
	file, err := parser.ParseFile(token.NewFileSet(), known, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	var sources []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != "sharedPlaces" {
			return true
		}
		for _, row := range spec.Values[0].(*ast.CompositeLit).Elts {
			source, err := strconv.Unquote(row.(*ast.KeyValueExpr).Key.(*ast.BasicLit).Value)
			require.NoError(t, err)
			sources = append(sources, source)
		}
		return false
	})
	require.NotEmpty(t, sources)
	for _, source := range sources {
		assert.True(t, slices.ContainsFunc(secretPlaces, func(p secretPlace) bool { return p.source == source }),
			"%s: what lies there, and may another user read it? It needs a row of secretPlaces", source)
	}
	for _, p := range secretPlaces {
		assert.FileExists(t, filepath.Join("../..", p.source))
		assert.NotEqual(t, len(p.at) == 0, p.why == "", "%s: patterns, or a reason", p.source)
	}
}

// TestAnotherUserReachesNothing lets another user's program try whatever lies about while a cell runs, in which values are carried and kept, with
// a job and a worker, under the umask that closes nothing.
func TestAnotherUserReachesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the real kernel: left out by -short")
	}
	if os.Getuid() != 0 {
		t.Skip("only root can run a process as another user")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	h := newHouse(t, ctx)
	cell := h.play(1)
	require.NoError(t, cell.begins(patient), "%s", h.words())
	ask := h.stranger()

	open := h.path("open")
	require.NoError(t, os.WriteFile(open, nil, 0o644))
	listener, err := net.Listen("unix", h.path("open.sock"))
	require.NoError(t, err)
	defer listener.Close()
	require.NoError(t, os.Chmod(h.path("open.sock"), 0o666))
	require.Equal(t, "reads", ask(open), "what is open to all")
	require.Equal(t, "connects", ask(h.path("open.sock")))
	require.Equal(t, "reads", ask(h.base))

	for _, p := range secretPlaces {
		for _, pattern := range p.at {
			t.Run(p.source+" "+pattern, func(t *testing.T) {
				found := h.match(t, pattern)
				require.NotEmpty(t, found, "nothing is there: the test looks in the wrong place")
				for _, path := range found {
					assert.Equal(t, refused, ask(path), "%s", path)
				}
			})
		}
	}
	require.NoError(t, h.end())
	<-cell.done
}

// match returns what lies at the places of a pattern, and below them.
func (h *house) match(t *testing.T, pattern string) (found []string) {
	t.Helper()
	var roots []string
	switch {
	case pattern == "CARRY":
		dirs, err := filepath.Glob("/dev/shm/quire-carry-*")
		require.NoError(t, err)
		for _, dir := range dirs {
			if h.relays[holder(filepath.Join(dir, ".kernel"))] {
				roots = append(roots, dir)
			}
		}
	case strings.HasPrefix(pattern, "/proc/"):
		for _, x := range h.processes() {
			if strings.Contains(pattern, "/ALL/") || x.kind == "worker" {
				roots = append(roots, strings.NewReplacer("ALL", strconv.Itoa(x.pid), "WORKER", strconv.Itoa(x.pid)).Replace(pattern))
			}
		}
		return roots
	default:
		var err error
		roots, err = filepath.Glob(h.path(pattern))
		require.NoError(t, err)
	}
	for _, root := range roots {
		_ = filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err == nil { // values come and go
				found = append(found, path)
			}
			return nil
		})
	}
	return found
}

// stranger starts another user's program, and returns what asks it how far it comes at a path.
func (h *house) stranger() func(path string) string {
	program := h.path("stranger")
	copyOpen(h.t, program)
	cmd := exec.Command(program)
	cmd.Dir, cmd.Env = "/", []string{"QUIRE_TEST_STRANGER=1"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	in, err := cmd.StdinPipe()
	require.NoError(h.t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(h.t, err)
	require.NoError(h.t, cmd.Start())
	h.t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	answers := bufio.NewReader(out)
	return func(path string) string {
		_, err := fmt.Fprintln(in, path)
		require.NoError(h.t, err)
		line, err := answers.ReadString('\n')
		require.NoError(h.t, err)
		return strings.TrimSpace(line)
	}
}

// copyOpen copies this program to where everybody can run it.
func copyOpen(t *testing.T, to string) {
	from, err := os.Open(os.Args[0])
	require.NoError(t, err)
	defer from.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(out, from)
	require.NoError(t, err)
	require.NoError(t, out.Chmod(0o755))
	require.NoError(t, out.Close())
}

// refused is what a stranger says that comes nowhere.
const refused = "refused"

func init() { instead["QUIRE_TEST_STRANGER"] = strange }

// strange is another user's program: for each path that it is told it says how far it comes.
func strange() {
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		fmt.Println(reaches(in.Text()))
	}
}

// reaches tries what may be done to whatever is at a path.
func reaches(path string) string {
	for _, try := range []struct {
		what string
		do   func() error
	}{
		{"connects", func() error { return connect(path) }},
		{"reads", func() error { return openAs(path, os.O_RDONLY) }},
		{"writes", func() error { return openAs(path, os.O_WRONLY) }},
		{"looks for a file in it", func() error { _, err := os.Lstat(filepath.Join(path, "x")); return err }},
		{"moves it", func() error { return os.Rename(path, path+"-moved") }},
	} {
		err := try.do()
		switch {
		case err == nil:
			return try.what
		case try.what == "moves it" && strings.HasPrefix(path, "/proc/"): // nothing can be moved there
		case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ENXIO):
		default:
			return try.what + ": " + err.Error()
		}
	}
	return refused
}

func openAs(path string, flag int) error {
	f, err := os.OpenFile(path, flag|syscall.O_NONBLOCK, 0)
	if err == nil {
		f.Close()
	}
	return err
}

// connect connects to a socket. What is none and closed refuses as a closed socket does.
func connect(path string) error {
	conn, err := net.Dial("unix", path)
	if err == nil {
		conn.Close()
	}
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EINVAL) { // no socket; or a path too long for one
		return fs.ErrPermission
	}
	return err
}
