//go:build cgo && (linux || darwin)

package capi

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// aboutHost returns what every key of a plugin's programs begins with: plugin, machine, and the settings that XLA
// takes from the environment. Executables are native code, chosen for the processor that they were compiled on.
func aboutHost(path string, o Options, major, minor int) []byte {
	library := o.CacheKey
	if info, err := os.Stat(path); library == "" && err == nil {
		library = fmt.Sprintf("%d bytes of %d", info.Size(), info.ModTime().UnixNano())
	}
	h := sha256.New()
	for _, field := range [][2]string{
		{"format of keys", "1"},
		{"plugin", library},
		{"interface", fmt.Sprintf("%d.%d", major, minor)},
		{"system", runtime.GOOS + "/" + runtime.GOARCH},
		{"processor", processor()},
		{"processors", fmt.Sprint(runtime.NumCPU())}, // XLA divides loops by their number
		{"XLA_FLAGS", os.Getenv("XLA_FLAGS")},
		{"LIBTPU_INIT_ARGS", os.Getenv("LIBTPU_INIT_ARGS")},
	} {
		hashField(h, field[0], []byte(field[1]))
	}
	return h.Sum(nil)
}

// processorLines are the lines of /proc/cpuinfo that say what code a processor can run: those of amd64, then arm64.
var processorLines = []string{
	"vendor_id", "cpu family", "model", "model name", "stepping", "flags",
	"Features", "CPU implementer", "CPU architecture", "CPU variant", "CPU part", "CPU revision",
}

// processor describes the processor's model and instructions.
func processor() string {
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		return firstProcessor(text)
	}
	return systemProcessor()
}

// firstProcessor returns processorLines of the first processor in /proc/cpuinfo.
func firstProcessor(cpuinfo []byte) string {
	var b strings.Builder
	for s := bufio.NewScanner(bytes.NewReader(cpuinfo)); s.Scan() && s.Text() != ""; {
		name, value, _ := strings.Cut(s.Text(), ":")
		for _, known := range processorLines {
			if strings.TrimSpace(name) == known {
				b.WriteString(known + ":" + strings.TrimSpace(value) + "\n")
			}
		}
	}
	return b.String()
}
