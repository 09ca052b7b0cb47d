//go:build !linux

package main

import (
	"os"
	"os/exec"
)

func dieTogether(*exec.Cmd) {}

func narrow(*os.File) {}
