package checkpoints

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Param is a hyperparameter that was set.
type Param struct {
	Path  string
	Type  string // as fmt writes it with %T
	Value any    // of that type: bool, int, float64, string, or a slice of one
}

type paramJSON struct {
	Path  string          `json:"path"`
	Type  string          `json:"type"`
	Value json.RawMessage `json:"value"`
}

// MarshalJSON writes the parameter; NaN and infinities, which JSON lacks, become text.
func (p Param) MarshalJSON() ([]byte, error) {
	var value any = p.Value
	switch v := p.Value.(type) {
	case float64:
		value = float(v)
	case []float64:
		list := make([]float, len(v))
		for i, x := range v {
			list[i] = float(x)
		}
		value = list
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("hyperparameter %q: %w", p.Path, err)
	}
	return json.Marshal(paramJSON{p.Path, p.Type, text})
}

// UnmarshalJSON reads what MarshalJSON wrote. A value of an unknown type, of a newer program, stays as JSON has it.
func (p *Param) UnmarshalJSON(text []byte) error {
	var j paramJSON
	if err := json.Unmarshal(text, &j); err != nil {
		return err
	}
	value, err := typed(j.Type, j.Value)
	if err != nil {
		return fmt.Errorf("hyperparameter %q: %w", j.Path, err)
	}
	*p = Param{j.Path, j.Type, value}
	return nil
}

// typed returns a value as what it was before JSON made it a number or a list.
func typed(name string, text json.RawMessage) (any, error) {
	switch name {
	case "bool":
		return decode[bool](text)
	case "int":
		return decode[int](text)
	case "float64":
		v, err := decode[float](text)
		if err != nil {
			return nil, err
		}
		return float64(v.(float)), nil
	case "string":
		return decode[string](text)
	case "[]bool":
		return decode[[]bool](text)
	case "[]int":
		return decode[[]int](text)
	case "[]float64":
		v, err := decode[[]float](text)
		if err != nil {
			return nil, err
		}
		list := make([]float64, len(v.([]float)))
		for i, x := range v.([]float) {
			list[i] = float64(x)
		}
		return list, nil
	case "[]string":
		return decode[[]string](text)
	}
	return unknownParam(text), nil
}

// unknownParam is the value of a parameter of a type that this program does not know, as JSON has it.
type unknownParam json.RawMessage

// MarshalJSON writes it as it was.
func (u unknownParam) MarshalJSON() ([]byte, error) {
	if len(u) == 0 {
		return []byte("null"), nil
	}
	return u, nil
}

func decode[T any](text []byte) (any, error) {
	var v T
	err := json.Unmarshal(text, &v)
	return v, err
}

// float is a float64 that JSON can hold whatever it is.
type float float64

func (f float) MarshalJSON() ([]byte, error) {
	if v := float64(f); math.IsNaN(v) || math.IsInf(v, 0) {
		return json.Marshal(fmt.Sprint(v))
	}
	return json.Marshal(float64(f))
}

func (f *float) UnmarshalJSON(text []byte) error {
	var name string
	if json.Unmarshal(text, &name) != nil || name == "" {
		return json.Unmarshal(text, (*float64)(f))
	}
	v, err := strconv.ParseFloat(name, 64)
	if err != nil || !math.IsNaN(v) && !math.IsInf(v, 0) {
		return fmt.Errorf("%q is no number", name)
	}
	*f = float(v)
	return nil
}
