package cells

import (
	"os"
	"path/filepath"
	"strings"
)

// Shell is where gonb runs commands of the shell: in which directory, and with which environment.
type Shell struct {
	Dir string
	Env []string // "name=value"
}

func (d Dir) shell() string { return filepath.Join(string(d), "shell") }

// NoteShell writes down where this process runs: it is a command of the shell. What is known already stays.
func (d Dir) NoteShell() {
	if _, err := os.Stat(d.shell()); err == nil {
		return
	}
	dir, err := os.Getwd()
	if err != nil {
		return
	}
	tmp := d.shell() + ".new"
	if os.WriteFile(tmp, []byte(strings.Join(append([]string{dir}, os.Environ()...), "\x00")), 0o600) == nil {
		_ = os.Rename(tmp, d.shell())
	}
}

// Shell returns where commands of the shell run; false if no command has told since ForgetShell.
func (d Dir) Shell() (s Shell, known bool) {
	text, err := os.ReadFile(d.shell())
	if err != nil {
		return Shell{}, false
	}
	words := strings.Split(string(text), "\x00")
	return Shell{Dir: words[0], Env: words[1:]}, true
}

// ForgetShell says that gonb may have another directory or another environment now.
func (d Dir) ForgetShell() { _ = os.Remove(d.shell()) }
