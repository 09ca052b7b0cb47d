//go:build cgo && (linux || darwin)

package capi

/*
#include "quiet.h"
*/
import "C"

import (
	"bufio"
	"crypto/rand"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// The variable TF_CPP_MIN_LOG_LEVEL says from what level on XLA logs: 0 all, 1 warnings, 2 errors, 3 nothing but what
// ends the process. Plugins read it when they are initialised. What they log before, while they are opened, they print
// whatever it says (that of CUDA that it finds no driver, for one), and only by way of standard error can it be held back.
func logLevel() int {
	level, err := strconv.Atoi(os.Getenv("TF_CPP_MIN_LOG_LEVEL"))
	if err != nil {
		return 0
	}
	return level
}

// A line of XLA's log: level, time, thread, and a source file in C++, which Go's logs of the same form do not have.
var logLine = regexp.MustCompile(`^([IWEF])\d{4} \d\d:\d\d:\d+\.\d+ +\d+ [\w./+-]+\.(?:cc|cpp|cu|h|inc):\d+\] `)

// What stands before the first line of such a log.
const logWarning = "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR"

// isHeld reports whether a line is of XLA's log and below a level. What ends the process is never held.
func isHeld(line string, level int) bool {
	m := logLine.FindStringSubmatch(line)
	return m != nil && strings.Index("IWEF", m[1]) < min(level, 3) || strings.HasPrefix(line, logWarning)
}

// quieting is held while standard error is a pipe.
var quieting sync.Mutex

// listeners counts pipes that somebody may still write into.
var listeners sync.WaitGroup

// quietly runs f and holds back what XLA logs below the level meanwhile, which it returns. All else that is written to
// standard error (by other threads, by processes that they start) gets there, line by line, and so does everything
// if the process dies of f.
func quietly(level int, f func()) (held string) {
	quieting.Lock()
	defer quieting.Unlock()
	var from, back, end C.int
	if level <= 0 || C.quire_quiet_begin(&from, &back, &end) != 0 {
		f()
		return ""
	}
	pipe, stderr, write := os.NewFile(uintptr(from), "stderr"), os.NewFile(uintptr(back), "stderr"), os.NewFile(uintptr(end), "stderr")
	mark := rand.Text()
	done := make(chan string)
	listeners.Add(1)
	go listen(pipe, stderr, mark, level, done)

	f()
	C.quire_quiet_end(back)
	_, err := io.WriteString(write, mark+"\n") // all that was written before is in front of it
	_ = write.Close()
	if err != nil {
		return ""
	}
	return <-done
}

// listen passes lines on until nobody can write any more: a process that was started meanwhile may live long. What it
// held until the mark came goes into done.
func listen(pipe, stderr *os.File, mark string, level int, done chan<- string) {
	defer listeners.Done()
	defer pipe.Close()
	defer stderr.Close()
	var held strings.Builder
	for lines := bufio.NewReader(pipe); ; {
		line, err := lines.ReadString('\n')
		line, _, marked := strings.Cut(line, mark)
		if done != nil && isHeld(line, level) {
			held.WriteString(line)
		} else {
			_, _ = stderr.WriteString(line)
		}
		if done != nil && (marked || err != nil) {
			done <- held.String()
			done = nil
		}
		if err != nil {
			return
		}
	}
}
