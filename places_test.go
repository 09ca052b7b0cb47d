package quire_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sharedPlaces are where code asks for directories that others may write into, or that another user may have named: each
// with the reason why nothing there is believed without looking at its owner. New code makes a private directory with
// kernel-ext/internal/scratch, or checks with internal/safefile.
var sharedPlaces = map[string][]string{
	// The one place that makes directories in the temporary directory: scratch checks it, and owns what it makes.
	"kernel-ext/internal/scratch/scratch.go": {"os.TempDir", "os.MkdirTemp", "os.UserCacheDir", `"/tmp"`},
	// Caches, made or checked by safefile.MkdirTrusted and by openCache. Data are checked by their sums.
	"kernel-ext/internal/workspace/workspace.go": {"os.UserCacheDir", "os.TempDir"},
	"backends/xla/options.go":                    {"os.UserCacheDir"},
	"ml/data/open.go":                            {"os.UserCacheDir"},
	"kernel-ext/keep/store.go":                   {"os.UserCacheDir"}, // by safefile.MkdirPrivate
	"kernel-ext/jobs/folder.go":                  {"os.UserCacheDir"}, // the same
	"kernel-ext/jobs/start_unix.go":              {"os.MkdirTemp"},    // in that folder
	// Folders of variables: the folder around them is looked at by safefile.CheckParent, and they are made anew, with mode 0700.
	"kernel-ext/carry/place/place.go": {`"/dev/shm"`, "os.TempDir", "os.TempDir", "os.MkdirTemp"},
	// Sockets of workers need a short path that does not depend on TMPDIR: the folder's owner and mode are checked, and whoever
	// answers is asked who it is.
	"backends/session/internal/wire/place.go": {`"/tmp/quire-session-%d"`, "os.UserCacheDir"},
	// Memory that is shared by its descriptor: the name is gone at once.
	"backends/session/internal/wire/socket_darwin.go": {"os.CreateTemp"},
	// Directories inside those that were checked, for what is renamed into its place.
	"kernel-ext/internal/workspace/tools.go":       {"os.MkdirTemp"},
	"kernel-ext/internal/lab/environment.go":       {"os.MkdirTemp"},
	"kernel-ext/internal/plugininstall/install.go": {"os.MkdirTemp", "os.MkdirTemp"},
	"backends/xla/internal/capi/cache.go":          {"os.CreateTemp"},
	// The user's own folders: plugins are checked before they are loaded, pip's settings are pip's matter.
	"backends/xla/plugins/plugins.go":                  {"os.UserHomeDir"},
	"internal/assets/assets.go":                        {"os.UserHomeDir"}, // what is read has the sum that is pinned
	"kernel-ext/internal/kernelspec/kernelspec.go":     {"os.UserHomeDir"},
	"kernel-ext/internal/plugininstall/pypi/client.go": {"os.UserHomeDir"},
	"kernel-ext/internal/plugininstall/pypi/config.go": {"os.UserHomeDir"},
	// Temporary files beside the file that the user named, made anew with O_EXCL and renamed.
	"internal/safefile/write.go":         {"os.CreateTemp"},
	"graph/tensors/npy.go":               {"os.CreateTemp"},
	"ml/checkpoints/safetensors/file.go": {"os.CreateTemp"},
	"kernel-ext/nbrun/run.go":            {"os.CreateTemp"},
	// Values that a limit has put aside, made anew with O_EXCL and read by the descriptor alone: the name is gone at once.
	"graph/live/value.go":                   {"os.CreateTemp"},
	"kernel-ext/internal/notebook/write.go": {"os.CreateTemp"},
}

// asks are the functions and names that lead to such places.
var (
	asks      = []string{"TempDir", "MkdirTemp", "CreateTemp", "UserCacheDir", "UserHomeDir", "UserConfigDir"}
	variables = []string{"HOME", "TMPDIR", "XDG_RUNTIME_DIR"}
)

// TestNoOtherPlaceIsShared finds what asks for a shared place and does not stand in the table.
func TestNoOtherPlaceIsShared(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || len(d.Name()) > 1 && strings.HasPrefix(d.Name(), ".")) {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		path = filepath.ToSlash(path)
		found, places, err := shared(path)
		if err != nil {
			return err
		}
		allowed := slices.Clone(sharedPlaces[path])
		for i, what := range found {
			if at := slices.Index(allowed, what); at >= 0 {
				allowed = slices.Delete(allowed, at, at+1)
			} else {
				t.Errorf("%s: %s: others may write there, or have made it: use kernel-ext/internal/scratch or internal/safefile, and say in places_test.go why it is safe", places[i], what)
			}
		}
		return nil
	})
	require.NoError(t, err)
}

// shared returns what a file asks for, and where.
func shared(path string) (found, places []string, err error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, nil, err
	}
	add := func(n ast.Node, what string) {
		found, places = append(found, what), append(places, fmt.Sprint(set.Position(n.Pos())))
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "os" && slices.Contains(asks, n.Sel.Name) {
				add(n, "os."+n.Sel.Name)
			}
		case *ast.CallExpr:
			if len(n.Args) == 1 && called(n) == "os.Getenv" || called(n) == "os.LookupEnv" {
				if text, ok := literal(n.Args[0]); ok && slices.Contains(variables, text) {
					add(n, called(n)+" "+text)
				}
			}
		case *ast.BasicLit:
			if text, ok := literal(n); ok && (text == "/tmp" || strings.HasPrefix(text, "/tmp/") || strings.HasPrefix(text, "/var/tmp") || strings.HasPrefix(text, "/dev/shm")) {
				add(n, strconv.Quote(text))
			}
		}
		return true
	})
	return found, places, nil
}

// called returns the function of a call, as "os.Getenv".
func called(call *ast.CallExpr) string {
	if s, ok := call.Fun.(*ast.SelectorExpr); ok {
		if x, ok := s.X.(*ast.Ident); ok {
			return x.Name + "." + s.Sel.Name
		}
	}
	return ""
}

func literal(n ast.Expr) (string, bool) {
	lit, ok := n.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}
