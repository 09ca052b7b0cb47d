// Package studio puts a kernel together: the workspace in which cells are compiled, the relay that front ends talk to, and
// what is hooked into it. "quire kernel start" and "quire run" take their kernel from here, so that a notebook is the
// same in both.
package studio
