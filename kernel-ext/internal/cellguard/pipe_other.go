//go:build !linux

package main

import (
	"os"
	"os/exec"
)

func dieTogether(*exec.Cmd) {}

func narrow(*os.File) {}

// peeker is for Linux alone; elsewhere newPeeker returns nil.
type peeker struct{}

func newPeeker(from, to *os.File) *peeker { return nil }

func (*peeker) peek([]byte) (int, error) { return 0, os.ErrInvalid }

func (*peeker) consume() {}
