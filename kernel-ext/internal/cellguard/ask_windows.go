package main

import "os"

// ask interrupts a program: here it cannot be asked where it is.
func ask(p *os.Process) { _ = p.Signal(os.Interrupt) }
