//go:build !unix

package kernel

import (
	"os"
	"os/exec"
)

// reapable says that gonb does not run on this system: it needs named pipes and a shell.
const reapable = false

func ownGroup(*exec.Cmd) {}

func ownSession(*exec.Cmd) {}

func terminate(p *os.Process) error { return p.Kill() }

func killGroup(int) {}

func killMarked(string) int { return 0 }

func marked(string) map[int]string { return nil }

func tryLock(*os.File) bool { return true }
