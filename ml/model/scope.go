package model

import (
	"fmt"
	"iter"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/initializers"
)

// Scope is a path in a [Store], with the initializer for new variables. Scopes are cheap values, made
// anew for each graph; methods that return another scope leave the one they are called on as it is.
type Scope struct {
	store       *Store
	path        string
	visits      map[string]place         // path → where: scopes entered and variables asked for in this graph
	initializer initializers.Initializer // nil for the default
	biases      initializers.Initializer // of biases; nil for 0
	precision   *precision               // of the graph being built; nil for none
	vars        *graphVars               // of the graph being built, to undo what a failed build made; may be nil
	layer       string                   // whose scope it is, for errors; may be ""
	wrapped     bool                     // it is that of a wrapper, which is not wrapped itself
	since       graph.NodeId             // the last node before it was entered, in the graph being built; -1 for none
}

func newScope(s *Store, path string) *Scope {
	return &Scope{store: s, path: path, visits: map[string]place{}}
}

// made panics with [graph.Error] if s is nil or was not made by a store.
func (s *Scope) made() *Scope {
	if s == nil || s.store == nil || s.visits == nil {
		graph.Errorf("the scope is nil, or a zero Scope: an Exec passes one to its function, and Store.RootScope returns one")
	}
	return s
}

// Store returns the store.
func (s *Scope) Store() *Store { return s.made().store }

// Path returns the path, such as "/encoder/layer1".
func (s *Scope) Path() string { return s.made().path }

// String returns the path.
func (s *Scope) String() string { return s.path }

// sub returns the scope at a path below s.
func (s *Scope) sub(nameFormat string, args []any) *Scope {
	s.made()
	name := nameFormat
	if len(args) > 0 {
		name = fmt.Sprintf(nameFormat, args...)
	}
	if strings.Trim(name, "/") == "" {
		graph.Errorf("scope %q: the name of a scope in it is empty", s.path)
	}
	c := *s
	c.path, c.layer, c.since = JoinPath(s.path, name), "", -1
	if s.vars != nil {
		if last := s.vars.graph.LastNode(); last != nil {
			c.since = last.Id()
		}
	}
	return &c
}

// In enters the scope with the given name below s, for the first and only time in this graph: each layer
// gets a scope of its own. It panics with [graph.Error] if the name was used before in this graph; see
// [Scope.Shared].
func (s *Scope) In(nameFormat string, args ...any) *Scope {
	c := s.sub(nameFormat, args)
	if first, used := s.visits[c.path]; used {
		graph.Errorf("scope %q is used twice in this graph (first%s): give each layer a name of its own, or share the variables with Shared(%q)", c.path, at(" at ", first), c.path[strings.LastIndexByte(c.path, '/')+1:])
	}
	s.visits[c.path] = where()
	return c
}

// Shared enters the scope with the given name below s, which others in the same graph may share: the same
// names below it are the same variables. Within each entry names are still checked.
func (s *Scope) Shared(nameFormat string, args ...any) *Scope {
	c := s.sub(nameFormat, args)
	if _, used := s.visits[c.path]; !used {
		s.visits[c.path] = where()
	}
	c.visits = map[string]place{}
	return c
}

// At returns the scope with the given name below s without entering it: to look at its variables or to
// set its hyperparameters.
func (s *Scope) At(nameFormat string, args ...any) *Scope {
	c := s.sub(nameFormat, args)
	c.visits = map[string]place{}
	return c
}

// Layer returns the scope with the name of the layer that it is for and its input: errors about variables begin with them.
func (s *Scope) Layer(name string, input *graph.Node) *Scope {
	c := *s.made()
	c.layer = name + ": "
	if input != nil {
		c.layer = name + " " + input.Shape().String() + ": "
	}
	return &c
}

// WithInitializer returns the scope with another initializer for its new variables and those below it, but for biases, see
// [Scope.WithBiasInitializer]. The default is [initializers.Default].
func (s *Scope) WithInitializer(initializer initializers.Initializer) *Scope {
	c := *s
	c.initializer = initializer
	return &c
}

// WithBiasInitializer returns the scope with another initializer for the biases of layers below it, which begin with 0 otherwise:
// [initializers.Default] begins them at random, as PyTorch does, which networks of few inputs, such as those of differential equations, learn from sooner.
func (s *Scope) WithBiasInitializer(initializer initializers.Initializer) *Scope {
	c := *s
	c.biases = initializer
	return &c
}

// Biases returns the scope whose new variables begin as biases do.
func (s *Scope) Biases() *Scope {
	if s.biases == nil {
		return s.WithInitializer(initializers.Zero)
	}
	return s.WithInitializer(s.biases)
}

// Initializer returns the initializer for new variables.
func (s *Scope) Initializer() initializers.Initializer { return s.InitializerOr(initializers.Default) }

