// Package capability names what engines can do besides the contract of package ir: put values on several devices, run on tensors
// of the host, run ahead of who reads results, explain a plan, say what memory it needs, tell what a run did, measure the machine. Each is an interface with the
// function that asks for it and says what happens where it is absent; nobody else asks an engine for it:
//
//	plan, known := capability.MemoryPlan(executable)
package capability
