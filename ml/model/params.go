package model

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/internal/names"
	"github.com/quire-ml/quire/ml/internal/ordered"
)

// param is a hyperparameter that was set.
type param struct {
	value any   // of one of the types of paramValue, or rawText
	place place // where it was set
	err   error // why it is no good; reported when it is set and when a model is built
}

// declaration says that a hyperparameter exists.
type declaration struct {
	name  string
	value any // the default, which gives the type
	doc   string
}

// known are the hyperparameters that packages register when the program starts.
var known = struct {
	sync.Mutex
	m map[string]*declaration
}{m: map[string]*declaration{}}

// RegisterParam tells all stores of a hyperparameter: its name, its default, which gives the type, and
// what it does. Packages of layers and optimizers call it from init. It panics if the type is none that
// hyperparameters have (bool, int, float64, string, and slices of these), or if the name is taken by another type.
func RegisterParam(name string, defaultValue any, doc string) {
	if !isParamType(defaultValue) {
		panic(fmt.Sprintf("model: hyperparameter %q: %T is no type of hyperparameters", name, defaultValue))
	}
	known.Lock()
	defer known.Unlock()
	if old := known.m[name]; old != nil && typeName(old.value) != typeName(defaultValue) {
		panic(fmt.Sprintf("model: hyperparameter %q is registered as %s and as %s", name, typeName(old.value), typeName(defaultValue)))
	}
	known.m[name] = &declaration{name, defaultValue, doc}
}