// InitializerOr returns the initializer that was set with [Scope.WithInitializer], or other if none was: for
// layers with a better default.
func (s *Scope) InitializerOr(other initializers.Initializer) initializers.Initializer {
	if s.initializer == nil {
		return other
	}
	return s.initializer
}

// VariableWithShape returns the variable with the given name in s. If there is none it is made, with the
// scope's initializer; floats are trainable. It panics with [graph.Error] if there is one of another
// shape, or if the name was used before in this graph.
func (s *Scope) VariableWithShape(name string, shape shapes.Shape) *Variable {
	if err := shape.Check(); err != nil {
		graph.Errorf("variable %q: %w", JoinPath(s.path, name), err)
	}
	return s.variable(name, shape, nil)
}

// VariableWithValue returns the variable with the given name in s. If there is none it is made with a copy
// of defaultValue, a tensor or a Go value. It panics as [Scope.VariableWithShape] does.
func (s *Scope) VariableWithValue(name string, defaultValue any) *Variable {
	t, err := tensors.FromAnyValue(defaultValue)
	if err == nil {
		t, err = t.Clone()
	}
	if err != nil {
		graph.Errorf("variable %q: %w", JoinPath(s.path, name), err)
	}
	return s.variable(name, t.Shape(), t)
}

func (s *Scope) variable(name string, shape shapes.Shape, value *tensors.Tensor) *Variable {
	s.made()
	if name == "" || strings.Contains(name, "/") {
		graph.Errorf("scope %q: %q is no name of a variable: it must not be empty or contain a slash", s.path, name)
	}
	path, place := JoinPath(s.path, name), where()
	if first, used := s.visits[path]; used {
		graph.Errorf("%svariable %q is made twice in this graph (first%s): give it a scope of its own with In, or share it with Shared", s.layer, path, at(" at ", first))
	}
	s.visits[path] = place
	if v := s.replaced(path, shape, place); v != nil {
		return v
	}
	if kept := s.precision.kept(shape); !kept.Equal(shape) {
		if value != nil {
			var err error
			if value, err = value.ConvertDType(kept.DType); err != nil {
				graph.Errorf("variable %q: %w", path, err)
			}
		}
		v := s.ownOrNew(path, place, kept, value)
		s.precision.views[v] = true
		return s.wrap(v)
	}
	return s.wrap(s.ownOrNew(path, place, shape, value))
}

// ownOrNew returns the variable at a path, which is made if there is none.
func (s *Scope) ownOrNew(path string, place place, shape shapes.Shape, value *tensors.Tensor) *Variable {
	if v := s.store.GetVariable(path); v != nil {
		if !v.shape.Equal(shape) {
			graph.Errorf("%svariable %q is %s%s, but %s is asked for here: use another scope, or delete it first with DeleteVariable", s.layer, path, v.shape, at(", made at ", v.madeAt), shape)
		}
		return v
	}
	v := &Variable{store: s.store, path: path, shape: shape.Clone(), trainable: shape.DType.IsFloat(), madeAt: place}
	if value == nil {
		v.init = s.store.initial(path, shape, s.Initializer())
	}
	v.value = v.newValue(value)
	if err := s.store.insert(v); err != nil {
		graph.Errorf("%w", err)
	}
	if s.vars != nil {
		s.vars.created = append(s.vars.created, v)
	}
	return v
}

// GetVariable returns the variable with the given name in s, nil if there is none.
func (s *Scope) GetVariable(name string) *Variable {
	return s.store.GetVariable(JoinPath(s.path, name))
}

// CreateVariable adds a variable, see [Store.CreateVariable].
func (s *Scope) CreateVariable(name string, value *tensors.Tensor) (*Variable, error) {
	return s.store.CreateVariable(JoinPath(s.path, name), value)
}

// DeleteVariable removes a variable, see [Store.DeleteVariable].
func (s *Scope) DeleteVariable(name string) error {
	return s.store.DeleteVariable(JoinPath(s.path, name))
}

// IterVariables iterates over the variables at or below s, in the order of their paths.
func (s *Scope) IterVariables() iter.Seq[*Variable] {
	return func(yield func(*Variable) bool) {
		for _, v := range s.store.sorted(s.path) {
			if !yield(v) {
				return
			}
		}
	}
}

// NumVariables returns the number of variables at or below s.
func (s *Scope) NumVariables() int { return len(s.store.sorted(s.path)) }

// NumParameters returns the number of elements of the trainable variables at or below s.
func (s *Scope) NumParameters() int {
	n := 0
	for v := range s.IterVariables() {
		if v.Trainable() {
			n += v.shape.Size()
		}
	}
	return n
}

// ByteSize returns the number of bytes of the variables at or below s.
func (s *Scope) ByteSize() int64 {
	var n int64
	for v := range s.IterVariables() {
		n += int64(v.shape.ByteSize())
	}
	return n
}

// IsTraining reports whether a graph is one that trains: then dropout drops and norms use the batch.
func (s *Scope) IsTraining(g *graph.Graph) bool { return s.made().store.IsTraining(g) }
