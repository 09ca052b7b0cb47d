package display

import "golang.org/x/sys/unix"

func outliveGuard() {}

func duplicate(from, to int) error { return unix.Dup2(from, to) }
