package model

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// rawText is the value of a hyperparameter that was given as text, until its type is known.
type rawText string

func isParamType(v any) bool {
	switch v.(type) {
	case bool, int, float64, string, []bool, []int, []float64, []string:
		return true
	}
	return false
}

func typeName(v any) string {
	if _, raw := v.(rawText); raw {
		return "text"
	}
	return fmt.Sprintf("%T", v)
}

// normalParam turns the other integers and floats of Go into int and float64.
func normalParam(v any) any {
	r := reflect.ValueOf(v)
	switch {
	case !r.IsValid() || isParamType(v) || r.Type() == reflect.TypeFor[rawText]():
		return v
	case r.CanInt() && r.Int() == int64(int(r.Int())):
		return int(r.Int())
	case r.CanUint() && r.Uint() <= math.MaxInt:
		return int(r.Uint())
	case r.CanFloat():
		return r.Float()
	}
	return v
}

func equalParams(a, b any) bool { return reflect.DeepEqual(a, b) }

// convertParam converts v to the type of like, if nothing is lost.
func convertParam(v, like any) (any, error) {
	if reflect.TypeOf(v) == reflect.TypeOf(like) {
		return v, nil
	}
	switch v := v.(type) {
	case rawText:
		return parseParam(string(v), like)
	case int:
		if _, ok := like.(float64); ok && int(float64(v)) == v {
			return float64(v), nil
		}
	case float64:
		if _, ok := like.(int); ok && v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int(v), nil
		}
	case []int:
		if _, ok := like.([]float64); ok {
			out := make([]float64, len(v))
			for i, x := range v {
				out[i] = float64(x)
			}
			return out, nil
		}
	}
	return nil, fmt.Errorf("%v is %s, want %s", v, typeName(v), typeName(like))
}

func parseParam(text string, like any) (any, error) {
	bad := func() (any, error) { return nil, fmt.Errorf("%q is no %s", text, typeName(like)) }
	switch like.(type) {
	case string:
		return text, nil
	case bool:
		v, err := strconv.ParseBool(text)
		if err != nil {
			return bad()
		}
		return v, nil
	case int:
		v, err := strconv.Atoi(text)
		if err != nil {
			return bad()
		}
		return v, nil
	case float64:
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return bad()
		}
		return v, nil
	}
	// A slice: each element by the rule of its type.
	t := reflect.TypeOf(like)
	out := reflect.MakeSlice(t, 0, 0)
	if text != "" {
		for part := range strings.SplitSeq(text, ",") {
			v, err := parseParam(strings.TrimSpace(part), reflect.Zero(t.Elem()).Interface())
			if err != nil {
				return bad()
			}
			out = reflect.Append(out, reflect.ValueOf(v))
		}
	}
	return out.Interface(), nil
}
