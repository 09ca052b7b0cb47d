package gopls

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// conn is a JSON-RPC connection to a language server. It may be used by several goroutines.
type conn struct {
	out    *os.File // to the server
	answer func(method string, params json.RawMessage) any

	writing sync.Mutex   // a message is written whole
	heard   atomic.Int64 // when the latest message came, in Unix nanoseconds

	mu      sync.Mutex
	last    int64 // id of the latest call
	pending map[int64]chan<- message
	err     error
	done    chan struct{} // closed when nothing more comes
}

// message is a call, an answer or a notification.
type message struct {
	Version string           `json:"jsonrpc"`
	ID      *json.RawMessage `json:"id,omitempty"`
	Method  string           `json:"method,omitempty"`
	Params  json.RawMessage  `json:"params,omitempty"`
	Result  json.RawMessage  `json:"result,omitempty"`
	Error   *RPCError        `json:"error,omitempty"`
}

// RPCError is what the server answers where it has no result.
type RPCError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (e *RPCError) Error() string { return fmt.Sprintf("gopls: %s", e.Message) }

// writeTimeout bounds how long a server may leave its input unread.
const writeTimeout = 5 * time.Second

// newConn returns a connection over two pipes. answer gives the result of what the server asks.
func newConn(in, out *os.File, answer func(method string, params json.RawMessage) any) *conn {
	c := &conn{out: out, answer: answer, pending: map[int64]chan<- message{}, done: make(chan struct{})}
	c.heard.Store(time.Now().UnixNano())
	go c.read(in)
	return c
}

func (c *conn) read(in *os.File) {
	defer in.Close()
	r := bufio.NewReaderSize(in, 16<<10)
	for {
		body, err := readFrame(r)
		if err != nil {
			c.fail(fmt.Errorf("reading from gopls: %w", err))
			return
		}
		var m message
		if err := json.Unmarshal(body, &m); err != nil {
			c.fail(fmt.Errorf("reading from gopls: a message that is no JSON-RPC: %w", err))
			return
		}
		c.heard.Store(time.Now().UnixNano())
		c.take(m)
	}
}

// silent returns how long nothing came.
func (c *conn) silent() time.Duration { return time.Since(time.Unix(0, c.heard.Load())) }

// take handles one message of the server's.
func (c *conn) take(m message) {
	switch {
	case m.Method != "" && m.ID != nil:
		result, err := json.Marshal(c.answer(m.Method, m.Params))
		if err == nil { // in a goroutine: reading must not wait for writing
			go func() { _ = c.write(context.Background(), message{ID: m.ID, Result: result}) }()
		}
	case m.Method != "": // logs and diagnostics, which nobody asked for
	case m.ID != nil:
		var id int64
		if json.Unmarshal(*m.ID, &id) != nil {
			return
		}
		c.mu.Lock()
		reply := c.pending[id]
		delete(c.pending, id)
		c.mu.Unlock()
		if reply != nil {
			reply <- m // it has room for one
		}
	}
}

// fail ends the connection: all calls end with err.
func (c *conn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
		c.out.Close()
		close(c.done)
	}
}

func (c *conn) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// call calls a method and decodes its result. When ctx ends first, the server is told so.
func (c *conn) call(ctx context.Context, method string, params, result any) error {
	reply := make(chan message, 1)
	c.mu.Lock()
	c.last++
	id := c.last
	c.pending[id] = reply
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.pending, id)
		c.mu.Unlock()
	}()
	raw := json.RawMessage(fmt.Sprint(id))
	if err := c.send(ctx, message{ID: &raw, Method: method}, params); err != nil {
		return err
	}
	select {
	case m := <-reply:
		if m.Error != nil {
			return m.Error
		}
		if result == nil || len(m.Result) == 0 {
			return nil
		}
		if err := json.Unmarshal(m.Result, result); err != nil {
			return fmt.Errorf("gopls: the result of %s: %w", method, err)
		}
		return nil
	case <-c.done:
		return c.failure()
	case <-ctx.Done():
		go func() { _ = c.notify(context.Background(), "$/cancelRequest", map[string]int64{"id": id}) }()
		return fmt.Errorf("gopls: %s: %w", method, context.Cause(ctx))
	}
}

// notify sends what is not answered.
func (c *conn) notify(ctx context.Context, method string, params any) error {
	return c.send(ctx, message{Method: method}, params)
}

func (c *conn) send(ctx context.Context, m message, params any) (err error) {
	if params != nil {
		if m.Params, err = json.Marshal(params); err != nil {
			return fmt.Errorf("gopls: %s: %w", m.Method, err)
		}
	}
	return c.write(ctx, m)
}

// write writes a message. A part of one would be the end of the connection, so the context only bounds the wait before it.
func (c *conn) write(ctx context.Context, m message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.Version = "2.0"
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.failure(); err != nil {
		return err
	}
	_ = c.out.SetWriteDeadline(time.Now().Add(writeTimeout)) // an error means that this system's pipes have none
	if _, err := c.out.Write(frame(body)); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = fmt.Errorf("it has read nothing for %v", writeTimeout)
		}
		c.fail(fmt.Errorf("writing to gopls: %w", err))
	}
	return c.failure()
}
