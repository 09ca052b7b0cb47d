package kernel

import "os"

// Interrupt interrupts what gonb runs for a cell: a build, its program or a command of the shell; what starts until
// Resume ends at once.
func (p *Process) Interrupt() {
	some := false
	for _, pid := range p.Guard.Interrupt() {
		if guard, err := os.FindProcess(pid); err == nil {
			some = guard.Signal(os.Interrupt) == nil || some
		}
	}
	if !some { // goimports, or a script: as Ctrl-C in a terminal does, which gonb survives
		p.Guard.Cut()
		p.Child.Interrupt()
	}
}

// Resume lets the next cell run after an interrupt.
func (p *Process) Resume() { p.Guard.Resume() }

// CutShort reports whether the interrupt has ended something that did not end well by itself.
func (p *Process) CutShort() bool { return p.Guard.CutShort() }
