//go:build !unix

package main

import (
	"errors"
	"os"
	"os/exec"
)

// become runs the real go command.
func become(program string, args []string) int {
	cmd := exec.Command(program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		return 2
	}
	return 0
}

func exitAs(state *os.ProcessState) int { return state.ExitCode() }
