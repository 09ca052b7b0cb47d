package model

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
)

// Store holds the variables and hyperparameters of a model by path, such as "/hidden/weights". It is safe
// for several goroutines: runs that change variables follow each other, all others run beside them, each on the values of
// one moment.
type Store struct {
	mu         sync.Mutex
	vars       map[string]*Variable
	params     map[string]*param // by full path
	declared   map[string]*declaration
	seed       int64
	shardings  []shardingRule
	frozen     []freezeRule
	wrappers   []wrapper
	generation int // changes with what is baked into compiled graphs: parameters, trainable flags, shardings, deletions

	run      sync.Mutex   // held where values of variables are looked up and changed: by a run that changes them, from beginning to end
	versions atomic.Int64 // counts changes of values
}

// DefaultSeed is the seed of a store whose [Store.SetRNGStateFromSeed] was not called.
const DefaultSeed = 42

// NewStore returns a store without variables.
func NewStore() *Store {
	return &Store{vars: map[string]*Variable{}, params: map[string]*param{}, declared: map[string]*declaration{}, seed: DefaultSeed}
}

// Store returns s itself; with [Scope.Store] it makes a [StoreProvider].
func (s *Store) Store() *Store { return s }

// StoreProvider is what belongs to a store: a Store or a Scope.
type StoreProvider interface{ Store() *Store }

// RootScope returns a new scope at "/". Names are checked for double use among the scopes that are made
// from it.
func (s *Store) RootScope() *Scope { return newScope(s, "/") }

// Scope returns a new scope at a path such as "/encoder/layer1".
func (s *Store) Scope(fullPath string) *Scope { return newScope(s, JoinPath("/", fullPath)) }

// JoinPath joins elements to a path: one "/" between them and at the beginning, none at the end.
func JoinPath(elements ...string) string {
	for len(elements) > 1 && elements[0] == "/" {
		elements = elements[1:]
	}
	if len(elements) == 1 && isPath(elements[0]) {
		return elements[0]
	}
	length := 1
	for _, e := range elements {
		length += 1 + len(e)
	}
	path := make([]byte, 0, length)
	for _, e := range elements {
		for p := range strings.SplitSeq(e, "/") {
			if p != "" {
				path = append(append(path, '/'), p...)
			}
		}
	}
	if len(path) == 0 {
		return "/"
	}
	return string(path)
}

// isPath reports whether JoinPath would change nothing.
func isPath(s string) bool {
	if !strings.HasPrefix(s, "/") || len(s) > 1 && strings.HasSuffix(s, "/") {
		return false
	}
	return !strings.Contains(s, "//")
}

// SplitPath splits the path of a variable into its scope and its name: "/a/b" into "/a" and "b".
func SplitPath(fullPath string) (scope, name string) {
	fullPath = JoinPath(fullPath)
	i := strings.LastIndexByte(fullPath, '/')
	return JoinPath(fullPath[:i]), fullPath[i+1:]
}

// GetVariable returns the variable with the given path, nil if there is none.
func (s *Store) GetVariable(fullPath string) *Variable {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.vars[JoinPath(fullPath)]
}

// CreateVariable adds a variable with a copy of value; floats are trainable. It returns an error if the path is taken.
func (s *Store) CreateVariable(fullPath string, value *tensors.Tensor) (*Variable, error) {
	if err := value.CheckValid(); err != nil {
		return nil, fmt.Errorf("model: variable %q: %w", fullPath, err)
	}
	value, err := value.Clone()
	if err != nil {
		return nil, fmt.Errorf("model: variable %q: %w", fullPath, err)
	}
	return s.create(JoinPath(fullPath), where(), value)
}

func (s *Store) create(path string, place place, value *tensors.Tensor) (*Variable, error) {
	v := &Variable{store: s, path: path, shape: value.Shape(), trainable: value.DType().IsFloat(), madeAt: place}
	v.value = v.newValue(value)
	if err := s.insert(v); err != nil {
		return nil, err
	}
	return v, nil
}

func (s *Store) insert(v *Variable) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.vars == nil {
		return fmt.Errorf("model: the variable %q: the store is a zero Store: make it with NewStore", v.path)
	}
	if old := s.vars[v.path]; old != nil {
		return fmt.Errorf("model: the variable %q exists already, as %s%s", v.path, old.shape, at(", made at ", old.madeAt))
	}
	s.shardNew(v)
	s.freezeNew(v)
	s.vars[v.path] = v
	return nil
}

