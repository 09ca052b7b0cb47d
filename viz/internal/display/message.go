package display

import (
	"encoding/json"
	"math"

	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// Message is one thing to display.
type Message struct {
	Data map[string]any // by MIME type: a string, bytes, or json.RawMessage, which gonb does not carry
	Meta map[string]any // as display_data has it
	ID   string         // of the display that a later message with the same ID takes the place of; "" for none
}

// displayData returns m in GoNB's protocol. That is gob, in which an interface holds only types that both ends have
// registered, and GoNB registers no map[string]any. So of the metadata pass texts, numbers and truth values, and objects of
// texts alone or numbers alone, such as the width and height of a picture; of another object its numbers pass, and the rest
// of it is left out, as is all else.
func (m Message) displayData() *protocol.DisplayData {
	d := &protocol.DisplayData{Data: make(map[protocol.MIMEType]any, len(m.Data)), DisplayID: m.ID}
	for mime, v := range m.Data {
		if _, isJSON := v.(json.RawMessage); !isJSON { // front ends take it apart, and would find a text
			d.Data[protocol.MIMEType(mime)] = v
		}
	}
	for key, v := range m.Meta {
		if p := passing(v); p != nil {
			if d.Metadata == nil {
				d.Metadata = map[string]any{}
			}
			d.Metadata[key] = p
		}
	}
	return d
}

// metadata returns the metadata as JSON; what cannot be written as JSON is left out.
func (m Message) metadata() json.RawMessage {
	meta := make(map[string]json.RawMessage, len(m.Meta))
	for key, v := range m.Meta {
		if text, err := json.Marshal(v); err == nil {
			meta[key] = text
		}
	}
	text, err := json.Marshal(meta)
	if err != nil {
		return nil
	}
	return text
}

// passing returns the part of v that gob carries to GoNB, nil if there is none.
func passing(v any) any {
	switch x := v.(type) {
	case string, bool, map[string]string, map[string]int:
		return x
	case map[string]any:
		return passingObject(x)
	}
	if n, ok := number(v); ok {
		return n
	}
	return nil
}

// passingObject returns the texts of an object that has nothing else, otherwise its numbers.
func passingObject(x map[string]any) any {
	texts, numbers := map[string]string{}, map[string]float64{}
	for key, v := range x {
		if s, ok := v.(string); ok {
			texts[key] = s
		}
		if n, ok := number(v); ok {
			numbers[key] = n
		}
	}
	switch {
	case len(texts) == len(x):
		return texts
	case len(numbers) == 0:
		return nil
	}
	return numbers
}

// number returns v as JSON has numbers; not ok if it is none, or none that JSON has.
func number(v any) (float64, bool) {
	switch n := v.(type) {
	case int:
		return float64(n), true
	case float64:
		return n, !math.IsNaN(n) && !math.IsInf(n, 0)
	}
	return 0, false
}
