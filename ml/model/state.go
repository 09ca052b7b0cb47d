package model

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/ir/capability"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/internal/ordered"
)

// State is what a [Store] is, as plain values of one moment: what it takes to have the same store in another process. The state
// of optimizers and of the random generator is in variables.
type State struct {
	Seed      int64
	Variables []VariableState
	Params    []ParamState
	Declared  []ParamState // hyperparameters that were declared, with their defaults
	Shardings []ShardingState
	Frozen    []FreezeState
}

// VariableState is a variable of a [State].
type VariableState struct {
	Path      string
	Value     *tensors.Tensor
	Backend   graph.Backend // where the value lies, of one that stays there, see [Store.StateWhere]; then Value is nil
	Buffer    graph.Buffer  // of Backend
	Trainable bool          // but for rules in [State.Frozen]
	Transient bool          // see [Variable.SetTransient]
	Sharding  []string      // see [Variable.SetSharding]
	MadeAt    string        // see [Variable.MadeAt]
}

// ParamState is a hyperparameter of a [State].
type ParamState struct {
	Path  string
	Value any    // bool, int, float64, string, or a slice of these
	Text  bool   // Value is the text of [Store.ParseParams], whose type is not known yet
	SetAt string // the line
	Err   string // why it is no good; then Value may be nil
	Doc   string // of a declared one
}

// ShardingState is a rule of [Store.ShardVariables].
type ShardingState struct {
	Pattern string
	Axes    []string
}

// FreezeState is a call of [Store.FreezeVariables], or of [Store.UnfreezeVariables] if Frozen is false.
type FreezeState struct {
	Pattern string
	Frozen  bool
}

// State returns what the store is at this moment; it waits for a run that is changing variables. The values are shared with the
// store, and must not be changed; the caller closes the state. A variable whose value was lost is an error.
func (s *Store) State() (*State, error) { return s.StateWhere(nil) }

// StateWhere is [Store.State] without what lies on a backend for which stays says so, if that shares values between its instances
// ([capability.Adopter]): of these the state has a buffer, and nothing is copied. A nil stays is never so.
func (s *Store) StateWhere(stays func(graph.Backend) bool) (*State, error) {
	out := &State{}
	snapshot := s.Snapshot()
	defer snapshot.Close()
	if err := out.takeVariables(s, snapshot, stays); err != nil {
		out.Close()
		return nil, fmt.Errorf("model: the state of a store: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out.Seed = s.seed
	for path, p := range ordered.All(s.params) {
		out.Params = append(out.Params, p.state(path))
	}
	for path, d := range ordered.All(s.declared) {
		out.Declared = append(out.Declared, ParamState{Path: path, Value: d.value, Doc: d.doc})
	}
	for _, r := range s.shardings {
		out.Shardings = append(out.Shardings, ShardingState{string(r.pattern), r.axes})
	}
	for _, r := range s.frozen {
		out.Frozen = append(out.Frozen, FreezeState{string(r.pattern), r.frozen})
	}
	return out, nil
}

func (st *State) takeVariables(s *Store, snapshot *Snapshot, stays func(graph.Backend) bool) error {
	for _, v := range s.sorted("/") {
		x := snapshot.Value(v.path)
		if x == nil { // it was made at this moment, or its value was lost
			if _, err := v.Value(); err != nil {
				return err
			}
			continue
		}
		one := VariableState{Path: v.path, Trainable: v.Trainable() || v.Frozen(), Transient: v.Transient(), Sharding: v.Sharding(), MadeAt: v.MadeAt()}
		if stays != nil {
			one.Backend, one.Buffer = x.on(stays)
		}
		if one.Buffer == nil {
			var err error
			if one.Value, err = x.ToHost(); err != nil {
				return err
			}
		}
		st.Variables = append(st.Variables, one)
	}
	return nil
}

func (p *param) state(path string) ParamState {
	out := ParamState{Path: path, SetAt: p.place.String()}
	if p.err != nil {
		out.Err = p.err.Error()
	}
	if raw, ok := p.value.(rawText); ok {
		out.Value, out.Text = string(raw), true
	} else if isParamType(p.value) {
		out.Value = p.value
	}
	return out
}

// Close gives the values up. Closing again is fine. The error is always nil.
func (st *State) Close() error {
	for _, v := range st.Variables {
		if v.Buffer != nil {
			v.Buffer.Close()
		} else {
			v.Value.Close()
		}
	}
	st.Variables = nil
	return nil
}

// FromState returns a store that is what another one was. The values become its own: the state is closed, also after an error.
// It returns an error for what no store is: two variables of one path, a value that is closed, a hyperparameter of no type.
//
// What made a variable's first value is not part of a state: [Variable.Reset] is an error for variables that come from one.
func FromState(st *State) (*Store, error) {
	if st == nil {
		return nil, errors.New("model.FromState: the state is nil")
	}
	defer st.Close()
	s := NewStore()
	s.seed = st.Seed
	for _, r := range st.Shardings {
		if err := s.ShardVariables(r.Pattern, r.Axes...); err != nil {
			return nil, err
		}
	}
	for _, r := range st.Frozen {
		if err := s.freeze("FreezeVariables", freezeRule{pattern(r.Pattern), r.Frozen}); err != nil {
			return nil, err
		}
	}
	for _, d := range st.Declared {
		if err := s.DeclareParam(d.Path, d.Value, d.Doc); err != nil {
			return nil, err
		}
	}
	for i := range st.Variables {
		if err := s.takeVariable(&st.Variables[i]); err != nil {
			return nil, err
		}
	}
	for _, p := range st.Params {
		if err := s.takeParam(p); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// takeVariable adds a variable with the value of a state, which it shares.
func (s *Store) takeVariable(x *VariableState) error {
	path := JoinPath(x.Path)
	v := &Variable{store: s, path: path, madeAt: place{text: x.MadeAt}}
	if x.Buffer != nil {
		buf, ok := capability.Adopt(x.Backend, x.Buffer)
		if !ok {
			return fmt.Errorf("model.FromState: variable %q: its buffer is closed, or of no backend that shares buffers", path)
		}
		v.shape = buf.Shape()
		v.value = v.newValue(nil)
		v.value.copies = append(v.value.first[:0], onBackend{x.Backend, buf})
	} else if err := x.Value.CheckValid(); err != nil {
		return fmt.Errorf("model.FromState: variable %q: %w", path, err)
	} else {
		v.shape = x.Value.Shape()
		v.value = v.newValue(x.Value.Share())
	}
	if err := s.insert(v); err != nil {
		v.value.release()
		return err
	}
	v.trainable = x.Trainable && v.shape.DType.IsFloat()
	v.transient = x.Transient
	v.sharding = ir.Sharding(slices.Clone(x.Sharding))
	return nil
}

func (s *Store) takeParam(x ParamState) error {
	p := &param{value: x.Value, place: place{text: x.SetAt}}
	if text, ok := x.Value.(string); ok && x.Text {
		p.value = rawText(text)
	} else if !isParamType(x.Value) && x.Err == "" {
		return fmt.Errorf("model.FromState: hyperparameter %q: %T is no type of hyperparameters", x.Path, x.Value)
	}
	if x.Err != "" {
		p.err = errors.New(x.Err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.params[JoinPath(x.Path)] = p
	return nil
}
