package main

import (
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// through writes parts into a stream and returns what gonb would read, read by read.
func through(t *testing.T, stderr bool, parts []string) (reads []string) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	in, s, err := pass(w, &cells.Filter{Dir: "/t/gonb_1", Places: []string{"", "In[1]:1", "In[1]:2"}, Stderr: stderr})
	require.NoError(t, err)
	go func() {
		for _, p := range parts {
			in.WriteString(p)
			if len(parts) < 20 {
				time.Sleep(2 * time.Millisecond)
			}
		}
		in.Close()
		<-s.over
		w.Close()
	}()
	for {
		buf := make([]byte, 32<<10) // as io.Copy
		n, err := r.Read(buf)
		if n > 0 {
			reads = append(reads, string(buf[:n]))
		}
		if err == io.EOF {
			return reads
		}
		require.NoError(t, err)
	}
}

func TestNoCharacterIsCut(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux lets a pipe be made small")
	}
	text := strings.Repeat("日", 120000)
	for _, stderr := range []bool{false, true} {
		var parts []string
		for rest := text; rest != ""; {
			n := min(len(rest), 1+rand.IntN(20000))
			parts, rest = append(parts, rest[:n]), rest[n:]
		}
		reads := through(t, stderr, parts)
		for _, r := range reads {
			if !utf8.ValidString(r) {
				t.Fatalf("stderr %v: a read of %d bytes ends within a character", stderr, len(r))
			}
		}
		got := strings.Join(reads, "")
		assert.Equal(t, text, got, "stderr %v: %d bytes of %d", stderr, len(got), len(text))
	}
}

func TestStreamsAreShownAsTheyCome(t *testing.T) {
	for _, c := range []struct {
		name           string
		parts          []string
		stdout, stderr string
	}{
		{"lines", []string{"a\n", "b\nc"}, "a\nb\nc", "a\nb\nc"},
		{"a place in two parts", []string{"x: main.g", "o:", "2", ": y\n"}, "x: main.go:2: y\n", "x: In[1]:1: y\n"},
		{"a place with its directory", []string{"\t/t/gonb_1/main.go:3 +0x1\n"}, "\tIn[1]:2 +0x1\n", "\tIn[1]:2 +0x1\n"},
		{"a place that is none", []string{"12:34:56 see main.go:99\n"}, "12:34:56 see main.go:99\n", "12:34:56 see main.go line 99\n"},
		{"the end without a line's end", []string{"main.go"}, "main.go", "main.go"},
		{"nothing", nil, "", ""},
		{"bytes that are no characters", []string{"\xff\xfe", "\x80\n"}, "\xff\xfe\x80\n", "\xff\xfe\x80\n"},
	} {
		for _, stderr := range []bool{false, true} {
			want := c.stdout
			if stderr {
				want = c.stderr
			}
			if got := strings.Join(through(t, stderr, c.parts), ""); got != want {
				t.Errorf("%s, stderr %v: %q, want %q", c.name, stderr, got, want)
			}
		}
	}
	if got := strings.Join(through(t, true, []string{strings.Repeat("x", 3*maxLine)}), ""); strings.Count(got, "x") != 3*maxLine || strings.Count(got, "\n") < 2 {
		t.Errorf("an endless line: %d bytes, %d ends of lines", len(got), strings.Count(got, "\n"))
	}
}

// The end of a program, whose stdout somebody else still has, while gonb is slow: all is passed on, once.
func TestASlowReaderGetsAllOnce(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	in, s, err := pass(w, &cells.Filter{})
	require.NoError(t, err)
	defer in.Close()
	text := strings.Repeat("line\n", 9000) // more than the pipe has room for
	go func() {
		in.WriteString(text)
		s.ended(time.Now().Add(time.Minute))
	}()
	time.Sleep(3 * linger)
	go func() {
		<-s.over
		w.Close()
	}()
	got, err := io.ReadAll(r)
	require.NoError(t, err, "%d bytes of %d", len(got), len(text))
	assert.Equal(t, text, string(got), "%d bytes of %d", len(got), len(text))
}

func TestOnlyCellsAreCompiledByTheGuard(t *testing.T) {
	t.Setenv("GONB_TMP_DIR", "/t/gonb_1")
	for args, want := range map[string]int{
		"":                                -1,
		"build":                           -1,
		"build -o":                        -1,
		"build -o /t/gonb_1/gonb_1":       2,
		"build -o /t/gonb_1/gonb_1 -x":    2,
		"test -c -o /t/gonb_1/gonb_1":     3,
		"build -o /t/gonb_1/wasm/x.wasm":  -1,
		"build -o /home/me/gonb_1":        -1,
		"run -o /t/gonb_1/gonb_1":         -1,
		"list -o /t/gonb_1/gonb_1 -m all": -1,
	} {
		assert.Equal(t, want, output(strings.Fields(args)), "go %s", args)
	}
}

