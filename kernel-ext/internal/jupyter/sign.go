package jupyter

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// Delimiter ends the identities of a message.
const Delimiter = "<IDS|MSG>"

// Errors of Open; both are facts about a peer, not about this end.
var (
	ErrFrames    = errors.New("jupyter: not a message: wrong frames")
	ErrSignature = errors.New("jupyter: wrong signature")
)

// Signer signs and checks messages with a connection's key. An empty key means no signatures, as
// Jupyter has it. It may be used by several goroutines.
type Signer struct{ key []byte }

// NewSigner returns a signer; the only scheme is "hmac-sha256", and "" means it.
func NewSigner(scheme, key string) (*Signer, error) {
	if scheme != "" && scheme != "hmac-sha256" {
		return nil, fmt.Errorf("signature scheme %q: want hmac-sha256", scheme)
	}
	return &Signer{key: []byte(key)}, nil
}

// Envelope is a message whose frames are told apart and whose signature is right.
type Envelope struct {
	Identities                        [][]byte
	Header, Parent, Metadata, Content json.RawMessage
	Buffers                           [][]byte
}

// sign returns the hex HMAC of the four JSON frames, or nothing without a key.
func (s *Signer) sign(parts ...[]byte) []byte {
	if len(s.key) == 0 {
		return nil
	}
	mac := hmac.New(sha256.New, s.key)
	for _, p := range parts {
		mac.Write(p)
	}
	return hex.AppendEncode(nil, mac.Sum(nil))
}

// Open tells the frames of a message apart and checks the signature. The frames are not copied.
func (s *Signer) Open(frames [][]byte) (Envelope, error) {
	for i, f := range frames {
		if string(f) != Delimiter {
			continue
		}
		body := frames[i+1:]
		if len(body) < 5 {
			return Envelope{}, fmt.Errorf("%w: %d frames after the delimiter, want 5 or more", ErrFrames, len(body))
		}
		if len(s.key) > 0 && !hmac.Equal(body[0], s.sign(body[1:5]...)) {
			return Envelope{}, ErrSignature
		}
		return Envelope{
			Identities: frames[:i],
			Header:     body[1], Parent: body[2], Metadata: body[3], Content: body[4],
			Buffers: body[5:],
		}, nil
	}
	return Envelope{}, fmt.Errorf("%w: no delimiter in %d frames", ErrFrames, len(frames))
}

// Frames returns the signed frames of e.
func (s *Signer) Frames(e Envelope) [][]byte {
	frames := make([][]byte, 0, len(e.Identities)+6+len(e.Buffers))
	frames = append(frames, e.Identities...)
	frames = append(frames, []byte(Delimiter), s.sign(e.Header, e.Parent, e.Metadata, e.Content))
	frames = append(frames, e.Header, e.Parent, e.Metadata, e.Content)
	return append(frames, e.Buffers...)
}

// Message decodes the headers of e and checks that the rest is JSON.
func (e Envelope) Message() (Message, error) {
	m := Message{Identities: e.Identities, Metadata: e.Metadata, Content: e.Content, Buffers: e.Buffers}
	if err := json.Unmarshal(e.Header, &m.Header); err != nil {
		return Message{}, fmt.Errorf("%w: header: %v", ErrFrames, err)
	}
	if err := json.Unmarshal(e.Parent, &m.Parent); err != nil {
		return Message{}, fmt.Errorf("%w: parent header: %v", ErrFrames, err)
	}
	if m.Header.Type == "" {
		return Message{}, fmt.Errorf("%w: a header without msg_type", ErrFrames)
	}
	for name, part := range map[string]json.RawMessage{"metadata": e.Metadata, "content": e.Content} {
		if !json.Valid(part) {
			return Message{}, fmt.Errorf("%w: %s is no JSON", ErrFrames, name)
		}
	}
	return m, nil
}

// Decode is Open followed by Message.
func (s *Signer) Decode(frames [][]byte) (Message, error) {
	e, err := s.Open(frames)
	if err != nil {
		return Message{}, err
	}
	return e.Message()
}

// Encode returns the signed frames of m.
func (s *Signer) Encode(m Message) ([][]byte, error) {
	header, err := encode(m.Header)
	if err != nil {
		return nil, err
	}
	parent := []byte("{}")
	if m.Parent != (Header{}) {
		if parent, err = encode(m.Parent); err != nil {
			return nil, err
		}
	}
	return s.Frames(Envelope{
		Identities: m.Identities,
		Header:     header, Parent: parent, Metadata: orEmpty(m.Metadata), Content: orEmpty(m.Content),
		Buffers: m.Buffers,
	}), nil
}

func orEmpty(part json.RawMessage) json.RawMessage {
	if len(bytes.TrimSpace(part)) == 0 {
		return json.RawMessage("{}")
	}
	return part
}
