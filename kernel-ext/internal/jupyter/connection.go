package jupyter

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"

	"github.com/quire-ml/quire/internal/safefile"
)

// Channel is one of a kernel's five sockets.
type Channel int

// The channels.
const (
	Shell Channel = iota
	Control
	Stdin
	IOPub
	Heartbeat
)

// String returns the channel's name in Jupyter's texts.
func (c Channel) String() string {
	if c < 0 || int(c) >= len(channelNames) {
		return "channel " + strconv.Itoa(int(c))
	}
	return channelNames[c]
}

var channelNames = [...]string{"shell", "control", "stdin", "iopub", "heartbeat"}

// Connection is the content of a connection file: where a kernel's sockets are and the key that signs.
type Connection struct {
	Transport       string `json:"transport"` // "tcp" or "ipc"
	IP              string `json:"ip"`        // for ipc a path, to which "-port" is appended
	ShellPort       int    `json:"shell_port"`
	ControlPort     int    `json:"control_port"`
	StdinPort       int    `json:"stdin_port"`
	IOPubPort       int    `json:"iopub_port"`
	HBPort          int    `json:"hb_port"`
	Key             string `json:"key"`
	SignatureScheme string `json:"signature_scheme"`
	KernelName      string `json:"kernel_name,omitempty"`
}

// Private returns a connection over Unix sockets at prefix-1 … prefix-5 with the given key. prefix
// should be an absolute path in a directory that nobody else may enter.
func Private(prefix, key string) Connection {
	return Connection{
		Transport: "ipc", IP: prefix,
		ShellPort: 1, ControlPort: 2, StdinPort: 3, IOPubPort: 4, HBPort: 5,
		Key: key, SignatureScheme: "hmac-sha256",
	}
}

// maxConnection is far above the size of a real connection file (some hundred bytes).
const maxConnection = 1 << 16

// ReadConnection reads a connection file.
func ReadConnection(path string) (Connection, error) {
	data, err := safefile.ReadFile(path, maxConnection)
	if err != nil {
		return Connection{}, fmt.Errorf("connection file: %w", err)
	}
	return ParseConnection(data)
}

// ParseConnection reads the text of a connection file and checks it.
func ParseConnection(data []byte) (Connection, error) {
	var c Connection
	if err := json.Unmarshal(data, &c); err != nil {
		return Connection{}, fmt.Errorf("connection file: %w", err)
	}
	if c.Transport == "" {
		c.Transport = "tcp"
	}
	if c.Transport != "tcp" && c.Transport != "ipc" {
		return Connection{}, fmt.Errorf("connection file: transport %q: want tcp or ipc", c.Transport)
	}
	if c.IP == "" {
		return Connection{}, fmt.Errorf("connection file: no ip")
	}
	for ch := Shell; ch <= Heartbeat; ch++ {
		if p := c.port(ch); p < 1 || p > 65535 {
			return Connection{}, fmt.Errorf("connection file: %s port %d", ch, p)
		}
	}
	if _, err := NewSigner(c.SignatureScheme, c.Key); err != nil {
		return Connection{}, fmt.Errorf("connection file: %w", err)
	}
	return c, nil
}

// Write writes the connection file, readable by its owner alone.
func (c Connection) Write(path string) error {
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return safefile.WriteAtomic(path, 0o600, func(w io.Writer) error {
		_, err := w.Write(append(data, '\n'))
		return err
	})
}

func (c Connection) port(ch Channel) int {
	switch ch {
	case Shell:
		return c.ShellPort
	case Control:
		return c.ControlPort
	case Stdin:
		return c.StdinPort
	case IOPub:
		return c.IOPubPort
	default:
		return c.HBPort
	}
}

// Endpoint returns the network ("tcp" or "unix") and address of a channel.
func (c Connection) Endpoint(ch Channel) (network, addr string) {
	if c.Transport == "ipc" {
		return "unix", fmt.Sprintf("%s-%d", c.IP, c.port(ch))
	}
	return "tcp", fmt.Sprintf("%s:%d", c.IP, c.port(ch))
}

// Clear removes Unix sockets of the connection that a kernel left behind which was killed: the next one could not
// listen there. Those at which somebody listens, and other files, stay.
func (c Connection) Clear() {
	for _, ch := range []Channel{Shell, Control, Stdin, IOPub, Heartbeat} {
		network, addr := c.Endpoint(ch)
		if network != "unix" {
			continue
		}
		if info, err := os.Lstat(addr); err != nil || info.Mode().Type() != os.ModeSocket {
			continue
		}
		peer, err := net.Dial(network, addr)
		if err == nil {
			peer.Close()
		} else if errors.Is(err, syscall.ECONNREFUSED) {
			_ = os.Remove(addr)
		}
	}
}
