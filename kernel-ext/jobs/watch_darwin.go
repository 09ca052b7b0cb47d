package jobs

import "syscall"

// together makes a job the leader of a process group.
func together() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// killMarked: this system does not show the environment of processes. Those in the job's group are killed.
func killMarked(string) {}
