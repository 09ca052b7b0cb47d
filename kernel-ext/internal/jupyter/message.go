package jupyter

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// ProtocolVersion is the version of the messaging protocol that is spoken here.
const ProtocolVersion = "5.4"

// Header says what a message is and where it comes from.
type Header struct {
	ID       string `json:"msg_id"`
	Session  string `json:"session"`
	Username string `json:"username"`
	Type     string `json:"msg_type"`
	Version  string `json:"version"`
	Date     string `json:"date"` // ISO 8601
}

// Message is a decoded message.
type Message struct {
	Identities [][]byte // routing frames before the delimiter
	Header     Header
	Parent     Header // zero if the message answers nothing
	Metadata   json.RawMessage
	Content    json.RawMessage
	Buffers    [][]byte // binary frames after the content, not signed
}

// NewHeader returns the header of a new message of the given type in a session.
func NewHeader(session, kind string) Header {
	return Header{
		ID: rand.Text(), Session: session, Username: username(), Type: kind,
		Version: ProtocolVersion, Date: time.Now().UTC().Format(time.RFC3339Nano),
	}
}

// username is who the messages are from; it is only for people to read.
func username() string {
	if name := os.Getenv("USER"); name != "" {
		return name
	}
	return "quire"
}

// NewMessage returns a message with the given content, which is encoded as JSON; parent may be the
// zero Header.
func NewMessage(session, kind string, parent Header, content any) (Message, error) {
	c, err := encode(content)
	if err != nil {
		return Message{}, fmt.Errorf("%s: %w", kind, err)
	}
	return Message{Header: NewHeader(session, kind), Parent: parent, Content: c}, nil
}

// Decode reads the content into v.
func (m Message) Decode(v any) error {
	if err := json.Unmarshal(m.Content, v); err != nil {
		return fmt.Errorf("content of %s: %w", m.Header.Type, err)
	}
	return nil
}

// encode is json.Marshal without escaping for HTML, as other Jupyter programs write it.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
