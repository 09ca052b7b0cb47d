package cellsock

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/quire-ml/quire/internal/cellwire"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
)

// Limits of what peers may do.
const (
	maxPeers    = 64               // connections at once
	maxDetached = 32               // programs that outlive their cells; the one that was used least recently gives way
	helloTime   = 10 * time.Second // for the first line
	lastWords   = 3 * time.Second  // from the request to end until the kill
	goodbye     = time.Second      // the same when the kernel ends, which people wait for
	idleTime    = 2 * time.Hour    // a detached program that nobody uses
)

// Options of Listen.
type Options struct {
	Dir string // a private directory; the socket is made in it
	// Send publishes to all front ends, as a message of the kernel's session; it may be called by several goroutines.
	Send func(jupyter.Message)
	// Live says that there may be somebody at a page who uses controls. Otherwise programs are told so, and show what
	// needs nobody.
	Live bool
	Idle time.Duration // how long a detached program stays that nobody uses; 0 means two hours

	patience time.Duration // from the request to end until the kill; tests have less
}

// Cell is a cell that runs.
type Cell struct {
	Request jupyter.Header // the parent of all that it publishes
	// Key tells that two executions are of the same cell: the front end's id of it, or its source.
	Key string
}

// Server listens to cells. Its methods may be called by several goroutines.
type Server struct {
	opts     Options
	path     string
	listener *net.UnixListener

	mu       sync.Mutex
	now      *Cell // what runs
	peers    map[*peer]bool
	comms    map[string]*comm // by id
	controls map[string]bool  // comms of pages that ask for the state of all widgets
	closed   bool
	wg       sync.WaitGroup
}

// Listen makes the socket.
func Listen(opts Options) (*Server, error) {
	if opts.Idle == 0 {
		opts.Idle = idleTime
	}
	if opts.patience == 0 {
		opts.patience = lastWords
	}
	path := filepath.Join(opts.Dir, "cells")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("the socket for cells: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("the socket for cells: %w", err)
	}
	s := &Server{opts: opts, path: path, listener: l, peers: map[*peer]bool{}, comms: map[string]*comm{}, controls: map[string]bool{}}
	s.wg.Go(s.accept)
	return s, nil
}

// Env is the setting, "name=value", by which cells find the socket.
func (s *Server) Env() string { return cellwire.RelayEnv + "=" + s.path }

// Begin says that a cell runs from now on. A program of the same cell that has detached is asked to end.
func (s *Server) Begin(c Cell) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = &c
	for p := range s.peers {
		if p.detached && c.Key != "" && p.cell.Key == c.Key {
			p.end("its cell is run again", s.opts.patience)
		}
	}
}

// Ended says that no cell runs.
func (s *Server) Ended() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = nil
}

// Close asks all programs to end, waits for them shortly, and closes the socket.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	for p := range s.peers {
		p.end("the kernel ends", goodbye)
	}
	s.mu.Unlock()
	s.listener.Close()
	s.wg.Wait()
	os.Remove(s.path)
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // too many files are open, say
			time.Sleep(10 * time.Millisecond)
			continue
		}
		s.welcome(conn)
	}
}

// welcome takes a connection of a process of this user.
func (s *Server) welcome(conn *net.UnixConn) {
	uid, pid, err := whoIs(conn)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || uid != os.Getuid() || s.closed || len(s.peers) >= maxPeers {
		conn.Close()
		return
	}
	p := &peer{server: s, conn: conn, pid: pid, lines: make(chan []byte, maxQueued), gone: make(chan struct{})}
	s.peers[p] = true
	s.wg.Go(p.write)
	s.wg.Go(p.read)
}

// crowded asks the detached program that was used least recently to end if there are too many; the lock is held.
func (s *Server) crowded() {
	n := 0
	var oldest *peer
	for p := range s.peers {
		if !p.detached || p.ending {
			continue
		}
		if n++; oldest == nil || p.used.Before(oldest.used) {
			oldest = p
		}
	}
	if n > maxDetached {
		oldest.end(fmt.Sprintf("more than %d programs stayed behind their cells", maxDetached), s.opts.patience)
	}
}