// asGonb compiles a program as gonb does, with the guard as go, and returns what it said.
func asGonb(t *testing.T, guard, log, program string) (dir cells.Dir, said string, err error) {
	t.Helper()
	goCmd, err := exec.LookPath("go")
	require.NoError(t, err)
	tmp := filepath.Join(t.TempDir(), "gonb_1a")
	dir = cells.Dir(t.TempDir())
	require.NoError(t, os.MkdirAll(dir.Bin(), 0o700))
	require.NoError(t, os.Symlink(guard, filepath.Join(dir.Bin(), "go")))
	for name, text := range map[string]string{
		filepath.Join(tmp, "go.mod"): "module gonb_1a\n\ngo 1.26\n", filepath.Join(tmp, "main.go"): program, dir.Log(): log,
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	}
	env := append(os.Environ(), cells.GuardDir+"="+string(dir), cells.GuardGo+"="+goCmd, "GONB_TMP_DIR="+tmp, "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	exe := filepath.Join(tmp, "gonb_1a")
	cmd := exec.Command(filepath.Join(dir.Bin(), "go"), "build", "-o", exe)
	cmd.Dir, cmd.Env = tmp, env
	out, err := cmd.CombinedOutput()
	if err != nil {
		return dir, string(out), err
	}
	cmd = exec.Command(exe)
	cmd.Env = env
	cmd.Stdin = neverEnding(t)
	out, err = cmd.CombinedOutput()
	return dir, string(out), err
}

// neverEnding returns a stdin like gonb's: nobody writes to it, and it has no end.
func neverEnding(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { r.Close(); w.Close() })
	return r
}

func TestTheGuardCompilesAndRunsACell(t *testing.T) {
	if testing.Short() || runtime.GOOS == "windows" {
		t.Skip("compiles programs: left out by -short")
	}
	guard := filepath.Join(t.TempDir(), "cellguard")
	out, err := exec.Command("go", "build", "-o", guard, ".").CombinedOutput()
	require.NoError(t, err, "%v\n%s", err, out)
	given := func(lines ...string) string {
		return "I1129 01:52:11.123456 1 dispatcher.go:274] [1a] Message content: map[code:x store_history:true]\n" +
			"I1129 01:52:11.123456 1 execcode.go:77] [1a] ExecuteCell: [\"" + strings.Join(lines, "\" \"") + "\"]\n"
	}
	program := func(imports, body string) string {
		return "package main\n\nimport (\n\t\"flag\"\n" + imports + ")\n\nfunc main() {\n\tflag.Parse()\n" + body + "\n\n}\n"
	}
	for _, c := range []struct {
		name, log, program string
		want, status       string
	}{
		{"a panic names its line", given("%%", `panic(1)`), program("", "panic(1)"), "In[1]:2 +0x", "exit status 2"},
		{"an exit status", given("%%", `os.Exit(7)`), program("\t\"os\"\n", "os.Exit(7)"), "", "exit status 7"},
		{"stdin is at its end", given("%%", `x`), program("\t\"fmt\"\n\t\"io\"\n\t\"os\"\n", "b, err := io.ReadAll(os.Stdin)\nfmt.Println(len(b), err)"), "0 <nil>\n", ""},
		{"one who has its stdout does not keep it", given("%%", `x`), program("\t\"os\"\n\t\"os/exec\"\n", "c := exec.Command(\"sleep\", \"60\")\nc.Stdout = os.Stdout\nc.Start()\nos.Stdout.WriteString(\"done\")"), "done", ""},
		{"a signal", given("%%", `x`), program("\t\"os\"\n\t\"syscall\"\n", "syscall.Kill(os.Getpid(), syscall.SIGTERM)\nselect {}"), "", "signal: terminated"},
		{"an error of the compiler stays as it is", given("%%", `undefined()`), program("", "undefined()"), "./main.go:9:1: undefined: undefined", "exit status 1"},
		{"a hostile error of the compiler", given("%%", `x`), program("", "var x int = \"main.go:99999999999999999999:1: \""), "main.go line 99999999999999999999:1: ", "exit status 1"},
		{"a dot import that is not used", given("import . \\\"math\\\""), program("\t. \"math\"\n", "println(1)"), "1\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			began := time.Now()
			_, said, err := asGonb(t, guard, c.log, c.program)
			status := ""
			if err != nil {
				status = err.Error()
			}
			require.Contains(t, said, c.want)
			assert.Equal(t, c.status, status)
			assert.LessOrEqual(t, time.Since(began), 50*time.Second, "it took")
		})
	}
}
