// Command cellguard stands between gonb and what gonb starts: the kernel finds it as "go" in PATH, and in the place of
// each program that a cell became. It is small, since it starts with every cell.
//
// As go it compiles a cell as it was asked to, writes down which line came from which cell, and mends what gonb keeps of
// cells that were edited since. As a cell's program it runs the real one and passes on what that prints, with places as
// In[3]:5, whole characters, and nothing that gonb cannot read. As shell it runs a command of the shell in the same
// way, as shell-inside one in gonb's own directory, and as cellguard-script a cell that is a script.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/cells"
)

func main() {
	switch strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") {
	case "go":
		os.Exit(goCommand(os.Args[1:]))
	case "shell":
		cells.Dir(os.Getenv(cells.GuardDir)).NoteShell()
		os.Exit(runShell(os.Args[1:]))
	case "shell-inside":
		os.Exit(runShell(os.Args[1:]))
	case "cellguard-script":
		os.Exit(runScript(os.Args[1:]))
	}
	if os.Getenv(cells.GuardDir) == "" {
		fmt.Fprintln(os.Stderr, "cellguard is for the kernel: it is started in the place of a cell")
		os.Exit(2)
	}
	os.Exit(runCell(os.Args[0]+cells.ProgramSuffix, os.Args[1:]))
}
