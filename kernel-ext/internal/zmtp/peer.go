package zmtp

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// peer is one connection: a reader (the goroutine that runs serve), a writer and a bounded queue.
type peer struct {
	conn net.Conn
	r    *bufio.Reader
	lim  Limits
	id   string // what the peer calls itself; several may share it
	tag  string // id plus a random suffix: names this connection alone

	mu     sync.Mutex
	wake   sync.Cond
	queue  []outgoing
	queued int64 // bytes in queue or being written
	closed bool
	topics map[string]int // Pub: how often each prefix is subscribed
}

// outgoing is a message, or a command of one frame.
type outgoing struct {
	frames  [][]byte
	command bool
}

// suffixLen is the length of a tag's suffix with its slash.
const suffixLen = 13

func newPeer(conn net.Conn, lim Limits) *peer {
	p := &peer{conn: conn, r: bufio.NewReaderSize(conn, 64<<10), lim: lim, topics: map[string]int{}}
	p.wake.L = &p.mu
	return p
}

// shake exchanges greetings and READY commands within the given time.
func (p *peer) shake(role Role, identity string, within time.Duration) error {
	if err := p.conn.SetDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	props := []property{{"Socket-Type", string(role)}}
	if role == Dealer || role == Router {
		props = append(props, property{"Identity", identity})
	}
	hello := net.Buffers{greeting()}
	hello = appendCommand(hello, appendReady(nil, props...))
	if _, err := hello.WriteTo(p.conn); err != nil {
		return err
	}
	if err := readGreeting(p.r); err != nil {
		return err
	}
	frames, command, err := readMessage(p.r, Limits{Message: maxReady, Frames: 1})
	if err != nil {
		return err
	}
	if !command {
		return fmt.Errorf("%w: a message before READY", ErrProtocol)
	}
	theirs, err := parseReady(frames[0])
	if err != nil {
		return err
	}
	if kind := find(theirs, "Socket-Type"); !role.meets(kind) {
		return fmt.Errorf("%w: a %s cannot talk to a %s", ErrProtocol, role, kind)
	}
	p.id = find(theirs, "Identity")
	if len(p.id) > 255 {
		return fmt.Errorf("%w: an identity of %d bytes", ErrProtocol, len(p.id))
	}
	if p.id == "" {
		p.id = rand.Text()
	}
	p.tag = p.id + "/" + rand.Text()[:suffixLen-1]
	return p.conn.SetDeadline(time.Time{})
}

// base returns the identity in a tag, or the tag itself if it has no suffix.
func base(tag string) string {
	if i := len(tag) - suffixLen; i > 0 && strings.HasPrefix(tag[i:], "/") {
		return tag[:i]
	}
	return tag
}

// handle obeys a command of the peer.
func (p *peer) handle(command []byte) {
	switch {
	case bytes.HasPrefix(command, []byte("\x04PING")) && len(command) >= 7: // name, 2 bytes of time to live, context
		p.push(outgoing{[][]byte{append([]byte("\x04PONG"), command[7:]...)}, true})
	case bytes.HasPrefix(command, []byte("\x09SUBSCRIBE")):
		p.subscribe(true, string(command[10:]))
	case bytes.HasPrefix(command, []byte("\x06CANCEL")):
		p.subscribe(false, string(command[7:]))
	}
}

func (p *peer) subscribe(on bool, topic string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case on && len(p.topics) < p.lim.Frames:
		p.topics[topic]++
	case on:
	case p.topics[topic] > 1:
		p.topics[topic]--
	default:
		delete(p.topics, topic)
	}
}

func (p *peer) wants(topic []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for t := range p.topics {
		if bytes.HasPrefix(topic, []byte(t)) {
			return true
		}
	}
	return false
}

// push queues o; a peer whose queue passes its limit is disconnected, so that nobody waits for it.
func (p *peer) push(o outgoing) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.queued += wireSize(o.frames)
	if p.queued > p.lim.Queue {
		p.endLocked()
		return
	}
	p.queue = append(p.queue, o)
	p.wake.Signal()
}

// pending returns the bytes not yet handed to the operating system.
func (p *peer) pending() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return 0
	}
	return p.queued
}

func (p *peer) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endLocked()
}

func (p *peer) endLocked() {
	if !p.closed {
		p.closed, p.queue = true, nil
		p.conn.Close()
		p.wake.Broadcast()
	}
}

// write sends the queue until the peer ends.
func (p *peer) write() {
	defer p.end()
	for {
		p.mu.Lock()
		for len(p.queue) == 0 && !p.closed {
			p.wake.Wait()
		}
		if p.closed {
			p.mu.Unlock()
			return
		}
		batch := p.queue
		p.queue = nil
		p.mu.Unlock()

		var bufs net.Buffers
		var size int64
		for _, o := range batch {
			size += wireSize(o.frames)
			if o.command {
				bufs = appendCommand(bufs, o.frames[0])
			} else {
				bufs = appendMessage(bufs, o.frames)
			}
		}
		if _, err := bufs.WriteTo(p.conn); err != nil {
			return
		}
		p.mu.Lock()
		p.queued -= size
		p.mu.Unlock()
	}
}
