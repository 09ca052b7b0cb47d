package model

import (
	"fmt"
	"strings"
)

// freezeRule says of the variables of a pattern whether they stay as they are.
type freezeRule struct {
	pattern pattern
	frozen  bool
}

// FreezeVariables lets optimizers leave variables as they are whose path is of the pattern, those made later too; see [Capture] for
// patterns. It can be called before the first step, when there are none yet:
//
//	store.FreezeVariables("encoder/...")          // all of it
//	store.UnfreezeVariables("encoder/*/biases")   // but for these
//
// What is said last about a variable holds. It returns an error if the pattern is malformed; one that matches no variable is an error when
// something is trained ([Store.CheckFrozen]): it is mostly a typing mistake. Averages and other variables that are never trained are left alone.
func (s *Store) FreezeVariables(pathPattern string) error {
	return s.freeze("FreezeVariables", freezeRule{pattern(pathPattern), true})
}

// UnfreezeVariables takes back [Store.FreezeVariables] for some.
func (s *Store) UnfreezeVariables(pathPattern string) error {
	return s.freeze("UnfreezeVariables", freezeRule{pattern(pathPattern), false})
}

func (s *Store) freeze(caller string, r freezeRule) error {
	if err := checkPattern(caller, string(r.pattern)); err != nil {
		return err
	}
	s.mu.Lock()
	s.frozen = append(s.frozen, r)
	s.mu.Unlock()
	for v := range s.IterVariables() {
		if r.pattern.matches(v.path) {
			v.setFrozen(r.frozen)
		}
	}
	return nil
}

// freezeNew applies the rules to a variable that is being made. s.mu is held.
func (s *Store) freezeNew(v *Variable) {
	for _, r := range s.frozen {
		if r.pattern.matches(v.path) {
			v.frozen = r.frozen
		}
	}
}

// CheckFrozen returns an error if a pattern of [Store.FreezeVariables] or [Store.UnfreezeVariables] matches no variable. It is asked when gradients of
// variables are built, not when a part of a model is built by itself to be run: then the other parts may not be there yet.
func (s *Store) CheckFrozen() error {
	s.mu.Lock()
	missing := pattern("")
next:
	for _, r := range s.frozen {
		for p := range s.vars {
			if r.pattern.matches(p) {
				continue next
			}
		}
		missing = r.pattern
		break
	}
	s.mu.Unlock()
	if missing != "" {
		return fmt.Errorf("model: FreezeVariables or UnfreezeVariables(%q): the model has no variable of this path%s", string(missing), didYouMean(s, string(missing)))
	}
	return nil
}

// Frozen reports whether optimizers would change v, but for [Store.FreezeVariables].
func (v *Variable) Frozen() bool {
	trainable, frozen := v.own().flags()
	return trainable && frozen
}

func (v *Variable) setFrozen(frozen bool) {
	v.mu.Lock()
	changed := v.frozen != frozen && v.trainable && v.compiled
	v.frozen = frozen
	v.mu.Unlock()
	if changed {
		v.store.changed()
	}
}

// flags returns whether v would be trained, and whether a rule forbids it.
func (v *Variable) flags() (trainable, frozen bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.trainable, v.frozen
}

// changed lets graphs built before be compiled again.
func (s *Store) changed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generation++
}

// MatchVariables returns the variables whose path is of a pattern, by path; see [Capture] for patterns.
func (s *Store) MatchVariables(pathPattern string) (vars []*Variable, err error) {
	if err := checkPattern("MatchVariables", pathPattern); err != nil {
		return nil, err
	}
	for v := range s.IterVariables() {
		if pattern(pathPattern).matches(v.path) {
			vars = append(vars, v)
		}
	}
	return vars, nil
}

// ParameterCount is what the variables of one group hold.
type ParameterCount struct {
	Path       string // of the scope that they are below
	Parameters int    // numbers in variables of floats that are or could be trained, and all others
	Trainable  int    // of these, what is trained
	Bytes      int64
}

// ParameterCounts counts what variables hold by groups, which are those with the same first elements of their paths, as many as depth
// says: 1 counts by the outermost scopes, 2 by these and the ones in them. Variables with a shorter path are counted at their scope. The groups come by path.
func (s *Store) ParameterCounts(depth int) (counts []ParameterCount) {
	at := map[string]int{}
	for v := range s.IterVariables() {
		elements := strings.Split(strings.TrimPrefix(v.Scope(), "/"), "/")
		group := JoinPath(elements[:max(0, min(depth, len(elements)))]...)
		i, known := at[group]
		if !known {
			i = len(counts)
			at[group] = i
			counts = append(counts, ParameterCount{Path: group})
		}
		c := &counts[i]
		c.Parameters += v.shape.Size()
		c.Bytes += int64(v.shape.ByteSize())
		if v.Trainable() {
			c.Trainable += v.shape.Size()
		}
	}
	return counts
}
