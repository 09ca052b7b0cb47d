//go:build unix

package main

import (
	"bufio"
	"fmt"
	"os"
	"syscall"

	"github.com/quire-ml/quire/internal/cellwire"
)

// tie gives the program, if it is to have a leash, a file by which it can ask the guard to go without it: its cell ends then,
// and the program goes on. The file's end tells the program that the guard was killed. given has to be called once the
// program runs; loose is closed if it asks.
func (g *guarded) tie() (given func(), loose <-chan struct{}, err error) {
	if !g.leash {
		return func() {}, nil, nil
	}
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, err
	}
	syscall.CloseOnExec(pair[0])
	syscall.CloseOnExec(pair[1])
	ours, theirs := os.NewFile(uintptr(pair[0]), "leash"), os.NewFile(uintptr(pair[1]), "leash")
	g.cmd.ExtraFiles = append(g.cmd.ExtraFiles, theirs)
	g.cmd.Env = append(g.cmd.Env, fmt.Sprintf("%s=%d", cellwire.LeashEnv, 2+len(g.cmd.ExtraFiles)))
	asked := make(chan struct{})
	return func() {
		theirs.Close()
		go func() {
			if line, err := bufio.NewReader(ours).ReadString('\n'); err == nil && line == cellwire.Loose {
				close(asked)
			}
		}()
	}, asked, nil
}
