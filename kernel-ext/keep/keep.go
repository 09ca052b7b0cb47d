package keep

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"time"

	"github.com/quire-ml/quire/kernel-ext/carry"
	"github.com/quire-ml/quire/kernel-ext/internal/origin"
)

// Option says more about what a value of [Once] depends on.
type Option func(*settings) error

type settings struct {
	version string
	given   string // a hash of the values of On; "" for none
}

// Version says of which version that is which no source tells, such as a file that is read: another one makes the value again. With a
// version, a function may use variables of the function around it.
func Version(text string) Option {
	return func(s *settings) error {
		if text == "" {
			return errors.New("keep.Version: an empty version says nothing")
		}
		s.version = text
		return nil
	}
}

// On gives the values of variables that the function uses: others make the value again.
//
//	small, err := keep.Once("small", func() (*tensors.Tensor, error) { return load(n) }, keep.On(n))
func On(values ...any) Option {
	return func(s *settings) error {
		h := sha256.New()
		h.Write([]byte(s.given))
		for i, v := range values {
			if v == nil {
				h.Write([]byte("nil;"))
				continue
			}
			at := reflect.New(reflect.TypeOf(v))
			at.Elem().Set(reflect.ValueOf(v))
			var b bytes.Buffer
			if err := carry.Encode(&b, at.Interface()); err != nil {
				return fmt.Errorf("keep.On: value %d, a %T: %w", i+1, v, err)
			}
			h.Write([]byte(fmt.Sprintf("%T %d;", v, b.Len())))
			h.Write(b.Bytes())
		}
		s.given = hex.EncodeToString(h.Sum(nil)[:16])
		return nil
	}
}

// Once returns the value that fn makes: the one that is kept under the name if fn has not changed since, else what fn returns now, which is
// kept then. An error of fn is returned, and nothing is kept. The package comment says what a change is.
//
// If the value cannot be kept, since the disk is full, say, or there are functions in it, a line says so; it is returned all the same.
func Once[T any](name string, fn func() (T, error), options ...Option) (T, error) {
	var value T
	err := once(name, fn, &value, func() (err error) {
		value, err = fn()
		return err
	}, options)
	return value, err
}

// pair is what two values are kept as.
type pair[A, B any] struct {
	First  A
	Second B
}

// Once2 is [Once] for functions that return two values:
//
//	pictures, labels, err := keep.Once2("digits/train", digits.Train)
func Once2[A, B any](name string, fn func() (A, B, error), options ...Option) (A, B, error) {
	var value pair[A, B]
	err := once(name, fn, &value, func() (err error) {
		value.First, value.Second, err = fn()
		return err
	}, options)
	return value.First, value.Second, err
}

// once sets the value that p points to, by produce if it is not there.
func once(name string, fn, p any, produce func() error, options []Option) error {
	place := fmt.Sprintf("keep.Once %q", name)
	if err := checkName(name); err != nil {
		return fmt.Errorf("%s: %w", place, err)
	}
	want, err := wanted(fn, options)
	if err != nil {
		return fmt.Errorf("%s: %w", place, err)
	}
	s, err := open()
	if err != nil {
		return fmt.Errorf("%s: %w", place, err)
	}
	k := s.key(name)
	if why, err := k.take(want, p); why == "" {
		return wrap(place, err)
	}
	unlock, err := k.lock()
	if err != nil {
		return fmt.Errorf("%s: %w", place, err)
	}
	defer unlock()
	why, err := k.take(want, p) // another one may have made it meanwhile
	if why == "" {
		return wrap(place, err)
	}
	if why != missing {
		say("keep: %q is made again: %s", name, why)
	}
	return k.make(want, p, produce)
}

// make lets produce set the value that p points to, and keeps it. The name is locked.
func (k *key) make(want *record, p any, produce func() error) error {
	began, said := time.Now(), ""
	running := announce(k.name)
	defer func() { running.end(said) }() // also if produce panics
	if err := produce(); err != nil {
		zero(p)
		return err // the function's own
	}
	want.Name, want.Made, want.Took = k.name, time.Now(), time.Since(began)
	if err := k.save(want, p); err != nil {
		running.end("")
		say("keep: %q is not kept: %v", k.name, err)
		return nil
	}
	said = fmt.Sprintf("keep: %q is made, in %v: %s", k.name, round(want.Took), want.Summary)
	return nil
}

func wrap(place string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", place, err)
	}
	return nil
}

// zero removes what a function that failed has returned.
func zero(p any) { reflect.ValueOf(p).Elem().SetZero() }

// wanted returns what a value must have been made by.
func wanted(fn any, options []Option) (*record, error) {
	if reflect.ValueOf(fn).IsNil() {
		return nil, errors.New("the function is nil")
	}
	var set settings
	for _, o := range options {
		if o == nil {
			continue
		}
		if err := o(&set); err != nil {
			return nil, err
		}
	}
	from, err := origin.Of(fn)
	if err != nil {
		return nil, err
	}
	if len(from.Free) > 0 && set.given == "" && set.version == "" {
		return nil, fmt.Errorf("the function uses %s, and its source does not say what that is: add keep.On(%s), so that another value makes it again; or keep.Version(\"v1\"), and another version whenever it must be made again",
			list(from.Free), strings.Join(givable(from.Free), ", "))
	}
	return &record{Func: from.Func, Given: set.given, Version: set.version, from: from}, nil
}

// givable returns what can be written as an argument of On.
func givable(free []string) (names []string) {
	for _, name := range free {
		if !strings.Contains(name, " ") {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		names = []string{"…"}
	}
	return names
}

func list(names []string) string {
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return names[0]
}

// Put keeps a value under a name, in the place of what is there. It stays until it is dropped.
func Put[T any](name string, value T) error {
	place := fmt.Sprintf("keep.Put %q", name)
	if err := checkName(name); err != nil {
		return fmt.Errorf("%s: %w", place, err)
	}
	s, err := open()
	if err != nil {
		return fmt.Errorf("%s: %w", place, err)
	}
	k := s.key(name)
	unlock, err := k.lock()
	if err != nil {
		return fmt.Errorf("%s: %w", place, err)
	}
	defer unlock()
	return wrap(place, k.save(&record{Name: name, Made: time.Now(), ByHand: true}, &value))
}

// Get returns the value of a name. Its type must be the one that was kept.
func Get[T any](name string) (value T, err error) {
	place := fmt.Sprintf("keep.Get %q", name)
	if err := checkName(name); err != nil {
		return value, fmt.Errorf("%s: %w", place, err)
	}
	s, err := open()
	if err != nil {
		return value, fmt.Errorf("%s: %w", place, err)
	}
	r, err := s.key(name).load(&value)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("nothing is kept under this name: keep.List() says what is (%w)", fs.ErrNotExist)
	case err != nil && r != nil && r.Type != reflect.TypeFor[T]().String():
		err = fmt.Errorf("a value of type %s is kept under this name, not %s", r.Type, reflect.TypeFor[T]())
	}
	return value, wrap(place, err)
}

// Drop removes the values of these names. It is an error if there is none of a name; the others are removed then as well.
func Drop(names ...string) error {
	s, err := open()
	if err != nil {
		return fmt.Errorf("keep.Drop: %w", err)
	}
	var all []error
	for _, name := range names {
		if err := s.drop(name); err != nil {
			all = append(all, fmt.Errorf("keep.Drop %q: %w", name, err))
		}
	}
	return errors.Join(all...)
}
