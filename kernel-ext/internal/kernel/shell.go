package kernel

import "time"

// ShellCommand is a command of the shell that Process.Shell runs in gonb's place: where gonb would, and without the processes that
// stand between it and what it starts.
type ShellCommand struct {
	Line string
	Show func(stderr bool, text string) // gets what it prints, in whole characters; called by two goroutines

	Interrupt <-chan struct{} // closed to interrupt it with all that it started, as Ctrl-C does in a terminal
	Patience  time.Duration   // it is killed when it takes no notice of that for so long
}

// ForgetShell says that gonb's directory and environment may have changed: it runs the next command of the shell, which tells them.
func (p *Process) ForgetShell() { p.Guard.ForgetShell() }