// Rebuild lets graphs that were built from the store be built and compiled anew when they are next run: for who changes what
// models look at when they are built.
func (s *Store) Rebuild() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generation++
}

// DeleteVariable removes a variable and releases its value. Graphs that use it are compiled again, and
// make it anew. It returns an error if there is none.
func (s *Store) DeleteVariable(fullPath string) error {
	path := JoinPath(fullPath)
	s.mu.Lock()
	v := s.vars[path]
	delete(s.vars, path)
	s.generation++
	s.mu.Unlock()
	if v == nil {
		return fmt.Errorf("model: there is no variable %q to delete%s", path, didYouMean(s, path))
	}
	s.run.Lock()
	defer s.run.Unlock()
	v.release()
	return nil
}

// DeleteVariablesInScope removes all variables at or below a path.
func (s *Store) DeleteVariablesInScope(fullPath string) error {
	for v := range s.Scope(fullPath).IterVariables() {
		if err := s.DeleteVariable(v.path); err != nil {
			return err
		}
	}
	return nil
}

// IterVariables iterates over the variables in the order of their paths. Variables may be added and deleted meanwhile.
func (s *Store) IterVariables() iter.Seq[*Variable] {
	return func(yield func(*Variable) bool) {
		for _, v := range s.sorted("/") {
			if !yield(v) {
				return
			}
		}
	}
}

// sorted returns the variables at or below path, by path.
func (s *Store) sorted(path string) []*Variable {
	s.mu.Lock()
	defer s.mu.Unlock()
	var vars []*Variable
	for _, p := range slices.Sorted(maps.Keys(s.vars)) {
		if path == "/" || p == path || strings.HasPrefix(p, path+"/") {
			vars = append(vars, s.vars[p])
		}
	}
	return vars
}

// NumVariables returns the number of variables.
func (s *Store) NumVariables() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.vars)
}

// NumParameters returns the number of elements of all trainable variables.
func (s *Store) NumParameters() int { return s.RootScope().NumParameters() }

// ByteSize returns the number of bytes of all variables.
func (s *Store) ByteSize() int64 { return s.RootScope().ByteSize() }

// Clone returns a store with the values of all variables, which it shares until either store changes them, and with copies of
// all hyperparameters.
func (s *Store) Clone() (*Store, error) {
	c := NewStore()
	vars := s.sorted("/")
	values, err := s.holdAll(vars)
	if err != nil {
		return nil, fmt.Errorf("model: cloning a store: %w", err)
	}
	for i, v := range vars {
		w := &Variable{store: c, path: v.path, shape: v.shape, madeAt: v.madeAt, value: values[i]}
		c.versions.Store(max(c.versions.Load(), values[i].version))
		c.vars[v.path] = w
		w.trainable, w.frozen = v.flags()
		w.sharding = v.Sharding()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.seed = s.seed
	c.shardings, c.frozen, c.wrappers = slices.Clone(s.shardings), slices.Clone(s.frozen), slices.Clone(s.wrappers)
	for k, p := range s.params {
		copied := *p
		c.params[k] = &copied
	}
	maps.Copy(c.declared, s.declared)
	return c, nil
}

// Close releases all variables. The store is empty afterwards and can be used anew. The error is always nil.
func (s *Store) Close() error {
	for v := range s.IterVariables() {
		s.DeleteVariable(v.path)
	}
	return nil
}

// Finalize is [Store.Close] by its name in GoMLX.
//
// Deprecated: use Close. It goes with the next release.
func (s *Store) Finalize() { s.Close() }

// trainingKey is the key of a graph's training flag.
type trainingKey struct{}

// SetTraining marks a graph as one that trains, or not. Layers such as dropout ask for it.
func (s *Store) SetTraining(g *graph.Graph, value bool) { g.AttachState(trainingKey{}, value) }

// IsTraining reports whether a graph is marked as one that trains.
func (s *Store) IsTraining(g *graph.Graph) bool {
	training, _ := g.State(trainingKey{}).(bool)
	return training
}

// currentGeneration returns the number that compiled graphs are valid for.
func (s *Store) currentGeneration() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.generation
}