// DeclareParam tells the store of a hyperparameter of the model: its name, its default, which gives the
// type, and what it does. [GetParamOr] does so by itself for what it is asked for; declaring is needed
// only where a hyperparameter is set and the graph that asks for it is not the first one to be built. It
// returns an error if the type is none of bool, int, float64, string and slices of these, or if what was
// set has another type.
func (s *Store) DeclareParam(name string, defaultValue any, doc string) error {
	if !isParamType(defaultValue) {
		return fmt.Errorf("model: hyperparameter %q: %T is no type of hyperparameters: want bool, int, float64, string, or a slice of these", name, defaultValue)
	}
	if old := s.declaration(name); old != nil && typeName(old.value) != typeName(defaultValue) {
		return fmt.Errorf("model: hyperparameter %q is %s and cannot be declared as %s", name, typeName(old.value), typeName(defaultValue))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.declared[name] = &declaration{name, defaultValue, doc}
	for path, p := range ordered.All(s.params) {
		if _, n := SplitPath(path); n == name {
			p.adapt(n, defaultValue)
			if p.err != nil {
				return p.err
			}
		}
	}
	return nil
}

// declaration returns what is known of a name, nil if nothing is.
func (s *Store) declaration(name string) *declaration {
	s.mu.Lock()
	d := s.declared[name]
	s.mu.Unlock()
	if d != nil {
		return d
	}
	known.Lock()
	defer known.Unlock()
	return known.m[name]
}

// knownNames returns the names of all hyperparameters that are known, sorted.
func (s *Store) knownNames() []string {
	known.Lock()
	names := slices.Collect(maps.Keys(known.m))
	known.Unlock()
	s.mu.Lock()
	names = slices.AppendSeq(names, maps.Keys(s.declared))
	s.mu.Unlock()
	slices.Sort(names)
	return slices.Compact(names)
}

// adapt converts p to the type of like, or notes that it cannot be.
func (p *param) adapt(name string, like any) {
	v, err := convertParam(p.value, like)
	if err != nil {
		p.err = fmt.Errorf("model: hyperparameter %q%s: %w", name, at(", set at ", p.place), err)
		return
	}
	p.value, p.err = v, nil
}

// SetParam sets a hyperparameter for s and all below it: a bool, int, float64, string or a slice of
// these. It returns an error if the name is known with another type. Whether an unknown name is a typing
// mistake shows when the model is built: that fails if nobody asks for it. What an error reports is also
// reported when a model is built, so that it may be ignored here.
func (s *Scope) SetParam(key string, value any) error {
	return s.store.setParam(JoinPath(s.path, key), value, where())
}

// SetParam sets a hyperparameter for the whole model, see [Scope.SetParam]; a key with a path, such as
// "/encoder/dropout_rate", sets it for what is below that. Elements of the path may hold the wildcards of [path.Match]:
// "/block*/dropout_rate" is that of all blocks. A path without wildcards holds before patterns, and these in the order of their text.
func (s *Store) SetParam(key string, value any) error {
	return s.setParam(JoinPath(key), value, where())
}

// SetParams sets several hyperparameters, see [Scope.SetParam]. It returns the first error by name.
func (s *Scope) SetParams(keyValues map[string]any) error {
	return setParams(s.SetParam, keyValues)
}

// SetParams sets several hyperparameters, see [Store.SetParam]. It returns the first error by name.
func (s *Store) SetParams(keyValues map[string]any) error {
	return setParams(s.SetParam, keyValues)
}

func setParams(set func(string, any) error, keyValues map[string]any) (first error) {
	for _, k := range slices.Sorted(maps.Keys(keyValues)) {
		if err := set(k, keyValues[k]); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (s *Store) setParam(path string, value any, place place) error {
	_, name := SplitPath(path)
	p := &param{value: normalParam(value), place: place}
	if d := s.declaration(name); d != nil {
		p.adapt(name, d.value)
	} else if _, raw := p.value.(rawText); !raw && !isParamType(p.value) {
		p.err = fmt.Errorf("model: hyperparameter %q%s: %T is no type of hyperparameters: want bool, int, float64, string, or a slice of these", name, at(", set at ", place), value)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.params[path]; old == nil || old.err != nil || !equalParams(old.value, p.value) {
		s.generation++
	}
	s.params[path] = p
	return p.err
}

// ParseParams sets hyperparameters from text such as "learning_rate=0.01;/encoder/dropout_rate=0.1", as
// flags of commands give them. Elements of slices are separated by commas. It returns an error for what
// is not of this form, or not of the type that a name has.
func (s *Store) ParseParams(text string) error {
	place := where()
	for part := range strings.SplitSeq(text, ";") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		key, value, ok := strings.Cut(part, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !ok || key == "" {
			return fmt.Errorf(`model: hyperparameters %q: %q is not of the form name=value`, text, part)
		}
		if err := s.setParam(JoinPath(key), rawText(value), place); err != nil {
			return err
		}
	}
	return nil
}

// DeleteParam removes a hyperparameter that was set, so that its default counts again.
func (s *Store) DeleteParam(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.params, JoinPath(key))
	s.generation++
}

// GetParam returns the hyperparameter that is set for s: in s itself or in the nearest scope above.
func (s *Scope) GetParam(key string) (value any, found bool) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	for path := s.path; ; path, _ = SplitPath(path) {
		if p := s.store.paramAt(JoinPath(path, key)); p != nil {
			if raw, isRaw := p.value.(rawText); isRaw {
				return string(raw), true
			}
			return p.value, true
		}
		if path == "/" {
			return nil, false
		}
	}
}

// paramAt returns the hyperparameter of a path, or of the first pattern that the path is one of; nil if there is none. s.mu is held.
func (s *Store) paramAt(fullPath string) *param {
	if p := s.params[fullPath]; p != nil {
		return p
	}
	for path, p := range ordered.All(s.params) {
		if strings.ContainsAny(path, "*?[") && pattern(path).matches(fullPath) {
			return p
		}
	}
	return nil
}

// GetParam returns the hyperparameter that is set at a path; a key without a path is one for the whole model.
func (s *Store) GetParam(key string) (value any, found bool) {
	scope, name := SplitPath(key)
	return s.Scope(scope).GetParam(name)
}

// IterParams iterates over the hyperparameters that were set, by path.
func (s *Store) IterParams() iter.Seq2[string, any] {
	s.mu.Lock()
	values := map[string]any{}
	for path, p := range s.params {
		values[path] = p.value
		if raw, isRaw := p.value.(rawText); isRaw {
			values[path] = string(raw)
		}
	}
	s.mu.Unlock()
	return func(yield func(string, any) bool) {
		for _, path := range slices.Sorted(maps.Keys(values)) {
			if !yield(path, values[path]) {
				return
			}
		}
	}
}

// ParamValue lists the types of hyperparameters.
type ParamValue interface {
	bool | int | float64 | string | []bool | []int | []float64 | []string
}

// GetParamOr returns the hyperparameter that is set for s or a scope above it, and defaultValue if none
// is. It makes the name known. It panics with [graph.Error] if what was set has another type and cannot
// be converted without loss.
func GetParamOr[T ParamValue](s *Scope, key string, defaultValue T) T {
	if err := s.made().store.DeclareParam(key, defaultValue, ""); err != nil {
		graph.Errorf("%w", err)
	}
	if v, found := s.GetParam(key); found {
		return v.(T)
	}
	return defaultValue
}

// CheckParams returns an error if a hyperparameter was set that nobody knows, or to a value of another
// type. [Exec] and trainers call it when they have built a graph.
func (s *Store) CheckParams() error {
	s.mu.Lock()
	params := maps.Clone(s.params)
	s.mu.Unlock()
	for _, path := range slices.Sorted(maps.Keys(params)) {
		p := params[path]
		_, name := SplitPath(path)
		switch {
		case p.err != nil:
			return p.err
		case s.declaration(name) == nil:
			known := s.knownNames()
			return fmt.Errorf("model: hyperparameter %q%s, is unknown: nothing in the model asked for it%s (known: %s; DeclareParam makes one known)", path, at(", set at ", p.place), names.Hint(name, known), strings.Join(known, ", "))
		}
	}
	return nil
}
