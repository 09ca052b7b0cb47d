//go:build !unix

package scratch

import (
	"os"
	"os/exec"
)

// reapable says that this system has no shell to wait, and no owners of files.
const reapable = false

func ownGroup(*exec.Cmd) {}

func ownSession(*exec.Cmd) {}

func killGroup(int) {}

func killMarked(string) int { return 0 }

func marked(string) map[int]string { return nil }

func own(string) (*os.File, error) { return nil, nil }

func interruptGroup(int) {}
