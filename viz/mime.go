package viz

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/quire-ml/quire/viz/internal/display"
)

// form is how data of a MIME type stands in a message of Jupyter's protocol.
type form int

const (
	asText   form = iota // a string
	asJSON               // an object, a list, whatever it is
	asBase64             // a string in base64: JSON has no bytes
)

// formOf returns the form of a MIME type: text/*, XML and scripts are text, application/json and all that end in +json are
// JSON, the rest is binary.
func formOf(mime string) form {
	mime, _, _ = strings.Cut(strings.ToLower(mime), ";") // text/plain; charset=utf-8
	mime = strings.TrimSpace(mime)
	switch {
	case mime == "application/json", strings.HasSuffix(mime, "+json"):
		return asJSON
	case strings.HasPrefix(mime, "text/"), strings.HasSuffix(mime, "+xml"), mime == "application/xml", mime == "application/javascript":
		return asText
	}
	return asBase64
}

// displayData is the part of a display_data message that a bundle is.
type displayData struct {
	Data map[string]any `json:"data"`
	Meta map[string]any `json:"metadata"`
}

// MarshalJSON writes data and metadata of a display_data message of Jupyter's protocol: text as strings, JSON types as what
// they hold, binary types in base64. Bytes of a text that are no UTF-8 become U+FFFD. It returns an error if the data of a
// JSON type is no JSON, or the metadata cannot be written as JSON.
func (b Bundle) MarshalJSON() ([]byte, error) {
	m := displayData{Data: map[string]any{}, Meta: b.Meta}
	if m.Meta == nil {
		m.Meta = map[string]any{}
	}
	for mime, data := range b.Data {
		switch formOf(mime) {
		case asText:
			m.Data[mime] = string(data)
		case asJSON:
			if !json.Valid(data) {
				return nil, fmt.Errorf("viz.Bundle: the data of %s is no JSON: %.40q", mime, data)
			}
			m.Data[mime] = json.RawMessage(data)
		default:
			m.Data[mime] = base64.StdEncoding.EncodeToString(data)
		}
	}
	return json.Marshal(m)
}

// UnmarshalJSON reads what MarshalJSON writes, and outputs of notebook files, which store texts as lists of lines. It
// returns an error if data of a text is no string or list of strings, or that of a binary type is no base64.
func (b *Bundle) UnmarshalJSON(text []byte) error {
	var m struct {
		Data map[string]json.RawMessage `json:"data"`
		Meta map[string]any             `json:"metadata"`
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return fmt.Errorf("viz.Bundle: %w", err)
	}
	read := Bundle{Data: map[string][]byte{}, Meta: m.Meta}
	for mime, raw := range m.Data {
		data, err := dataOf(formOf(mime), raw)
		if err != nil {
			return fmt.Errorf("viz.Bundle: the data of %s: %w", mime, err)
		}
		read.Data[mime] = data
	}
	if len(m.Meta) == 0 {
		read.Meta = nil
	}
	*b = read
	return nil
}

// dataOf returns the bytes that a message carries in the given form.
func dataOf(f form, raw json.RawMessage) ([]byte, error) {
	if f == asJSON {
		return bytes.Clone(raw), nil
	}
	var lines []string
	if json.Unmarshal(raw, &lines) != nil {
		lines = make([]string, 1)
		if err := json.Unmarshal(raw, &lines[0]); err != nil {
			return nil, err
		}
	}
	text := strings.Join(lines, "")
	if f == asText {
		return []byte(text), nil
	}
	return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
}

// wire returns b as what is sent to a notebook, where id names the display.
func (b Bundle) wire(id string) display.Message {
	m := display.Message{Data: make(map[string]any, len(b.Data)), Meta: b.Meta, ID: id}
	for mime, data := range b.Data {
		switch formOf(mime) {
		case asText:
			m.Data[mime] = string(data)
		case asJSON:
			if json.Valid(data) {
				m.Data[mime] = json.RawMessage(data)
			}
		case asBase64:
			m.Data[mime] = data
		}
	}
	return m
}
