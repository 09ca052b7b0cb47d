//go:build !linux

package kernel

import "context"

// Shell runs nothing: only Linux finds the processes of a command when this process is killed, so gonb runs them, in whose group they
// end with it.
func (p *Process) Shell(context.Context, ShellCommand) (status string, known bool) { return "", false }
